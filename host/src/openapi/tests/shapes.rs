//! What shapes come of schemas: what leads to something classified, and nothing else.

use serde_json::json;

use super::{classification, document, fields, with_schemas};

#[test]
fn members_lists_and_the_rest_are_followed() {
    let schemas = r#"
Root:
  type: object
  properties:
    name: { type: string, x-pii: true }
    tags: { type: array, items: { type: string } }
    mails: { type: array, items: { type: string, x-pii: contact } }
    pair: { type: array, prefixItems: [{ type: number }, { x-pii: contact }], items: false }
    by_id: { type: object, additionalProperties: { x-pii: true } }
    phones: { type: object, patternProperties: { '^home': { x-pii: contact } } }
    others: { type: object, unevaluatedProperties: { x-pii: true } }
"#;
    assert_eq!(
        fields(schemas),
        [
            "200 body $.by_id.* PII confidential",
            "200 body $.mails[*] contact confidential",
            "200 body $.name PII confidential",
            "200 body $.others.* PII confidential",
            "200 body $.pair[*] contact confidential",
            "200 body $.phones.* contact confidential",
        ]
    );
}

#[test]
fn whatever_may_hold_of_a_value_holds() {
    let schemas = r#"
Root:
  allOf: [{ properties: { a: { x-pii: true } } }]
  anyOf: [{ properties: { b: { x-pii: true } } }]
  oneOf: [{ properties: { c: { x-pii: true } } }]
  if: { properties: { d: { x-pii: true } } }
  then: { properties: { e: { x-pii: true } } }
  else: { properties: { f: { x-pii: true } } }
  dependentSchemas: { a: { properties: { g: { x-pii: true } } } }
  not: { properties: { h: { x-pii: true } } }
"#;
    let expected = ["a", "b", "c", "d", "e", "f", "g"].map(|name| format!("200 body $.{name} PII confidential"));
    let mut found = fields(schemas);
    found.sort();
    assert_eq!(found, expected);
}

#[test]
fn what_stands_beside_a_reference_counts_in_every_version() {
    let schemas =
        "Root: { $ref: '#/components/schemas/Base', x-pii: health }\nBase: { properties: { a: { x-pii: true } } }";
    let expected = ["200 body $ health confidential", "200 body $.a PII confidential"];
    assert_eq!(fields(schemas), expected);
    let text = with_schemas(schemas).replace("3.1.0", "3.0.4");
    assert_eq!(super::listed(&document(&text), "get"), expected);
}

#[test]
fn a_discriminator_leads_to_all_that_a_value_may_be() {
    let schemas = r#"
Root:
  discriminator: { propertyName: kind, mapping: { d: Dog, c: '#/components/schemas/Cat' } }
Dog: { properties: { chip: { x-pii: true } } }
Cat: { properties: { owner: { x-pii: contact } } }
Fish: { allOf: [{ $ref: '#/components/schemas/Root' }, { properties: { pond: { x-pii: location } } }] }
Bird: { properties: { ring: { x-pii: true } } }
"#;
    let mut found = fields(schemas);
    found.sort();
    let expected = [
        "200 body $.chip PII confidential",
        "200 body $.owner contact confidential",
        "200 body $.pond location confidential",
    ];
    assert_eq!(found, expected);
}

#[test]
fn json_within_strings_has_a_shape_of_its_own() {
    let schemas = "Root: { properties: { raw: { type: string, contentMediaType: application/json, contentSchema: { properties: { mail: { x-pii: contact } } } } } }";
    assert_eq!(fields(schemas), ["200 body $.raw.mail contact confidential"]);
    let told = classification(&document(&with_schemas(schemas)), "get");
    let shapes = json!([
        { "members": { "raw": 1 } },
        { "embedded": 2 },
        { "members": { "mail": 3 }, "closed": true },
        { "class": 0 },
    ]);
    assert_eq!(told["shapes"], shapes);
    let nothing = schemas.replace("x-pii: contact", "x-pii: false").replace("raw:", "id: { x-pii: true }, raw:");
    let told = classification(&document(&with_schemas(&nothing)), "get");
    assert_eq!(told["shapes"][0]["listed"], json!(["raw"]), "what holds nothing classified leads nowhere");
}

#[test]
fn what_leads_to_nothing_classified_is_not_there() {
    let schemas = r#"
Root:
  properties:
    id: { type: integer }
    order: { $ref: '#/components/schemas/Order' }
    owner: { properties: { mail: { x-pii: contact }, age: { type: integer } } }
Order: { properties: { lines: { type: array, items: { $ref: '#/components/schemas/Line' } } } }
Line: { properties: { order: { $ref: '#/components/schemas/Order' }, sku: { type: string } } }
"#;
    assert_eq!(
        classification(&document(&with_schemas(schemas)), "get"),
        json!({
            "classes": [{ "category": "contact", "sensitivity": "confidential" }],
            "shapes": [
                { "members": { "owner": 1 } },
                { "members": { "mail": 2 }, "closed": true, "listed": ["age"] },
                { "class": 0 },
            ],
            "operations": { "get": { "responses": { "200": 0 } } },
        })
    );
}

#[test]
fn an_object_is_closed_by_a_classified_member_and_lists_the_others_of_all_its_schemas() {
    let schemas = r#"
Root:
  allOf:
    - $ref: '#/components/schemas/Base'
    - { properties: { mail: { $ref: '#/components/schemas/Mail' }, note: { type: string } } }
Base: { properties: { id: { type: integer }, deep: { properties: { x: {} } } } }
Mail: { allOf: [{ type: string, x-pii: contact }] }
"#;
    let told = classification(&document(&with_schemas(schemas)), "get");
    assert_eq!(
        told["shapes"],
        json!([
            { "also": [1, 2] },
            { "listed": ["deep", "id"] },
            { "members": { "mail": 3 }, "closed": true, "listed": ["note"] },
            { "class": 0 },
        ])
    );
}

