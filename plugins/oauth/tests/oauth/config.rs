//! Configurations that are refused, and what the others need.

use crate::support::{introspecting, merged};
use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::{Policy, testing};
use serde_json::{Value, json};

fn faults(config: &Value) -> Vec<String> {
    match testing::configure::<OAuth>(&config.to_string()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
    }
}

#[test]
fn somebody_has_to_vouch_for_tokens_that_are_for_somebody() {
    let introspect = json!({"service": "idp", "path": "/introspect"});
    let cases: [(Value, &[&str]); 6] = [
        (json!({}), &["keys", "audience"]),
        (json!({"keys": "idp"}), &["issuer", "audience"]),
        (json!({"keys": "idp", "issuer": "i", "audience": "a"}), &[]),
        (json!({"introspect": introspect, "any_audience": true}), &[]),
        (json!({"introspect": introspect, "keys": "idp", "audience": ["a", "b"]}), &["issuer"]),
        (json!({"introspect": introspect, "any_audience": true, "audience": "a"}), &["audience"]),
    ];
    for (config, expected) in cases {
        assert_eq!(faults(&config), expected, "{config}");
    }
}

#[test]
fn faulty_settings_are_named() {
    let introspect = |change| merged(json!({"service": "idp", "path": "/introspect"}), change);
    let dpop = |change| json!({"dpop": merged(json!({"replays": "proofs"}), change)});
    let cases = [
        (json!({"keys": ""}), "keys"),
        (json!({"leeway": "301s"}), "leeway"),
        (json!({"introspect": introspect(json!({"fresh": "301s"}))}), "introspect.fresh"),
        (json!({"introspect": introspect(json!({"fresh": 30}))}), "introspect.fresh"),
        (json!({"introspect": introspect(json!({"path": "introspect"}))}), "introspect.path"),
        (json!({"introspect": introspect(json!({"service": ""}))}), "introspect.service"),
        (json!({"introspect": introspect(json!({"token": "x"}))}), "introspect.token"),
        (json!({"introspect": introspect(json!({"path": null}))}), "introspect"),
        (json!({"scopes": ["a b"]}), "scopes[0]"),
        (json!({"operations": {"createPet": ["a\""]}}), "operations.createPet[0]"),
        (json!({"operations": {"": ["a"]}}), "operations"),
        (json!({"claims": {"role": []}}), "claims.role"),
        (json!({"headers": {"sub": "DPoP"}}), "headers.sub"),
        (json!({"headers": {"sub": "authorization"}}), "headers.sub"),
        (json!({"attributes": {"a": "auth.x", "b": "auth.x"}}), "attributes.b"),
        (json!({"resource_metadata": "/x"}), "resource_metadata"),
        (json!({"realm": "\""}), "realm"),
        (dpop(json!({"replays": null})), "dpop"),
        (dpop(json!({"max_age": "0s"})), "dpop.max_age"),
        (dpop(json!({"max_age": "601s"})), "dpop.max_age"),
        (dpop(json!({"max_age": 60})), "dpop.max_age"),
        (dpop(json!({"algorithms": []})), "dpop.algorithms"),
        (dpop(json!({"algorithms": ["HS256"]})), "dpop.algorithms"),
        (dpop(json!({"algorithms": ["none"]})), "dpop.algorithms"),
        (dpop(json!({"url": "https://api.example.com/v1"})), "dpop.url"),
        (dpop(json!({"nonce_lifetime": "5m"})), "dpop.nonce_lifetime"),
        (dpop(json!({"nonces": "n", "nonce_lifetime": "9s"})), "dpop.nonce_lifetime"),
    ];
    for (setting, path) in cases {
        let whole = merged(json!({"introspect": introspect(json!({})), "issuer": "i", "audience": "a"}), setting);
        assert_eq!(faults(&whole), [path], "{whole}");
    }
}

#[test]
fn the_interest_is_what_the_configuration_needs() {
    let least = introspecting(json!({"forward_token": true, "attributes": {}})).interest();
    assert_eq!(least.request_read, ["authorization", ":client-certificate"]);
    assert_eq!(least.egress, ["idp"]);
    assert!(least.may_respond && least.keys.is_empty() && least.request_write.is_empty());
    assert!(least.attributes_write.is_empty() && least.stores.is_empty() && least.response_write.is_empty());

    let dpop = json!({"replays": "proofs", "nonces": "nonces"});
    let most = introspecting(json!({"keys": "idp", "headers": {"sub": "X-User"}, "dpop": dpop})).interest();
    assert_eq!(
        most.request_read,
        ["authorization", ":client-certificate", "dpop", ":method", ":path", ":scheme", ":authority"]
    );
    assert_eq!(most.request_write, ["authorization", "x-user", "dpop"]);
    assert_eq!((most.keys, most.seals, most.egress), (vec!["idp".into()], vec!["nonces".into()], vec!["idp".into()]));
    assert_eq!(most.response_write, ["dpop-nonce"]);
    assert!(most.stores.len() == 1 && most.stores[0].name == "proofs" && most.stores[0].write);
}
