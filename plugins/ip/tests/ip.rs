//! The policy as the gateway sees it.
#![allow(clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_ip::Ip;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

fn status(config: &str, client: Option<&str>) -> u16 {
    let policy: Ip = testing::configure(config).unwrap_or_else(|faults| panic!("{faults:?}"));
    let facts = client.into_iter().fold(Facts::request(), Facts::client);
    policy.on_request(&facts.build().head()).response().map_or(200, Response::status_code)
}

#[test]
fn who_is_denied_stays_out_and_who_is_allowed_gets_in() {
    let config = r#"{"allow":["10.0.0.0/8","2001:db8::/32","192.0.2.7"],"deny":["10.6.0.0/16","2001:db8:6::/48"]}"#;
    for (client, expected) in [
        ("10.1.2.3", 200),
        ("::ffff:10.1.2.3", 200),
        ("10.6.0.1", 403),
        ("11.0.0.1", 403),
        ("192.0.2.7", 200),
        ("192.0.2.8", 403),
        ("2001:db8:1::1", 200),
        ("2001:db8:6::1", 403),
        ("2001:db9::1", 403),
    ] {
        assert_eq!(status(config, Some(client)), expected, "{client}");
    }
}

#[test]
fn where_nobody_is_allowed_by_name_all_are_but_the_denied() {
    let config = r#"{"deny":["0.0.0.0/0"]}"#;
    assert_eq!(status(config, Some("192.0.2.1")), 403);
    assert_eq!(status(config, Some("2001:db8::1")), 200);
}

#[test]
fn without_an_address_nobody_gets_in_unless_that_is_said() {
    assert_eq!(status(r#"{"deny":["10.0.0.0/8"]}"#, None), 403);
    assert_eq!(status(r#"{"allow":["10.0.0.0/8"],"without_address":"pass"}"#, None), 200);
    assert_eq!(status(r#"{"allow":["0.0.0.0/0"]}"#, Some("unknown")), 403);
}

#[test]
fn what_is_no_network_is_a_fault_that_says_what_may_be_meant() {
    for (config, path, message) in [
        (r#"{"allow":["10.0.0"]}"#, "allow[0]", "must be an address"),
        (r#"{"allow":["10.0.0.0/33"]}"#, "allow[0]", "must be an address"),
        (r#"{"deny":["10.0.0.1/8"]}"#, "deny[0]", "is `10.0.0.0/8` meant?"),
        (r#"{"deny":["::ffff:10.0.0.0/104"]}"#, "deny[0]", "write it as IPv4"),
        (r#"{"deny":["example.com"]}"#, "deny[0]", "must be an address"),
        ("{}", "", "`allow` or `deny`"),
    ] {
        let faults = testing::configure::<Ip>(config).unwrap_err();
        assert_eq!(faults[0].path, path, "{config}");
        assert!(faults[0].message.contains(message), "{faults:?}");
    }
}