#[test]
fn what_is_public_closes_nothing() {
    let told = classification(
        &document(&with_schemas("Root: { properties: { nick: { x-data-classification: public }, a: {} } }")),
        "get",
    );
    assert_eq!(told["shapes"], json!([{ "members": { "nick": 1 } }, { "class": 0 }]));
}

#[test]
fn names_are_listed_beside_what_holds_for_all_others() {
    let told = classification(
        &document(&with_schemas("Root: { properties: { id: {} }, additionalProperties: { x-pii: true } }")),
        "get",
    );
    assert_eq!(told["shapes"], json!([{ "rest": 1, "listed": ["id"] }, { "class": 0 }]));
}

#[test]
fn a_schema_that_names_itself_is_one_shape() {
    let schemas = r#"
Root:
  properties:
    name: { x-pii: true }
    children: { type: array, items: { $ref: '#/components/schemas/Root' } }
    parent: { $ref: '#/components/schemas/Root' }
"#;
    let told = classification(&document(&with_schemas(schemas)), "get");
    assert_eq!(
        told["shapes"],
        json!([
            { "members": { "children": 1, "name": 2, "parent": 0 }, "closed": true },
            { "items": 0 },
            { "class": 0 },
        ])
    );
    assert_eq!(fields(schemas), ["200 body $.name PII confidential"]);
}

#[test]
fn schemas_that_are_each_other_end() {
    let schemas = "Root: { allOf: [{ $ref: '#/components/schemas/Other' }] }\nOther: { anyOf: [{ $ref: '#/components/schemas/Root' }, { properties: { a: { x-pii: true } } }] }";
    assert_eq!(fields(schemas), ["200 body $.a PII confidential"]);
    assert_eq!(fields("Root: { $ref: '#/components/schemas/Root' }"), Vec::<String>::new());
}

#[test]
fn several_media_types_are_one_body_and_what_cannot_be_read_is_named() {
    let text = r#"
openapi: 3.2.0
paths:
  /a:
    post:
      operationId: get
      requestBody:
        content:
          application/json: { schema: { properties: { a: { x-pii: true } } } }
          application/vnd.pets+json: { schema: { properties: { b: { x-pii: true } } } }
          application/x-www-form-urlencoded: { schema: { properties: { c: { x-pii: true }, d: {}, e: { items: { x-pii: contact } } } } }
          multipart/form-data: { schema: { properties: { c: { x-pii: true } } } }
          text/csv: { schema: { type: string } }
      responses:
        '200': { content: { application/xml: { schema: { x-pii: true } } } }
        4XX: { content: { text/event-stream: { itemSchema: { properties: { data: { contentSchema: { properties: { f: { x-pii: true } } } } } } } } }
"#;
    let told = classification(&document(text), "get");
    assert_eq!(
        told["operations"]["get"],
        json!({
            "request": 0, "form": { "c": 0, "e": 1 }, "unread": ["multipart/form-data"],
            "responses": { "200": 1, "4XX": 2 }, "response_unread": { "200": ["application/xml"], "4XX": [] },
        })
    );
    assert_eq!(told["shapes"][0], json!({ "also": [3, 4] }));
    assert_eq!(told["shapes"][1], json!({}), "nothing of it is known to be classified");
    let found = super::listed(&document(text), "get");
    assert!(found.contains(&"4XX body $.f PII confidential".to_owned()), "{found:?}");
    assert!(found.contains(&"body $.a PII confidential".to_owned()), "{found:?}");
}

#[test]
fn a_query_that_is_an_object_has_its_members_as_names() {
    let text = r#"
openapi: 3.2.0
paths:
  /a:
    get:
      operationId: get
      parameters:
        - { name: who, in: query, schema: { properties: { mail: { x-pii: contact }, page: {} } } }
        - { name: filter, in: query, style: deepObject, schema: { properties: { name: { x-pii: true } } } }
        - { name: all, in: querystring, content: { application/x-www-form-urlencoded: { schema: { properties: { tel: { x-pii: contact } } } } } }
"#;
    let told = classification(&document(text), "get");
    assert_eq!(
        told["operations"]["get"],
        json!({ "query": { "filter": 0, "filter[name]": 0, "mail": 1, "tel": 1, "who": 1 } })
    );
}

#[test]
fn media_types_that_are_not_read_are_named_as_messages_name_them() {
    let text = r#"
openapi: 3.1.0
paths:
  /a:
    post:
      operationId: get
      requestBody:
        content:
          Application/XML; charset=utf-8: { schema: { x-pii: true } }
          image/*: { schema: { x-pii: true } }
          '*/*; q=0.1': { schema: { properties: { a: { x-pii: true } } } }
          text/*: { schema: { type: string } }
"#;
    let told = classification(&document(text), "get");
    let expected = json!({ "request": 0, "unread": ["*/*", "application/xml", "image/*"] });
    assert_eq!(told["operations"]["get"], expected, "a range may be JSON, and what nobody reads");
    assert_eq!(told["shapes"][0]["members"], json!({ "a": 1 }));
}

#[test]
fn a_form_that_is_an_answer_is_a_type_nobody_reads() {
    let text = r#"
openapi: 3.1.0
paths:
  /token:
    post:
      operationId: get
      responses:
        200: { content: { application/x-www-form-urlencoded: { schema: { properties: { token: { x-pii: secret } } } } } }
"#;
    let told = classification(&document(text), "get");
    let expected = json!({ "response_unread": { "200": ["application/x-www-form-urlencoded"] } });
    assert_eq!(told["operations"]["get"], expected);
}
