//! Tests of `openapi` and `with`.

use serde_json::json;

use crate::config::{Api, Config, Tree};

const GATEWAY: &str = "[listen.a]\naddress = '127.0.0.1:1'\n[policy.cors]\nsource = 'builtin:cors'\n";

const DOCUMENT: &str = r#"
openapi: 3.1.0
paths:
  /pets/{id}:
    get:
      operationId: getPet
      responses: { 200: { content: { application/json: { schema: { properties: { owner: { x-pii: contact } } } } } } }
  /vets:
    get: { responses: { 200: { content: { application/json: { schema: { x-pii: true } } } } } }
"#;

/// An api.toml with chains, and routes `getPet`, `vets` and `health`.
fn api_toml(openapi: &str, chain: &str, chain_of_route: &str) -> String {
    let route = |name: &str, path: &str, chain: &str| {
        format!("[[route]]\nname = '{name}'\nmatch.path = '{path}'\nchain = [{chain}]\nrespond = {{}}\n")
    };
    let routes =
        [route("getPet", "/v1/pets/{pet}", chain_of_route), route("vets", "/vets", ""), route("health", "/health", "")];
    format!("name = 'pets'\nversion = '1'\n{openapi}\nchain = [{chain}]\n{}", routes.concat())
}

fn parse(gateway: &str, api: &str) -> Result<Api, Vec<String>> {
    let files =
        [("gateway.toml", gateway), ("pets/api.toml", api), ("pets/openapi.yaml", DOCUMENT), ("own.yaml", DOCUMENT)];
    let config = Config::parse(&Tree::from_files(files));
    let config = config.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    Ok(config.apis.into_iter().next().unwrap())
}

const WITH: &str = "{ policy = 'cors', with = ['classification'] }";
const OPENAPI: &str = "openapi = 'openapi.yaml'";

#[test]
fn an_entry_of_an_api_is_told_of_all_its_routes_and_one_of_a_route_of_that() {
    let api = parse(GATEWAY, &api_toml(OPENAPI, WITH, WITH)).unwrap();
    let all = &api.chain[0].config["classification"];
    let classes = json!([
        { "category": "PII", "sensitivity": "confidential" },
        { "category": "contact", "sensitivity": "confidential" },
    ]);
    assert_eq!(all["classes"], classes);
    assert_eq!(
        all["operations"],
        json!({ "getPet": { "responses": { "200": 0 } }, "vets": { "responses": { "200": 1 } } })
    );
    let own = &api.routes[0].chain[0].config["classification"];
    assert_eq!(own["operations"], json!({ "getPet": { "responses": { "200": 0 } } }));
    assert_eq!(own["shapes"], json!([{ "members": { "owner": 1 }, "closed": true }, { "class": 0 }]));
    assert!(api.routes[1].chain.is_empty());
    assert_eq!(api.openapi.unwrap().files(), [std::path::Path::new("pets/openapi.yaml")]);
}

#[test]
fn an_entry_that_asks_for_nothing_is_told_nothing() {
    let api = parse(GATEWAY, &api_toml(OPENAPI, "{ policy = 'cors', config = { a = 1 } }", "'cors'")).unwrap();
    assert_eq!((&api.chain[0].config, &api.routes[0].chain[0].config), (&json!({ "a": 1 }), &json!({})));
}

