//! Configurations, right and wrong, and what they need.

use crate::support::config;
use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::{Policy, testing};
use serde_json::{Value, json};

fn faults(extra: Value) -> Vec<String> {
    match testing::configure::<Oidc>(&config(extra).to_string()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
    }
}

#[test]
fn faulty_settings_are_named() {
    let cases = [
        (json!({}), ""),
        (json!({"issuer": "http://localhost:8080/realms/main", "url": "http://127.0.0.1:9000"}), ""),
        (json!({"issuer": "http://idp.example.com"}), "issuer"),
        (json!({"issuer": "https://idp.example.com?a"}), "issuer"),
        (json!({"service": ""}), "service"),
        (json!({"client_id": ""}), "client_id"),
        (json!({"client_id": "a\nb"}), "client_id"),
        (json!({"keys": ""}), "keys"),
        (json!({"seal": ""}), "seal"),
        (json!({"url": "http://shop.example.com"}), "url"),
        (json!({"url": "https://shop.example.com/"}), "url"),
        (json!({"callback": "callback"}), "callback"),
        (json!({"callback": "/a?b"}), "callback"),
        (json!({"logout": "/_login/callback"}), "logout"),
        (json!({"after_logout": "/_logout"}), "after_logout"),
        (json!({"after_logout": "https://evil.example"}), "after_logout"),
        (json!({"cookie": "a b"}), "cookie"),
        (json!({"scopes": ["email"]}), "scopes"),
        (json!({"scopes": ["openid", "a b"]}), "scopes[1]"),
        (json!({"idle": "9h"}), "idle"),
        (json!({"idle": "1s"}), "idle"),
        (json!({"idle": 1800}), "idle"),
        (json!({"leeway": "301s"}), "leeway"),
        (json!({"leeway": 30}), "leeway"),
        (json!({"lifetime": "31d"}), "lifetime"),
        (json!({"login_lifetime": "2h"}), "login_lifetime"),
        (json!({"par": "sometimes"}), "par"),
        (json!({"revoked": ""}), "revoked"),
        (json!({"headers": {"sub": "Cookie"}}), "headers.sub"),
        (json!({"headers": {"sub": "authorization"}}), ""),
        (json!({"headers": {"sub": "authorization"}, "forward_access_token": true}), "headers"),
        (json!({"attributes": {"a": "x", "b": "x"}}), "attributes.b"),
        (json!({"client_secret": "x"}), "client_secret"),
    ];
    for (extra, path) in cases {
        let expected: Vec<_> = (!path.is_empty()).then(|| path.to_owned()).into_iter().collect();
        assert_eq!(faults(extra.clone()), expected, "{extra}");
    }
    let several = json!({"scopes": [], "logout": "/_login/callback", "idle": "9h"});
    assert_eq!(faults(several), ["scopes", "logout", "idle"]);
}

#[test]
fn the_interest_is_what_the_configuration_needs() {
    let interest =
        |extra: Value| testing::configure::<Oidc>(&config(extra).to_string()).unwrap_or_else(|_| panic!()).interest();
    let least = interest(json!({"attributes": {}}));
    assert_eq!(least.request_write, ["cookie"]);
    assert_eq!(least.response_write, ["set-cookie", "cache-control"]);
    assert!(least.response_read.is_empty() && least.attributes_write.is_empty() && least.stores.is_empty());
    assert_eq!(
        (least.keys, least.seals, least.egress),
        (vec!["idp".into()], vec!["session".into()], vec!["idp".into()])
    );
    let most = interest(json!({"headers": {"sub": "x-user"}, "forward_access_token": true, "revoked": "ended"}));
    assert_eq!(most.request_write, ["cookie", "x-user", "authorization"]);
    assert_eq!(most.attributes_write, ["auth.sub"]);
    assert!(most.stores.iter().all(|store| store.name == "ended" && store.write));
}
