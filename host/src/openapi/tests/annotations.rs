//! Annotations: what they say, where they are read, and what is wrong with others.

use serde_json::json;

use super::{assert_fault, classification, document, faults, fields, with_schemas};

/// The class of a schema with this annotation.
fn class(annotation: &str) -> serde_json::Value {
    let text = with_schemas(&format!("Root: {{ {annotation} }}"));
    classification(&document(&text), "get")["classes"].clone()
}

#[test]
fn an_annotation_says_category_sensitivity_and_masking() {
    let all =
        "x-data-classification: { category: health, sensitivity: restricted, masking: { strategy: partial, keep: 4 } }";
    let masking = json!({ "strategy": "partial", "keep": 4 });
    assert_eq!(class(all), json!([{ "category": "health", "sensitivity": "restricted", "masking": masking }]));
    let one = |category: &str, sensitivity: &str| json!([{ "category": category, "sensitivity": sensitivity }]);
    for (annotation, expected) in [
        ("x-data-classification: restricted", one("other", "restricted")),
        ("x-data-classification: { category: pii }", one("PII", "confidential")),
        (
            "x-data-classification: { category: loyalty card, description: of the shop, x-owner: us }",
            one("loyalty card", "confidential"),
        ),
        ("x-data-classification: { sensitivity: public }", one("other", "public")),
        ("x-pii: true", one("PII", "confidential")),
        ("x-pii: Contact", one("contact", "confidential")),
        ("x-pii: email", one("email", "confidential")),
        ("x-pii: false", json!([])),
        ("x-pii: true, x-data-classification: { category: financial }", one("financial", "confidential")),
        ("x-pii: false, x-data-classification: internal", one("other", "internal")),
    ] {
        assert_eq!(class(annotation), expected, "{annotation}");
    }
}

#[test]
fn a_strategy_nobody_knows_is_for_policies_to_judge() {
    let class = class("x-data-classification: { masking: { strategy: shred, twice: true } }");
    assert_eq!(class[0]["masking"], json!({ "strategy": "shred", "twice": true }));
}

#[test]
fn an_annotation_that_cannot_be_understood_is_a_fault() {
    for (annotation, expected) in [
        ("x-pii: 3", "/Root/x-pii: is a number; write `true`, `false` or a category"),
        ("x-pii: null", "is null"),
        ("x-pii: ''", "`` is no category"),
        ("x-pii: [email]", "is a list"),
        (
            "x-data-classification: secret",
            "`secret` is no sensitivity; write one of public, internal, confidential, restricted",
        ),
        ("x-data-classification: [pii]", "is a list; write a sensitivity, or an object"),
        ("x-data-classification: { sensitivty: restricted }", "/x-data-classification/sensitivty: is not known"),
        ("x-data-classification: { sensitivity: high }", "/sensitivity: `high` is no sensitivity"),
        ("x-data-classification: { sensitivity: 1 }", "/sensitivity: is a number"),
        ("x-data-classification: { category: [a] }", "/category: is a list"),
        ("x-data-classification: { masking: full }", "/masking: is a string; write an object with `strategy`"),
        ("x-data-classification: { masking: {} }", "/masking: says no strategy"),
        ("x-data-classification: { masking: { strategy: 1 } }", "/masking/strategy: names no strategy"),
        (
            "x-data-classification: { masking: { strategy: null } }",
            "/masking/strategy: is null, which YAML reads where it is not quoted; write `strategy: \"null\"`",
        ),
    ] {
        assert_fault(&with_schemas(&format!("Root: {{ {annotation} }}")), expected);
    }
}

#[test]
fn all_faults_come_at_once_with_file_line_and_pointer() {
    let text = with_schemas("Root:\n  properties:\n    a/b: { x-pii: 1 }\n    c~d:\n      x-pii: 2");
    let found = faults(&[("pets/openapi.yaml", &text)]);
    let begin = |text: &str| text.split(": is").next().unwrap().to_owned();
    let found: Vec<_> = found.iter().map(|fault| begin(fault)).collect();
    let expected = [
        "pets/openapi.yaml:13 #/components/schemas/Root/properties/a~1b/x-pii",
        "pets/openapi.yaml:15 #/components/schemas/Root/properties/c~0d/x-pii",
    ];
    assert_eq!(found, expected);
}

