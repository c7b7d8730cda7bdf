//! Owns tests of chains and responders, wherever they stand.

use serde_json::json;

use crate::config::{Backend, OnError};

use super::{PETS, api, assert_fault, gateway};

fn route(chain: &str) -> Result<crate::config::Route, Vec<String>> {
    let text = format!("{PETS}[[route]]\nname = 'a'\nmatch.path = '/'\nupstream = 'pets'\n{chain}\n");
    api(&text).map(|api| api.routes.into_iter().next().unwrap())
}

#[test]
fn an_entry_is_a_name_or_a_table() {
    let chain =
        route(r#"chain = ["cors", { policy = "jwt", config = { a = 1 }, on_error = "skip" }, "cors"]"#).unwrap().chain;
    let short: Vec<_> =
        chain.iter().map(|entry| (entry.policy.as_str(), entry.config.clone(), entry.on_error)).collect();
    assert_eq!(
        short,
        [
            ("cors", json!({}), OnError::Reject),
            ("jwt", json!({"a": 1}), OnError::Skip),
            ("cors", json!({}), OnError::Reject)
        ]
    );
    assert_eq!((chain[1].place.line, chain[1].place.key.as_str()), (Some(9), "route[0].chain[1]"));
}

#[test]
fn chains_stand_in_the_gateway_and_in_the_api_too() {
    let text = "[policy.cors]\nsource = 'builtin:cors'\n[[chain]]\npolicy = 'cors'\n[chain.config]\norigin = '*'\n";
    assert_eq!(gateway(text).unwrap().chain[0].config, json!({"origin": "*"}));
    let text = format!("{PETS}[[chain]]\npolicy = 'jwt'\n");
    assert_eq!(api(&text).unwrap().chain[0].policy, "jwt");
}

#[test]
fn a_configuration_becomes_json() {
    let chain = route(
        r#"
        [[route.chain]]
        policy = "cors"
        [route.chain.config]
        text = "a"
        list = [1, -2, 0x1f, 1_000]
        float = 1.5
        flag = true
        day = 1979-05-27
        moment = 1979-05-27T07:32:00Z
        deep.er = { x = [] }
        "#,
    )
    .unwrap()
    .chain;
    assert_eq!(
        chain[0].config,
        json!({
            "text": "a", "list": [1, -2, 31, 1000], "float": 1.5, "flag": true, "day": "1979-05-27",
            "moment": "1979-05-27T07:32:00Z", "deep": {"er": {"x": []}}
        })
    );
}

#[test]
fn numbers_json_cannot_hold_are_faults() {
    for number in ["nan", "inf", "-inf", "1e999", "9223372036854775808"] {
        let chain = format!("chain = [{{ policy = 'cors', config = {{ a = [0, {number}] }} }}]");
        assert_fault(route(&chain), "pets/api.toml:9: route[0].chain[0].config.a[1]: is a number JSON cannot hold");
    }
}

#[test]
fn entries_that_make_no_sense_are_faults() {
    let cases = [
        ("chain = 'cors'", "route[0].chain: is a string; write a list"),
        ("chain = [3]", "route[0].chain[0]: is an integer; write the name of a policy or a table"),
        ("chain = ['']", "route[0].chain[0]: \"\" does not fit"),
        ("chain = ['crs']", "names the policy \"crs\", which is not declared; did you mean `cors`?"),
        ("chain = ['elsewhere']", "declare it as [policy.NAME] in gateway.toml"),
        ("chain = [{}]", "route[0].chain[0].policy: is missing"),
        ("chain = [{ policy = 'cors', config = 'x' }]", "route[0].chain[0].config: is a string; write a table"),
        ("chain = [{ policy = 'cors', on_error = 'ignore' }]", "\"ignore\" is not valid"),
        ("chain = [{ policy = 'cors', grant = [] }]", "`grant` belongs in gateway.toml"),
        ("chain = [{ policy = 'cors', conifg = {} }]", "did you mean `config`?"),
    ];
    for (chain, fault) in cases {
        assert_fault(route(chain), fault);
    }
}

#[test]
fn a_responder_stands_for_an_upstream() {
    let with = |responder: &str| {
        api(&format!("name = 'a'\nversion = '1'\n[[route]]\nname = 'a'\nmatch.path = '/'\n{responder}"))
    };
    let backend = |responder: &str| with(responder).unwrap().routes.remove(0).backend;
    let Backend::Responder(short) = backend("responder = 'cors'") else { panic!() };
    assert_eq!((short.policy.as_str(), &short.config), ("cors", &json!({})));
    let Backend::Responder(long) = backend("responder = { policy = 'jwt', config = { a = 1 } }") else { panic!() };
    assert_eq!((long.policy.as_str(), &long.config), ("jwt", &json!({"a": 1})));
    assert_eq!(long.place.key, "route[0].responder");
    let cases = [
        ("responder = 'absent'", "route[0].responder: names the policy \"absent\", which is not declared"),
        ("responder = { policy = 'cors', on_error = 'skip' }", "route[0].responder.on_error: is not a known key"),
        ("responder = 3", "route[0].responder: is an integer"),
        ("responder = { config = {} }", "route[0].responder.policy: is missing"),
    ];
    for (responder, fault) in cases {
        assert_fault(with(responder), fault);
    }
}
