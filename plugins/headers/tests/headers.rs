//! The policy as the gateway sees it: configuration in, interest and verdicts out.

#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use lockgate_plugin_headers::Headers;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

fn headers(config: &str) -> Headers {
    testing::configure(config).unwrap()
}

fn faults(config: &str) -> Vec<ConfigError> {
    testing::configure::<Headers>(config).err().unwrap()
}

#[test]
fn each_direction_gets_its_own_changes() {
    let headers = headers(
        r#"{"request":{"set":{"X-A":"1"}},
            "response":{"append":{"vary":"origin"},"remove":["server"]}}"#,
    );
    let facts = Facts::request().build();

    let verdict = headers.on_request(&facts.head());
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.sets("x-a"), ["1"]);
    assert!(edits.appends("vary").is_empty());

    let verdict = headers.on_response(&facts.head(), b"");
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.appends("vary"), ["origin"]);
    assert!(edits.removes("server"));
    assert!(edits.sets("x-a").is_empty());
}

#[test]
fn a_renamed_field_keeps_all_its_values() {
    let headers = headers(r#"{"request":{"rename":{"x-old":"x-new"}}}"#);
    let facts = Facts::request().field("x-old", "1").field("x-old", b"\xff").build();
    let verdict = headers.on_request(&facts.head());
    let edits = verdict.edits().unwrap();
    assert!(edits.removes("x-old"));
    assert_eq!(edits.appends("x-new"), ["1", "\u{fffd}"]);
}

#[test]
fn renaming_a_field_that_is_absent_changes_nothing() {
    let headers = headers(r#"{"request":{"rename":{"x-old":"x-new"}}}"#);
    let facts = Facts::request().field("x-new", "kept").build();
    assert_eq!(headers.on_request(&facts.head()), Verdict::Pass);
}

#[test]
fn two_fields_can_swap_names() {
    let headers = headers(r#"{"response":{"rename":{"x-a":"x-b","x-b":"x-a"}}}"#);
    let facts = Facts::response().field("x-a", "1").field("x-b", "2").build();
    let verdict = headers.on_response(&facts.head(), b"");
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.appends("x-b"), ["1"]);
    assert_eq!(edits.appends("x-a"), ["2"]);
}

#[test]
fn the_interest_is_what_the_configuration_needs_and_no_more() {
    let interest =
        headers(r#"{"request":{"set":{"x-a":"1"},"append":{"x-b":"2"},"remove":["x-c"],"rename":{"Cookie":"x-d"}}}"#)
            .interest();
    let expected = Interest::new()
        .request_read("cookie")
        .request_write("x-a")
        .request_write("x-b")
        .request_write("x-c")
        .request_write("cookie")
        .request_write("x-d")
        .idle_on_response();
    assert_eq!(interest, expected);
    assert_eq!(headers("{}").interest(), Interest::new().idle_on_request().idle_on_response());
}

#[test]
fn faults_are_named_by_their_place() {
    let cases = [
        (r#"{"request":{"set":{"x-a":"1\r\nx-b: 2"}}}"#, "request.set.x-a", "line breaks"),
        (r#"{"request":{"remove":["x-a","content-length"]}}"#, "request.remove[1]", "the gateway's"),
        (r#"{"response":{"append":{"x a":"1"}}}"#, "response.append.x a", "no field name"),
        (r#"{"response":{"rename":{"x-a":":path"}}}"#, "response.rename.x-a", "a fact"),
        (r#"{"response":{"set":{"X-A":"1","x-a":"2"}}}"#, "response.set", "twice"),
        (r#"{"responses":{}}"#, "responses", "unknown field"),
        (r#"{"request":{"set":{"a":"1"},"remove":["a"]}}"#, "request.remove[0]", "also set"),
        (r#"{"request":{"rename":{"a":"b"},"remove":["a"]}}"#, "request.remove[0]", "also renamed"),
        (r#"{"request":{"rename":{"a":"b"},"set":{"b":"1"}}}"#, "request.rename.a", "also set"),
        (r#"{"request":{"rename":{"a":"c","b":"c"}}}"#, "request.rename.b", "another field"),
        (r#"{"request":{"rename":{"a":"A"}}}"#, "request.rename.a", "to itself"),
    ];
    for (config, path, message) in cases {
        let faults = faults(config);
        assert_eq!(faults.len(), 1, "{config}: {faults:?}");
        assert_eq!(faults[0].path, path, "{config}: {faults:?}");
        assert!(faults[0].message.contains(message), "{config}: {faults:?}");
    }
}

#[test]
fn contradictions_of_both_directions_are_reported_together() {
    let config = r#"{"request":{"rename":{"a":"a"}},"response":{"rename":{"b":"b"}}}"#;
    let faults = faults(config);
    assert_eq!(faults.len(), 2);
}

#[test]
fn the_example_of_the_readme_is_a_right_configuration() {
    let readme = include_str!("../README.md");
    let toml = readme.split("```").find_map(|block| block.strip_prefix("toml\n"));
    let example: serde_json::Value = toml::from_str(toml.unwrap()).unwrap();
    headers(&example["chain"][0]["config"].to_string());
}