#[test]
fn what_cannot_be_added_is_a_fault_with_advice() {
    let twice = "{ policy = 'cors', with = ['classification', 'classification'] }";
    let known = "{ policy = 'cors', with = ['classification'], config = { classification = {} } }";
    let word = "{ policy = 'cors', with = ['clasification'] }";
    for (api, expected) in [
        (
            api_toml("", WITH, ""),
            "pets/api.toml:4: chain[0].with[0]: needs an OpenAPI document, and this API names none; add `openapi",
        ),
        (api_toml("", "", WITH), "route[0].chain[0].with[0]: needs an OpenAPI document"),
        (api_toml(OPENAPI, twice, ""), "chain[0].with[1]: `config` has a key `classification` already"),
        (api_toml(OPENAPI, known, ""), "chain[0].with[0]: `config` has a key `classification` already"),
        (
            api_toml(OPENAPI, word, ""),
            "chain[0].with[0]: \"clasification\" is not valid: the gateway has nothing of that name to add",
        ),
        (
            api_toml("openapi = 'absent.yaml'", "", ""),
            "openapi: names \"absent.yaml\", which is no file of the API's folder",
        ),
        (
            api_toml("openapi = '../own.yaml'", "", ""),
            "openapi: names \"../own.yaml\", which is no file of the API's folder",
        ),
        (api_toml("openapi = 'api.toml'", "", ""), "pets/api.toml: says neither JSON nor YAML by its name"),
    ] {
        let faults = parse(GATEWAY, &api).unwrap_err();
        assert!(faults.len() == 1 && faults[0].contains(expected), "expected {expected:?}, got {faults:#?}");
    }
    let faults =
        parse(&format!("{GATEWAY}[[chain]]\npolicy = 'cors'\nwith = ['classification']\n"), &api_toml(OPENAPI, "", ""));
    assert!(
        faults.unwrap_err()[0].contains("gateway.toml:7: chain[0].with[0]: adds `classification`, which is of one API")
    );
}

#[test]
fn a_route_the_document_says_nothing_of_cannot_be_protected_by_it() {
    let of_health = api_toml(OPENAPI, "", "").replace("'/health'\nchain = []", &format!("'/health'\nchain = [{WITH}]"));
    let faults = parse(GATEWAY, &of_health).unwrap_err();
    assert!(
        faults[0].contains("route[2].chain[0].with[0]: is for no route of which the OpenAPI document says anything"),
        "{faults:?}"
    );
}

#[test]
fn faults_of_a_document_are_those_of_its_api() {
    let document = DOCUMENT.replace("x-pii: contact", "x-pii: 7");
    let api = api_toml(OPENAPI, WITH, "");
    let files = [("gateway.toml", GATEWAY), ("pets/api.toml", &api), ("pets/openapi.yaml", &document)];
    let faults = Config::parse(&Tree::from_files(files)).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:#?}");
    let expected = "pets/openapi.yaml:7: #/paths/~1pets~1{id}/get/responses/200/content/application~1json/schema/properties/owner/x-pii: is a number";
    assert!(faults[0].to_string().starts_with(expected), "{}", faults[0]);
}

#[test]
fn what_three_hundred_operations_of_sixty_fields_say_fits() {
    let field =
        |n: usize| format!("f{n}: {{ x-data-classification: {{ category: c{n}, masking: {{ strategy: partial }} }} }}");
    let fields = (0..60).map(field).collect::<Vec<_>>().join(", ");
    let operation = |n: usize| {
        let schema = format!("schema: {{ properties: {{ own{n}: {{ x-pii: true }}, {fields} }} }}");
        format!(
            "  /p{n}: {{ get: {{ responses: {{ 200: {{ content: {{ application/json: {{ {schema} }} }} }} }} }} }}\n"
        )
    };
    let document = format!("openapi: 3.1.0\npaths:\n{}", (0..300).map(operation).collect::<String>());
    let route = |n: usize| format!("[[route]]\nname = 'r{n}'\nmatch.path = '/p{n}'\nrespond = {{}}\n");
    let routes = (0..300).map(route).collect::<String>();
    let api = format!("name = 'pets'\nversion = '1'\n{OPENAPI}\nchain = [{WITH}]\n{routes}");
    let files = [("gateway.toml", GATEWAY), ("pets/api.toml", &api), ("pets/openapi.yaml", &document)];
    let config = Config::parse(&Tree::from_files(files)).unwrap();
    let size = config.apis[0].chain[0].config.to_string().len();
    eprintln!("300 operations of 60 fields are {size} B");
    assert!((100_000..500_000).contains(&size), "{size}");
}
