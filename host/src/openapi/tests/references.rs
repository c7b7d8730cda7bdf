//! References: within a document, to other files, in circles and to nowhere.

use super::{assert_fault, faults, listed, read, with_schemas};

#[test]
fn a_pointer_has_the_escapes_of_pointers_and_of_uris() {
    let schemas = "Root: { $ref: '#/components/schemas/a~1b%20~0%C3%A9' }\n'a/b ~é': { x-pii: true }";
    assert_eq!(super::fields(schemas), ["200 body $ PII confidential"]);
    let schemas = "Root: { $ref: '#/components/schemas/List/allOf/1' }\nList: { allOf: [{}, { x-pii: true }] }";
    assert_eq!(super::fields(schemas), ["200 body $ PII confidential"]);
}

#[test]
fn a_reference_that_leads_nowhere_is_a_fault() {
    for (reference, expected) in [
        ("#/components/schemas/Absent", "leads nowhere: there is no `Absent`"),
        ("#/components/schemas/Root/allOf/9", "leads nowhere"),
        ("#Anchor", "names an anchor, and anchors are not followed"),
        ("#/%zz", "has a `%` that escapes nothing"),
        ("other.yaml", "names no file of the folder of the API"),
        ("../other.yaml", "names no file of the folder of the API"),
        ("https://example.com/a.yaml#/A", "leads out of the folder of the API: nothing is fetched"),
        ("/etc/passwd", "leads out of the folder"),
    ] {
        assert_fault(&with_schemas(&format!("Root: {{ $ref: '{reference}' }}")), expected);
    }
    assert_fault(&with_schemas("Root: { $ref: 3 }"), "/Root/$ref: is a number; write a reference");
    assert_fault(&with_schemas("Root: { $dynamicRef: '#a' }"), "/Root/$dynamicRef: is not followed");
}

#[test]
fn parameters_that_refer_to_each_other_are_a_fault() {
    let text = with_schemas("Root: {}")
        + "  parameters: { A: { $ref: '#/components/parameters/B' }, B: { $ref: '#/components/parameters/A' } }\n";
    let found = faults(&[("pets/openapi.yaml", &text)]);
    assert!(found.iter().all(|fault| fault.contains("leads to references without end")), "{found:?}");
}

#[test]
fn other_files_of_the_folder_are_read_and_refer_to_themselves_and_back() {
    let main = with_schemas("Root: { $ref: 'common/owner.json#/Owner' }\nTag: { x-pii: tag }");
    let owner = r##"{"Owner": {"properties": {"mail": {"$ref": "#/Mail"}, "tag": {"$ref": "../openapi.yaml#/components/schemas/Tag"},
                    "smile \ud83d\ude00": {"x-pii": true}}}, "Mail": {"x-pii": "contact"}}"##;
    // The folders of references are not put into their normal form here, as the policies folder does it.
    let files =
        [("pets/openapi.yaml", &*main), ("pets/common/owner.json", owner), ("pets/common/../openapi.yaml", &main)];
    let document = read(&files).unwrap();
    assert_eq!(document.files().len(), 3);
    assert_eq!(
        listed(&document, "get"),
        [
            "200 body $.mail contact confidential",
            "200 body $['smile 😀'] PII confidential",
            "200 body $.tag tag confidential",
        ]
    );
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_of_that_file_once() {
    let main = with_schemas("Root: { allOf: [{ $ref: 'a.json#/A' }, { $ref: 'a.json#/B' }] }");
    let found = faults(&[("pets/openapi.yaml", &main), ("pets/a.json", "{\n\"A\": 1,\n}")]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("pets/a.json:3 : is not JSON"), "{found:?}");
    let found = faults(&[("pets/openapi.yaml", &main), ("pets/a.json", "{\"A\": {\"x-pii\": 4}, \"B\": {}}")]);
    assert_eq!(found, ["pets/a.json #/A/x-pii: is a number; write `true`, `false` or a category, \"contact\""]);
}

#[test]
fn documents_that_are_none_are_refused_with_advice() {
    for (file, text, expected) in [
        ("a.yaml", "swagger: '2.0'\npaths: {}", "is OpenAPI 2.0 (Swagger), which is not read; convert it"),
        ("a.yaml", "openapi: 4.0.0", "#/openapi: is the version `4.0.0`, which is not known"),
        ("a.yaml", "openapi: 3.10.0", "which is not known"),
        ("a.yaml", "title: a", "has no `openapi`"),
        ("a.yaml", "", "is empty"),
        ("a.yaml", "- a\n- b", "has no `openapi`"),
        ("a.yaml", "a: [", "is not YAML"),
        ("a.yaml", "a: 1\n---\nb: 2", "holds several YAML documents"),
        ("a.yaml", "a: 1\nb: 2\na: 3", "has an object with two members `a`"),
        ("a.yaml", "a: &x { b: 1 }\nc: { <<: *x }", "a.yaml:2 : has a merge key `<<`"),
        ("a.yaml", "a: &x [*x]", "has an alias of what it stands in"),
        ("a.yaml", "? [a]\n: b", "has a key that is no text"),
        ("a.json", "{\"openapi\": \"3.0.0\", \"openapi\": \"3.1.0\"}", "two members `openapi`"),
        ("a.json", "{} {}", "is not JSON"),
        ("a.txt", "openapi: 3.0.0", "says neither JSON nor YAML by its name"),
    ] {
        let found = faults(&[(file, text)]);
        assert!(found.len() == 1 && found[0].contains(expected), "{text}: {found:?}");
    }
    for version in ["3.0.4", "3.1", "3.2.0", "3.1.0-rc1"] {
        assert!(read(&[("a.yaml", &format!("openapi: {version}\npaths: {{}}"))]).is_ok(), "{version}");
    }
}