#[test]
fn many_faults_are_counted_and_not_all_told() {
    let properties: String = (0..100).map(|n| format!("    p{n}: {{ x-pii: {n} }}\n")).collect();
    let found = faults(&[("pets/openapi.yaml", &with_schemas(&format!("Root:\n  properties:\n{properties}")))]);
    assert_eq!(found.len(), 20);
    assert!(found[19].ends_with("there are 80 more faults"), "{}", found[19]);
}

#[test]
fn an_annotation_where_nothing_is_read_is_a_fault() {
    let base = with_schemas("Root: {}");
    assert_fault(
        &format!("{base}info: {{ title: a, x-pii: true }}\n"),
        "#/info/x-pii: says nothing here; put it on a schema",
    );
    assert_fault(
        &base.replace("operationId: get", "operationId: get\n      x-data-classification: restricted"),
        "/paths/~1root/get/x-data-classification: says nothing here",
    );
}

#[test]
fn data_that_looks_like_an_annotation_is_none() {
    let schemas = "Root:\n  example: { x-pii: 3 }\n  default: { x-pii: 3 }\n  enum: [{ x-pii: 3 }]\n  x-vendor: { x-pii: 3 }\n  \
                   properties: { x-pii: { type: boolean }, x-data-classification: { type: string, x-pii: email } }";
    assert_eq!(fields(schemas), ["200 body $['x-data-classification'] email confidential"]);
}

#[test]
fn what_is_said_where_a_parameter_is_used_counts_before_what_it_says_itself() {
    let text = r#"
openapi: 3.1.0
paths:
  /a: { get: { operationId: get, parameters: [{ $ref: '#/components/parameters/Id', x-pii: health }] } }
components: { parameters: { Id: { name: id, in: query, x-pii: true } } }
"#;
    assert_eq!(super::listed(&document(text), "get"), ["query id health confidential"]);
}

#[test]
fn parameters_headers_and_media_types_are_annotated_too() {
    let text = r#"
openapi: 3.0.3
paths:
  /a/{id}:
    parameters:
      - { name: id, in: path, required: true, schema: { type: string, x-pii: government-id } }
      - { name: X-User, in: header, x-pii: true, schema: { type: string } }
    post:
      operationId: get
      parameters:
        - { name: email, in: query, x-pii: contact, schema: { type: string } }
        - { name: session, in: cookie, x-data-classification: { category: credential, sensitivity: restricted }, schema: { type: string } }
        - $ref: '#/components/parameters/Phone'
      requestBody:
        content:
          application/json: { x-data-classification: restricted, schema: { type: object } }
      responses:
        default:
          description: any
          headers: { X-Owner: { schema: { type: string, x-pii: true } } }
          content:
            application/x-ndjson: { schema: { type: array, items: { type: object, properties: { a: { x-pii: true } } } } }
components:
  parameters:
    Phone: { name: phone, in: query, schema: { $ref: '#/components/schemas/Phone' } }
  schemas:
    Phone: { type: string, x-pii: contact }
"#;
    let found = super::listed(&document(text), "get");
    assert_eq!(
        found,
        [
            "path id government-id confidential",
            "query email contact confidential",
            "query phone contact confidential",
            "cookie session credential restricted",
            "header x-user PII confidential",
            "body $ other restricted",
            "default header x-owner PII confidential",
            "default body $[*].a PII confidential",
            "default body $.a PII confidential",
        ]
    );
    let told = classification(&document(text), "get")["operations"]["get"].clone();
    assert_eq!(
        told,
        json!({
            "request": 0, "query": { "email": 0, "phone": 0 }, "headers": { "x-user": 1 }, "path": { "id": 2 },
            "cookies": { "session": 3 }, "responses": { "default": 1 }, "response_headers": { "default": { "x-owner": 1 } },
        })
    );
}
