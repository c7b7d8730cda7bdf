//! The policy as the gateway sees it.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_acl::Acl;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

fn status(config: &str, attributes: &[(&str, &str)]) -> u16 {
    let policy: Acl = testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"));
    let facts = attributes.iter().fold(Facts::request(), |facts, (name, value)| facts.attribute(name, value));
    policy.on_request(&facts.build().head()).response().map_or(200, Response::status_code)
}

#[test]
fn each_attribute_must_have_a_value_that_is_allowed_and_none_that_is_denied() {
    let config = r#"{"allow":{"auth.role":["admin","ops"],"auth.team":["eu-*"]},"deny":{"auth.sub":["mallory"]}}"#;
    for (attributes, expected) in [
        (&[("auth.role", "ops"), ("auth.team", "eu-west"), ("auth.sub", "ada")][..], 200),
        (&[("auth.role", "ops"), ("auth.team", "eu-west")], 200),
        (&[("auth.role", "ops"), ("auth.team", "us-west")], 403),
        (&[("auth.role", "Ops"), ("auth.team", "eu-west")], 403),
        (&[("auth.team", "eu-west")], 403),
        (&[("auth.role", "ops"), ("auth.team", "eu-west"), ("auth.sub", "mallory")], 403),
        (&[], 403),
    ] {
        assert_eq!(status(config, attributes), expected, "{attributes:?}");
    }
}

#[test]
fn a_list_in_an_attribute_is_one_only_where_that_is_said() {
    let roles = &[("auth.roles", "guest, admin")];
    assert_eq!(status(r#"{"allow":{"auth.roles":["admin"]}}"#, roles), 403);
    assert_eq!(status(r#"{"allow":{"auth.roles":["admin"]},"separator":"comma"}"#, roles), 200);
    assert_eq!(status(r#"{"deny":{"auth.roles":["guest"]},"separator":"comma"}"#, roles), 403);
    assert_eq!(status(r#"{"allow":{"scope":["pets:*"]},"separator":"space"}"#, &[("scope", "a pets:read")]), 200);
}

#[test]
fn an_attribute_that_is_there_is_what_a_star_alone_asks_for() {
    let config = r#"{"allow":{"auth.sub":["*"]}}"#;
    assert_eq!((status(config, &[("auth.sub", "ada")]), status(config, &[])), (200, 403));
    assert_eq!(status(config, &[("auth.sub", "")]), 403);
}

#[test]
fn what_nobody_can_read_is_denied() {
    let policy: Acl = testing::configure(r#"{"deny":{"auth.sub":["mallory"]}}"#).unwrap();
    let head = Facts::request().field("@auth.sub", b"mallory\xff").build();
    assert!(policy.on_request(&head.head()).response().is_some());
}

#[test]
fn faulty_configurations_are_named() {
    for (config, path) in [
        ("{}", ""),
        (r#"{"allow":{"Auth":["a"]}}"#, "allow.Auth"),
        (r#"{"allow":{"auth.sub":[]}}"#, "allow.auth.sub"),
        (r#"{"allow":{"auth.sub":["a*b"]}}"#, "allow.auth.sub[0]"),
        (r#"{"deny":{"auth.sub":[""]}}"#, "deny.auth.sub[0]"),
        (r#"{"deny":{"auth.sub":["a"]},"separator":";"}"#, "separator"),
    ] {
        let faults = testing::configure::<Acl>(config).unwrap_err();
        assert_eq!(faults[0].path, path, "{config}: {faults:?}");
    }
}
