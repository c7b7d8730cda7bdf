//! `lockgate privacy report` and OpenAPI documents: what is said of personal data, what is wrong with that, and what a change of it does.

use lockgate_tests::{Folder, Gateway, Upstream, eventually};
use serde_json::Value;

const DOCUMENT: &str = r#"
openapi: 3.1.0
paths:
  /pets/{id}:
    get:
      operationId: getPet
      responses:
        "200": { content: { application/json: { schema: { properties: { name: {}, owner: { $ref: "common.json#/Owner" } } } } } }
"#;
const COMMON: &str = r#"{ "Owner": { "properties": { "email": { "x-pii": "contact" } } } }"#;

const API: &str = r#"
name = "pets"
version = "1"
openapi = "openapi.yaml"
chain = [{ policy = "mark", with = ["classification"] }]
[upstream.main]
targets = ["http://127.0.0.1:9"]
[[route]]
name = "getPet"
match = { path = "/pets/{pet}" }
upstream = "main"
"#;

fn folder() -> Folder {
    let policy = "[policy.mark]\nsource = \"file:components/version-a.wasm\"\ngrant = [\"write:x-test-*\"]\n";
    let folder = Gateway::folder().guest("version-a").gateway_toml(policy).api("pets", API);
    folder.file("pets/openapi.yaml", DOCUMENT).file("pets/common.json", COMMON)
}

#[test]
fn a_report_is_for_people_and_for_programs_and_says_what_is_missing() {
    let folder = folder();
    folder.run(&["privacy", "report"]).assert(
        0,
        &[
            "# Record of processing activities",
            "not stated: write `controller` under `[privacy]` of gateway.toml",
            "not stated: write `purposes` under `[privacy]` of pets/api.toml",
            "| getPet | response 200 | body $.owner.email | contact | confidential |",
            "no policy of its chain redacts",
        ],
    );
    let finished = folder.run(&["privacy", "report", "--json", "--fail-on-gaps"]);
    assert_eq!(finished.code, Some(3), "{finished:?}");
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(report["gaps"][0]["field"]["at"], "$.owner.email");
    assert_eq!(report["activities"][0]["documents"], serde_json::json!(["pets/common.json", "pets/openapi.yaml"]));
    folder.run(&["privacy", "--help"]).assert(0, &["Examples:"]);
    folder.run(&["privacy", "report", "--help"]).assert(0, &["Exit status", "Examples:"]);
}

#[test]
fn nothing_is_a_gap_where_nothing_is_classified() {
    let folder = folder();
    folder.write("pets/common.json", &COMMON.replace("\"contact\"", "false"));
    folder
        .run(&["privacy", "report", "--fail-on-gaps"])
        .assert(0, &["none is annotated", "None: each field of a response that is classified"]);
}

#[test]
fn check_says_where_in_a_document_something_is_wrong() {
    let folder = folder();
    folder.run(&["check"]).assert(0, &["is right"]);
    folder.write("pets/openapi.yaml", &DOCUMENT.replace("name: {}", "name: { x-pii: 3 }"));
    folder.write("pets/common.json", &COMMON.replace("contact", ""));
    let expected = [
        "pets/common.json: #/Owner/properties/email/x-pii: `` is no category",
        "pets/openapi.yaml:8: #/paths/~1pets~1{id}/get/responses/200/content/application~1json/schema/properties/name/x-pii: is a number",
        "2 faults",
    ];
    folder.run(&["check"]).assert(1, &expected);
    folder.run(&["privacy", "report"]).assert(1, &expected);
    folder.write("pets/openapi.yaml", "swagger: '2.0'");
    folder.run(&["check"]).assert(1, &["is OpenAPI 2.0 (Swagger), which is not read; convert it"]);
}

#[test]
fn what_policies_are_told_is_part_of_their_configuration() {
    let finished = folder().run(&["audit", "--json"]);
    let audit: Value = serde_json::from_str(&finished.stdout).unwrap();
    let told = &audit["uses"][0]["config"]["classification"];
    assert_eq!(told["classes"][0]["category"], "contact");
    assert_eq!(told["operations"], serde_json::json!({ "getPet": { "responses": { "200": 0 } } }));
}

#[test]
fn what_a_document_says_is_done_from_one_request_to_the_next() {
    let body = r#"{"name":"Tom","owner":{"email":"ann@example.com","shoe":44}}"#;
    let upstream = Upstream::answering(200, &[("content-type", "application/json")], body);
    let policy = "[policy.redact]\nsource = \"builtin:redact\"\ngrant = [\"body:response:edit\", \"respond\", \"read:content-type\", \
                  \"read::route\", \"read::status\", \"attribute-read:auth.consumer\"]\n";
    let api = API.replace("http://127.0.0.1:9", "http://$upstream").replace(
        "chain = [{ policy = \"mark\",",
        "chain = [{ policy = \"redact\", config = { unlisted = { action = \"remove\" } },",
    );
    let folder = Gateway::folder().upstream(&upstream).gateway_toml(policy).api("pets", &api);
    let gateway = folder.file("pets/openapi.yaml", DOCUMENT).file("pets/common.json", COMMON).start();
    assert_eq!(gateway.get("/pets/1").text(), r#"{"name":"Tom","owner":{"email":"***"}}"#);
    gateway
        .run(&["privacy", "report", "--fail-on-gaps"])
        .assert(0, &["None: each field of a response that is classified"]);
    gateway.write("pets/common.json", &COMMON.replace("\"contact\"", "false"));
    eventually("the change to be served", || (gateway.get("/pets/1").text() == body).then_some(()));
}

#[test]
fn a_changed_document_is_followed_and_a_faulty_one_holds_its_api_alone() {
    let gateway = folder().start();
    let state = || {
        let status = gateway.status();
        let parts = status["parts"].as_array().unwrap().iter();
        parts.filter(|it| it["part"] == "API in pets").map(|it| it["state"].clone()).next()
    };
    let becomes = |wanted: &str| {
        eventually(&format!("the API to be {wanted}"), || state().is_some_and(|state| state == wanted).then_some(()));
    };
    gateway.write("pets/common.json", &COMMON.replace("contact", "health"));
    gateway.wait_for_generation(2);
    gateway.write("pets/common.json", &COMMON.replace("\"contact\"", "7"));
    becomes("held");
    gateway.write(
        "other/api.toml",
        "name = \"other\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch.path = \"/other\"\nrespond = {}\n",
    );
    eventually("the other API to serve", || (gateway.get("/other").status == 200).then_some(()));
    becomes("held");
    gateway.write("pets/common.json", COMMON);
    becomes("current");
}
