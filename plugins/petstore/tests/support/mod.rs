//! A client of the pet store: calls the hook as the gateway does and reads the answer.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part; helpers of tests fail by panic")]

use lockgate_plugin_petstore::Petstore;
use lockgate_sdk::testing::{self, Facts};
use lockgate_sdk::{Responder, Response};
use serde_json::Value;

pub(crate) fn petstore(config: &str) -> Petstore {
    testing::configure(config).unwrap()
}

/// Answer a request that must not fail; `target` may have a query, `fields` are header fields and `@` attributes.
pub(crate) fn call(petstore: &Petstore, method: &str, target: &str, fields: &[(&str, &str)], body: &str) -> Response {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut facts = Facts::request().method(method).path(path);
    if !query.is_empty() {
        facts = facts.query(query);
    }
    if !body.is_empty() {
        facts = facts.field("content-type", "application/json; charset=utf-8");
    }
    for (name, value) in fields {
        facts = facts.field(name, value);
    }
    let facts = facts.build();
    petstore.respond(&facts.head(), body.as_bytes()).unwrap()
}

pub(crate) fn get(petstore: &Petstore, target: &str) -> Response {
    call(petstore, "GET", target, &[], "")
}

pub(crate) fn json(response: &Response) -> Value {
    serde_json::from_slice(response.bytes()).unwrap()
}

/// The pointers of a 422.
pub(crate) fn pointers(response: &Response) -> Vec<String> {
    assert_eq!(response.status_code(), 422, "{}", response.text());
    let problem = json(response);
    let errors = problem["errors"].as_array().unwrap();
    let pointers = errors.iter().map(|error| error["pointer"].as_str().unwrap());
    pointers.map(str::to_owned).collect()
}
