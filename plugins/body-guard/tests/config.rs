//! What the operator may write, and the powers that follow from it.

use lockgate_plugin_body_guard::BodyGuard;
use lockgate_sdk::{BodyAccess, BodyMode, OtherTypes, Policy, testing};

#[test]
fn by_default_json_of_a_mebibyte_is_read_and_other_types_refused() {
    let interest = testing::configure::<BodyGuard>("{}").unwrap().interest();
    assert_eq!(interest.request_read, ["content-length"]);
    assert!(interest.may_respond);
    assert_eq!(interest.response_body, None);
    let body = interest.request_body.unwrap();
    assert_eq!(body.max_bytes, 1 << 20);
    assert_eq!(body.content_types, ["application/json", "*+json"]);
    assert_eq!((body.mode, body.access, body.other), (BodyMode::Chunked, BodyAccess::Inspect, OtherTypes::Refuse));
}

#[test]
fn other_types_may_pass_and_then_no_length_is_read() {
    let config = r#"{"other":"pass","content_types":["Text/*"],"max_bytes":"2GiB"}"#;
    assert!(testing::configure::<BodyGuard>(config).is_err());
    let config = r#"{"other":"pass","content_types":["Text/*"],"max_bytes":"1GiB"}"#;
    let interest = testing::configure::<BodyGuard>(config).unwrap().interest();
    assert!(interest.request_read.is_empty());
    let body = interest.request_body.unwrap();
    assert_eq!(
        (body.content_types, body.other, body.max_bytes),
        (vec!["text/*".to_owned()], OtherTypes::Pass, 1 << 30)
    );
}

#[test]
fn what_cannot_be_meant_is_a_fault_at_its_key() {
    let cases = [
        (r#"{"max_depth":0}"#, "max_depth"),
        (r#"{"max_depth":1025}"#, "max_depth"),
        (r#"{"max_items":8388608}"#, "max_items"),
        (r#"{"max_bytes":0}"#, "max_bytes"),
        (r#"{"max_bytes":"1 MiB"}"#, "max_bytes"),
        (r#"{"max_bytes":"1MB"}"#, "max_bytes"),
        (r#"{"max_bytes":"MiB"}"#, "max_bytes"),
        (r#"{"max_bytes":-1}"#, "max_bytes"),
        (r#"{"content_types":["json"]}"#, "content_types[0]"),
        (r#"{"content_types":["a/b; c=d"]}"#, "content_types[0]"),
        (r#"{"content_types":[]}"#, "content_types"),
        (r#"{"other":"drop"}"#, "other"),
        (r#"{"maxdepth":1}"#, "maxdepth"),
        (r#"{"validate":false,"max_depth":3}"#, "max_depth"),
    ];
    for (config, path) in cases {
        let faults = testing::configure::<BodyGuard>(config).unwrap_err();
        let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
        assert_eq!(paths, [path], "{config}: {faults:?}");
    }
}
