//! Explained answers: for whoever shows a debug token, and as if there were no such thing for everybody else.

use lockgate_tests::{Folder, Gateway, Request, Response, Upstream};
use serde_json::Value;

const CHAIN: &str = "chain = [{ policy = \"trail\", config = { name = \"g\" } }]\n[policy.trail]\n\
     source = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]\n";
const DOWN: &str = "name = \"down\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://127.0.0.1:1\"]\n\
     [[route]]\nname = \"gone\"\nmatch = { path = \"/gone\" }\nupstream = \"main\"\n";

fn folder(upstream: &Upstream) -> Folder {
    Gateway::folder().guest("trail").gateway_toml(CHAIN).api("down", DOWN).proxy(upstream)
}

fn token(gateway: &Gateway) -> String {
    let made = gateway.run(&["debug-token", "--for", "5m"]);
    made.assert(0, &[]);
    made.stdout.trim().to_owned()
}

fn explained(response: &Response) -> Value {
    let text = response.field("lockgate-explain").unwrap_or_else(|| panic!("nothing is explained: {response:?}"));
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_debug_token_shows_route_policies_and_tries_with_their_times() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let request = Request::get("/some/where?secret=query").field("lockgate-debug", &token(&gateway));
    let response = gateway.send(&request);
    let told = explained(&response);
    assert_eq!((&told["generation"], &told["api"], &told["route"]), (&1.into(), &"proxy".into(), &"all".into()));
    assert_eq!((&told["class"], &told["blame"]), (&"ok".into(), &Value::Null));
    assert_eq!(told["counts"], Value::Array(Vec::new()));
    let hooks: Vec<_> =
        told["policies"].as_array().unwrap().iter().map(|call| call["hook"].as_str().unwrap()).collect();
    assert_eq!(hooks, ["request", "response"], "{told}");
    assert_eq!((&told["policies"][0]["policy"], &told["policies"][0]["verdict"]), (&"trail".into(), &"edit".into()));
    let tried = &told["tries"][0];
    assert_eq!((&tried["upstream"], &tried["status"]), (&"proxy/main".into(), &200.into()));
    assert_eq!(tried["target"], format!("http://{}", upstream.address()));
    let us = |key: &str| told[key].as_u64().unwrap();
    assert!(us("upstream_us") + us("policy_us") + us("gateway_us") <= us("head_us"), "{told}");
    assert!(tried["us"].as_u64().unwrap() <= us("upstream_us"));
    let text = told.to_string();
    assert!(!text.contains("secret") && !text.contains("/some/where") && !text.contains("127.0.0.0"), "{text}");
    assert_eq!(gateway.access_log("/some/where")["id"], told["id"]);
}

#[test]
fn the_token_goes_no_further_whether_it_is_good_or_not() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    let token = token(&gateway);
    for sent in [token.as_str(), "not-a-token"] {
        for field in ["lockgate-debug", "lockgate_debug"] {
            let response = gateway.send(&Request::get("/").field(field, sent));
            assert!(response.echoed(field).is_empty(), "{response:?}");
        }
    }
    let written = gateway.all_written();
    assert!(!written.contains(&token) && !written.contains("not-a-token"), "{written}");
}

#[test]
fn without_a_good_token_the_answer_is_the_same_as_ever() {
    let upstream = Upstream::echo();
    let (gateway, other) = (folder(&upstream).start(), folder(&upstream).start());
    let (own, foreign) = (token(&gateway), token(&other));
    let names = |response: &Response| -> Vec<String> {
        response.fields.iter().map(|(name, _)| name.clone()).filter(|name| name != "date").collect()
    };
    let plain = gateway.get("/");
    let mut forged = own.clone();
    forged.insert(0, '1');
    let past = own.split_once('.').unwrap().1;
    let past = format!("1000000000.{past}");
    for bad in ["", "x", &foreign, &forged, &past] {
        let response = gateway.send(&Request::get("/").field("lockgate-debug", bad));
        response.assert_status(200);
        assert_eq!(names(&response), names(&plain), "{bad}");
    }
    for (first, second) in [("x", own.as_str()), (&own, "x")] {
        let twice = Request::get("/").field("lockgate-debug", first).field("lockgate-debug", second);
        assert_eq!(gateway.send(&twice).field("lockgate-explain"), None);
    }
}

#[test]
fn the_gateways_own_answers_are_explained_too() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().api("down", DOWN).upstream(&upstream).start();
    let token = token(&gateway);
    let ask = |target: &str| gateway.send(&Request::get(target).field("lockgate-debug", &token));
    let nowhere = ask("/nowhere");
    nowhere.assert_problem(404);
    let told = explained(&nowhere);
    assert_eq!((&told["class"], &told["blame"], &told["route"]), (&"no_route".into(), &"client".into(), &Value::Null));
    let malformed = ask("/%2f");
    malformed.assert_problem(400);
    assert_eq!(explained(&malformed)["class"], "bad_path");
    let gone = ask("/gone");
    gone.assert_problem(502);
    let told = explained(&gone);
    assert_eq!((&told["class"], &told["route"]), (&"upstream_connect".into(), &"gone".into()));
    assert_eq!((&told["tries"][0]["class"], &told["tries"][0]["status"]), (&"upstream_connect".into(), &Value::Null));
}

#[test]
fn a_token_lasts_an_hour_at_most_and_is_made_only_where_a_gateway_has_its_key() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    folder.run(&["debug-token"]).assert(1, &["there is no state directory"]);
    let mut gateway = folder.start();
    gateway.run(&["debug-token", "--for", "61m"]).assert(2, &["1h"]);
    let json: Value = serde_json::from_str(&gateway.run(&["debug-token", "--json"]).stdout).unwrap();
    assert_eq!(json["field"], "lockgate-debug");
    let old = json["token"].as_str().unwrap().to_owned();
    let asks = |gateway: &Gateway, token: &str| {
        gateway.send(&Request::get("/").field("lockgate-debug", token)).field("lockgate-explain").is_some()
    };
    assert!(asks(&gateway, &old));
    // Without its file there is another key after the next start.
    std::fs::remove_file(gateway.state("debug-key")).unwrap();
    gateway.run(&["debug-token"]).assert(1, &["makes it when it starts"]);
    gateway.restart();
    assert!(!asks(&gateway, &old));
    assert!(asks(&gateway, &token(&gateway)));
}
