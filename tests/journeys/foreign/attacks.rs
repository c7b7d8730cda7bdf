//! Tokens that libraries others wrote make, right ones and what people try instead, sent to `jwt` with the keys that go with them.

use lockgate_tests::foreign;
use lockgate_tests::{Gateway, Request, Upstream};
use serde_json::Value;

/// Good tokens pass, bad ones are refused before anything hears of them.
fn judge(made: &str, least: (usize, usize)) {
    let made: Value = serde_json::from_str(made).unwrap();
    let [good, bad] = ["good", "bad"].map(|kind| made[kind].as_object().unwrap());
    assert!(good.len() >= least.0 && bad.len() >= least.1, "{} and {}", good.len(), bad.len());
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("idp.jwks.json", made["jwks"].to_string())
        .gateway_toml(
            "[keys.idp]\njwks = \"idp.jwks.json\"\n[policy.jwt]\nsource = \"builtin:jwt\"\n\
             grant = [\"key:idp\", \"read:authorization\", \"write:authorization\", \"attribute-write:auth.*\", \"respond\"]\n",
        )
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n[[route]]\nname = \"all\"\n\
             match = { path = \"/{*rest}\" }\nupstream = \"main\"\n\
             chain = [{ policy = \"jwt\", config = { keys = \"idp\", issuer = \"https://idp.example\", audience = \"api\" } }]\n",
        )
        .start();
    let answer = |token: &Value| gateway.send(&Request::get("/").bearer(token.as_str().unwrap()));
    let refused: Vec<_> = good.iter().filter(|(_, token)| answer(token).status != 200).map(|it| it.0).collect();
    assert!(refused.is_empty(), "good ones that are refused: {refused:?}");
    let mut wrong = Vec::new();
    for (name, token) in bad {
        let response = answer(token);
        let challenge = response.field("www-authenticate").unwrap_or_default();
        let says = ["invalid_token", "invalid_request"].iter().any(|error| challenge.contains(error));
        if ![400, 401].contains(&response.status) || !says {
            wrong.push((name, response.status, challenge.to_owned()));
        }
    }
    assert!(wrong.is_empty(), "bad ones that are not refused as such: {wrong:?}");
    assert_eq!(upstream.requests(), good.len());
}

#[test]
fn attacks_made_with_a_library_for_node_are_refused() {
    judge(&foreign::node("identity", "attacker"), (13, 120));
}

#[test]
fn attacks_made_with_a_library_for_python_are_refused() {
    judge(&foreign::python("attacker"), (7, 20));
}
