//! Which operations a route is for.

use http::Method;
use serde_json::json;

use super::{document, listed, route};
use crate::openapi::{Document, RouteView};

const TEXT: &str = r#"
openapi: 3.0.0
servers: [{ url: 'https://pets.example/v1/' }, { url: '{scheme}://any/v2' }]
paths:
  /pets:
    get: { operationId: listPets, responses: { 200: { content: { application/json: { schema: { x-pii: list } } } } } }
    post: { operationId: createPet, responses: { 200: { content: { application/json: { schema: { x-pii: create } } } } } }
  /pets/{petId}:
    get:
      operationId: getPet
      parameters: [{ name: petId, in: path, required: true, schema: { x-pii: pet } }]
      responses: { 200: { content: { application/json: { schema: { x-pii: get } } } } }
  /pets/mine:
    get: { responses: { 200: { content: { application/json: { schema: { x-pii: mine } } } } } }
  /health:
    get: { operationId: health }
"#;

/// The categories a route carries, or none where the document does not know it.
fn found(document: &Document, name: &str, methods: &[Method], path: &str) -> Option<Vec<String>> {
    let fields = document.fields(RouteView { methods, ..route(name, path) }, &[])?;
    Some(fields.fields.iter().map(|field| field.class.category.to_string()).collect())
}

#[test]
fn a_route_is_the_operation_of_its_name_else_of_its_path_and_methods() {
    let document = document(TEXT);
    let found = |name, methods: &[Method], path| found(&document, name, methods, path).map(|found| found.join(" "));
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(found("createPet", &[Method::GET], "/elsewhere/{*rest}"), some("create"));
    assert_eq!(found("a", &[Method::GET], "/pets"), some("list"));
    assert_eq!(found("a", &[], "/pets"), some("list create"));
    assert_eq!(found("a", &[Method::GET, Method::POST], "/v1/pets"), some("list create"));
    assert_eq!(found("a", &[], "/pets/{id}"), some("mine pet get"), "it takes that path too");
    assert_eq!(found("a", &[], "/pets/mine"), some("mine"));
    assert_eq!(found("a", &[Method::DELETE], "/pets"), None);
    assert_eq!(found("a", &[], "/pets/"), None);
    assert_eq!(found("a", &[], "/v2/pets"), None, "not all clients have the same path there");
    assert_eq!(found("health", &[], "/x"), some(""), "it is known, and carries nothing");
}

#[test]
fn a_route_for_all_below_a_path_carries_what_any_operation_there_does() {
    let document = document(TEXT);
    let found = |path| {
        let mut found = found(&document, "all", &[Method::GET], path)?;
        found.sort();
        Some(found)
    };
    let all = ["get", "list", "mine", "pet"].map(str::to_owned).to_vec();
    assert_eq!(found("/{*rest}"), Some(all.clone()));
    assert_eq!(found("/v1/{*rest}"), Some(all.clone()));
    assert_eq!(found("/pets/{*rest}"), Some(all));
    assert_eq!(found("/cats/{*rest}"), None);
    let told = document.classification(&[RouteView { methods: &[Method::GET], ..route("all", "/{*rest}") }], &[]);
    assert_eq!(told["operations"]["all"]["responses"], json!({ "200": 0 }));
    assert_eq!(told["shapes"][0]["also"].as_array().unwrap().len(), 3);
}

#[test]
fn parameters_of_the_path_are_called_as_the_route_calls_them() {
    let document = document(TEXT);
    let told = |path| document.classification(&[route("a", path)], &[])["operations"]["a"]["path"].clone();
    assert_eq!(told("/v1/pets/{id}"), json!({ "id": 0 }));
    assert_eq!(listed(&document, "getPet")[0], "path petId pet confidential", "another path says nothing of names");
}

#[test]
fn each_route_has_its_own_operation_and_shapes_are_shared() {
    let document = document(TEXT);
    let routes = ["listPets", "getPet", "health", "unknown"].map(|name| route(name, "/none"));
    let told = document.classification(&routes, &routes);
    let names: Vec<_> = told["operations"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["getPet", "health", "listPets"]);
    assert_eq!(told["operations"]["health"], json!({}));
    assert!(document.knows(route("health", "/x"), &[]) && !document.knows(route("unknown", "/x"), &[]));
}

#[test]
fn what_operations_of_a_route_answer_counts_for_each_status_any_of_them_may_answer_with() {
    let text = r#"
openapi: 3.1.0
paths:
  /a:
    get: { responses: { 200: { description: nothing }, default: { content: { application/json: { schema: { x-pii: a } } } } } }
    put: { responses: { 200: { content: { application/json: { schema: { x-pii: b } } } } } }
    post: { responses: { 404: { description: nothing } } }
"#;
    let document = document(text);
    let told = document.classification(&[route("all", "/a")], &[]);
    // With 404 `get` answers as by default, and `put` as with 200.
    assert_eq!(told["operations"]["all"]["responses"], json!({ "200": 0, "404": 1, "default": 1 }));
    assert_eq!(told["shapes"][1]["also"].as_array().map(Vec::len), Some(2), "{told}");
    assert_eq!(found(&document, "all", &[], "/a"), Some(vec!["a".to_owned(), "b".to_owned()]), "each once");
}

#[test]
fn a_route_carries_what_operations_of_all_paths_it_takes_do_but_for_those_of_more_precise_routes() {
    let document = document(TEXT);
    let found = |name, path, beside: RouteView<'_>| {
        let fields = document.fields(route(name, path), &[beside]).map(|fields| fields.fields).unwrap_or_default();
        fields.iter().map(|field| field.class.category.to_string()).collect::<Vec<_>>().join(" ")
    };
    let mine = route("mine", "/pets/mine");
    assert_eq!(found("getPet", "/pets/{petId}", route("pets", "/pets")), "mine pet get");
    assert_eq!(found("getPet", "/pets/{petId}", route("all", "/{*rest}")), "mine pet get", "that is not before it");
    assert_eq!(found("getPet", "/pets/{petId}", mine), "pet get");
    assert_eq!(found("getPet", "/pets/{petId}", RouteView { methods: &[Method::GET], ..mine }), "pet get");
    let elsewhere = [RouteView { methods: &[Method::PUT], ..mine }, RouteView { is_unconditional: false, ..mine }];
    for beside in elsewhere {
        assert_eq!(found("getPet", "/pets/{petId}", beside), "mine pet get", "{beside:?} leaves requests to it");
    }
    assert_eq!(found("all", "/{*rest}", route("pet", "/pets/{id}")), "list create");
}
