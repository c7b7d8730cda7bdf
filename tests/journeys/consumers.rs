//! Who calls: consumers, applications and keys, made with the command line, asked for with `key-auth` and `basic`, and gone at the next request.

mod kept;

use lockgate_tests::{Folder, Gateway, Request, Response, Upstream};
use serde_json::Value;

/// Later policies see who calls, and the upstream sees what they pass on.
const API: &str = r#"
name = "pets"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "getPet"
match = { path = "/pets/{id}" }
chain = ["key-auth"]
upstream = "main"
[[route]]
name = "gold"
match = { path = "/gold" }
chain = ["key-auth", { policy = "acl", config = { allow = { "auth.plan" = ["gold"] } } }]
upstream = "main"
[[route]]
name = "limited"
match = { path = "/limited" }
chain = ["key-auth", { policy = "rate-limit", config = { limits = [{ amount = 3, per = "1h", by = ["attribute:auth.consumer"] }] } }]
upstream = "main"
[[route]]
name = "everywhere"
match = { path = "/everywhere" }
chain = [{ policy = "key-auth", config = { header = "x-api-key", bearer = true, query = "key" } }]
upstream = "main"
[[route]]
name = "basic"
match = { path = "/basic" }
chain = ["basic"]
upstream = "main"
[[route]]
name = "open"
match = { path = "/open" }
upstream = "main"
"#;

const POLICIES: &str = r#"
[policy.key-auth]
source = "builtin:key-auth"
grant = ["consumers", "read::*", "read:x-api-key", "write:x-api-key", "read:authorization", "write:authorization",
    "target", "attribute-write:auth.*", "respond"]
[policy.basic]
source = "builtin:basic"
grant = ["consumers", "read::*", "read:authorization", "write:authorization", "attribute-write:auth.*", "respond"]
[policy.acl]
source = "builtin:acl"
grant = ["attribute-read:auth.*", "respond"]
[policy.rate-limit]
source = "builtin:rate-limit"
grant = ["limiter:calls", "attribute-read:auth.*", "respond", "write:ratelimit", "write:ratelimit-policy"]
"#;

fn folder(upstream: &Upstream) -> Folder {
    Gateway::folder().upstream(upstream).gateway_toml(POLICIES).api("pets", API)
}

/// A gateway with an application `shop/web`.
fn gateway(upstream: &Upstream) -> Gateway {
    let gateway = folder(upstream).start();
    gateway.verb(&["consumer", "add", "shop", "--attribute", "plan=gold"]).assert(0, &["lockgate app add shop/NAME"]);
    gateway.verb(&["app", "add", "shop/web"]).assert(0, &["lockgate key add shop/web"]);
    gateway
}

/// A new key of `shop/web`, as a script would take it.
fn key(gateway: &Gateway, more: &[&str]) -> String {
    let made = gateway.verb(&[&["key", "add", "shop/web"], more].concat());
    made.assert(0, &["This is shown once"]);
    made.stdout.trim().to_owned()
}

fn id(key: &str) -> &str {
    key.split('_').nth(2).unwrap()
}

fn asking(target: &str, key: &str) -> Request {
    Request::get(target).field("x-api-key", key)
}

fn ask(gateway: &Gateway, target: &str, key: &str) -> Response {
    gateway.send(&asking(target, key))
}

/// A key of the same id with another secret, and the checksum that goes with it.
fn guessed(key: &str) -> String {
    let (rest, _) = key.rsplit_once('_').unwrap();
    let (rest, secret) = rest.rsplit_once('_').unwrap();
    let secret: String = secret.chars().rev().collect();
    let proof = format!("{rest}_{secret}");
    let mut crc = flate2::Crc::new();
    crc.update(proof.as_bytes());
    let letter = |place: u32| b"0123456789abcdefghjkmnpqrstvwxyz"[(crc.sum() >> (5 * place)) as usize % 32] as char;
    let checksum: String = (0..7).rev().map(letter).collect();
    format!("{proof}_{checksum}")
}

/// The status, and the last part of the type of the problem.
fn refusal(response: &Response) -> (u16, String) {
    let kind = response.json()["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned();
    (response.status, kind)
}

/// Nothing of the record is missing or was changed.
fn is_whole(gateway: &Gateway) {
    let state = gateway.state("").display().to_string();
    gateway.run(&["history", "verify", "--state", &state]).assert(0, &["The record is whole"]);
}

/// What a list says, entry by entry.
fn list(gateway: &Gateway, words: &[&str]) -> Vec<Value> {
    let said = gateway.verb(&[words, &["--json"]].concat());
    said.assert(0, &[]);
    serde_json::from_str(&said.stdout).unwrap()
}

#[test]
fn a_key_admits_until_it_is_revoked_and_not_one_request_longer() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = key(&gateway, &[]);
    assert!(key.starts_with("lg_live_"), "{}", id(&key));
    let mut client = gateway.connect();
    let answer = client.send(&asking("/pets/1", &key));
    answer.assert_status(200);
    assert!(!answer.text().contains("x-api-key"), "the upstream saw the key");
    client.send(&asking("/gold", &key)).assert_status(200);
    assert_eq!(refusal(&gateway.get("/pets/1")), (401, "key_missing".to_owned()));
    gateway.verb(&["key", "revoke", id(&key)]).assert(0, &["is revoked"]);
    let refused = client.send(&asking("/pets/1", &key));
    assert_eq!(refusal(&refused), (401, "key_revoked".to_owned()));
    assert_eq!(refused.field("www-authenticate"), Some("ApiKey realm=\"api\""));
    // Whoever guessed the id learns nothing of it.
    assert_eq!(refusal(&client.send(&asking("/pets/1", &guessed(&key)))), (401, "key_unknown".to_owned()));
    assert_eq!(refusal(&client.send(&asking("/pets/1", &key[1..]))), (401, "key_malformed".to_owned()));
    gateway.get("/open").assert_status(200);
}

#[test]
fn a_key_stands_in_a_field_in_the_query_or_behind_bearer_and_goes_no_further() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = key(&gateway, &[]);
    for request in [
        asking("/everywhere", &key),
        Request::get("/everywhere").bearer(&key),
        Request::get(&format!("/everywhere?a=1&key={key}&b=2")),
    ] {
        let answer = gateway.send(&request);
        answer.assert_status(200);
        assert!(!answer.text().contains(&key[8..]), "the upstream saw the key");
    }
    let answer = gateway.get(&format!("/everywhere?a=1&key={key}&b=2"));
    assert!(answer.text().contains("/everywhere?a=1&b=2"));
    let both = asking("/everywhere", &key).bearer(&key);
    assert_eq!(refusal(&gateway.send(&both)), (400, "key_sent_twice".to_owned()));
}

#[test]
fn a_key_is_good_for_what_it_was_made_for_and_nothing_else() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let bounded = key(&gateway, &["--to", "pets/getPet", "--to", "shop", "--method", "GET", "--from", "127.0.0.0/8"]);
    ask(&gateway, "/pets/1", &bounded).assert_status(200);
    assert_eq!(refusal(&ask(&gateway, "/gold", &bounded)), (403, "key_not_for_operation".to_owned()));
    let post = Request::new("POST", "/pets/1").field("x-api-key", &bounded);
    assert_eq!(refusal(&gateway.send(&post)), (403, "key_not_for_method".to_owned()));
    let elsewhere = key(&gateway, &["--from", "192.0.2.1", "--from", "2001:db8::/32"]);
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &elsewhere)), (403, "key_not_from_address".to_owned()));
    for (wrong, said) in [
        (&["--to", "pets/"][..], "is no API and no operation"),
        (&["--method", "get"], "is no method"),
        (&["--from", "10.0.0.0/33"], "is no address and no network"),
        (&["--from", "10.0.0.5/8"], "has bits beyond its length"),
        (&["--expires", "5y"], "write a time"),
        (&["--env", "Live"], "an environment is"),
    ] {
        let refused = gateway.verb(&[&["key", "add", "shop/web"], wrong].concat());
        assert!(refused.code != Some(0) && refused.stderr.contains(said), "{refused:?}");
    }
}

#[test]
fn two_keys_are_good_while_one_takes_the_place_of_the_other() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let first = key(&gateway, &["--to", "pets/getPet", "--expires", "90d", "--note", "for the till"]);
    let rotated = gateway.verb(&["key", "rotate", id(&first), "--overlap", "1h"]);
    rotated.assert(0, &[&format!("{} is good until 20", id(&first)), "and it expires 20"]);
    let second = rotated.stdout.trim().to_owned();
    for key in [&first, &second] {
        ask(&gateway, "/pets/1", key).assert_status(200);
        assert_eq!(refusal(&ask(&gateway, "/gold", key)), (403, "key_not_for_operation".to_owned()), "the same bounds");
    }
    let keys = list(&gateway, &["key", "list", "shop/web"]);
    assert!(keys.iter().all(|key| key["state"] == "active" && key["note"] == "for the till"), "{keys:?}");
    let lives = keys.iter().map(|key| key["expires"].as_u64().unwrap() - key["created"].as_u64().unwrap());
    let mut lives: Vec<_> = lives.collect();
    lives.sort_unstable();
    assert!((3600..3660).contains(&lives[0]) && lives[1] == 90 * 86_400, "{lives:?}");
    // A third would be one that nobody takes away again; another environment has its own.
    gateway
        .verb(&["key", "add", "shop/web"])
        .assert(1, &["has 2 keys for `live` that are good", id(&first), id(&second)]);
    gateway.verb(&["key", "rotate", id(&second)]).assert(1, &["has 2 keys for `live`"]);
    assert!(key(&gateway, &["--env", "test"]).starts_with("lg_test_"));
    gateway.verb(&["key", "revoke", &first]).assert(0, &[id(&first)]);
    let wrong = gateway.verb(&["key", "revoke", &second[..second.len() - 1]]);
    assert!(wrong.code == Some(1) && !wrong.stderr.contains(&second[10..40]), "a key was repeated");
    assert!(wrong.stderr.contains("a letter of it is wrong or missing"), "{}", wrong.stderr);
    let third = gateway.verb(&["key", "rotate", id(&second)]);
    third.assert(0, &[]);
    // Two are good, and one of them has to go now.
    let at_once = gateway.verb(&["key", "rotate", id(&second), "--overlap", "0s"]);
    at_once.assert(0, &[]);
    ask(&gateway, "/pets/1", third.stdout.trim()).assert_status(200);
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &second)), (401, "key_expired".to_owned()));
    ask(&gateway, "/pets/1", at_once.stdout.trim()).assert_status(200);
    gateway.verb(&["key", "rotate", id(&first)]).assert(1, &["is not good any more"]);
}

#[test]
fn who_is_disabled_or_gone_is_refused_at_once() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = key(&gateway, &[]);
    for (verb, holder) in [("consumer", "shop"), ("app", "shop/web")] {
        gateway.verb(&[verb, "disable", holder]).assert(0, &["its keys are refused"]);
        assert_eq!(refusal(&ask(&gateway, "/pets/1", &key)), (403, "application_disabled".to_owned()));
        assert_eq!(list(&gateway, &["key", "list"])[0]["state"], "disabled");
        gateway.verb(&[verb, "enable", holder]).assert(0, &["is enabled"]);
        ask(&gateway, "/pets/1", &key).assert_status(200);
    }
    gateway.verb(&["app", "set", "shop/web", "--attribute", "plan=free"]).assert(0, &[]);
    assert_eq!(refusal(&ask(&gateway, "/gold", &key)), (403, "not_allowed".to_owned()));
    gateway.verb(&["app", "set", "shop/web", "--attribute", "plan="]).assert(0, &[]);
    ask(&gateway, "/gold", &key).assert_status(200);
    for (verb, holder) in [("app", "shop/web"), ("consumer", "shop")] {
        gateway.verb(&[verb, "remove", holder]).assert(1, &["has keys that are good, 1 of them", "--with-keys"]);
    }
    gateway.verb(&["consumer", "remove", "shop", "--with-keys"]).assert(0, &["is gone"]);
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &key)), (401, "key_unknown".to_owned()));
    assert!(list(&gateway, &["consumer", "list"]).is_empty() && list(&gateway, &["key", "list"]).is_empty());
}

#[test]
fn a_limit_counts_for_a_consumer_whatever_key_it_shows() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.verb(&["app", "add", "shop/app"]).assert(0, &[]);
    let other = gateway.verb(&["key", "add", "shop/app"]);
    let keys = [key(&gateway, &[]), other.stdout.trim().to_owned()];
    let statuses: Vec<_> = (0..5).map(|turn| ask(&gateway, "/limited", &keys[turn % 2]).status).collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn a_key_is_the_password_of_its_consumer_and_of_no_other() {
    use base64::Engine;
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = key(&gateway, &[]);
    let ask = |name: &str| {
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{key}"));
        gateway.send(&Request::get("/basic").field("authorization", &format!("Basic {credentials}")))
    };
    for name in ["shop", "shop/web"] {
        let answer = ask(name);
        answer.assert_status(200);
        assert!(!answer.text().contains("authorization"), "the upstream saw the key");
    }
    let refused = ask("other");
    assert_eq!(refusal(&refused), (401, "key_unknown".to_owned()));
    assert_eq!(refused.field("www-authenticate"), Some("Basic realm=\"api\", charset=\"UTF-8\""));
    gateway.verb(&["key", "revoke", id(&key)]).assert(0, &[]);
    assert_eq!(refusal(&ask("shop")), (401, "key_revoked".to_owned()));
}

#[test]
fn every_act_is_an_entry_of_the_history_and_what_was_refused_is_none() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let key = key(&gateway, &[]);
    gateway.verb(&["consumer", "add", "shop"]).assert(1, &["`shop` is there already"]);
    gateway
        .verb(&["app", "add", "other/web"])
        .assert(1, &["there is no consumer `other`; `lockgate consumer add other` adds it"]);
    let rotated = gateway.verb(&["key", "rotate", id(&key)]);
    let second = rotated.stdout.trim();
    gateway.verb(&["key", "revoke", id(&key)]).assert(0, &[]);
    gateway.verb(&["key", "revoke", id(&key)]).assert(0, &["was revoked before"]);
    gateway.verb(&["consumer", "disable", "shop"]).assert(0, &[]);
    gateway.verb(&["consumer", "disable", "shop"]).assert(0, &["was disabled before"]);
    let said = gateway.verb(&["history", "--json"]);
    let said: Value = serde_json::from_str(&said.stdout).unwrap();
    let acts = said["entries"].as_array().unwrap().iter().filter(|entry| entry["why"] == "consumers");
    let acts: Vec<_> = acts.map(|entry| (entry["act"].clone(), entry["of"].clone(), entry["keys"].clone())).collect();
    let both = serde_json::json!([id(&key), id(second)]);
    let one = serde_json::json!([id(&key)]);
    assert_eq!(
        acts,
        [
            ("disabled".into(), "shop".into(), Value::Null),
            ("key-revoked".into(), "shop/web".into(), one.clone()),
            ("key-rotated".into(), "shop/web".into(), both),
            ("key-made".into(), "shop/web".into(), one),
            ("added".into(), "shop/web".into(), Value::Null),
            ("added".into(), "shop".into(), Value::Null),
        ]
    );
    let rotated = format!("shop/web {} {} (both for 86400 s)", id(&key), id(second));
    gateway.verb(&["history"]).assert(0, &["key-rotated", &rotated, "(live, good for anything)", "(attribute plan)"]);
    is_whole(&gateway);
    // Between acts what serves is still what can be gone back to.
    gateway.verb(&["rollback"]).assert(1, &["nothing else is on record"]);
    let entry = said["entries"][0]["entry"].to_string();
    gateway.verb(&["rollback", &entry]).assert(1, &["is of an act that changed nothing of the folder"]);
}

#[test]
fn what_is_no_act_is_refused_with_a_reason_and_changes_nothing() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let token = gateway.admin_token();
    let send = |body: &str| gateway.admin(&Request::post("/consumers", "application/json", body).bearer(&token));
    let many: Vec<_> = (0..17).map(|n| format!("\"a{n}\":\"x\"")).collect();
    for (body, status, said) in [
        ("", 400, "The body is no act"),
        ("{\"act\":\"add\",\"holder\":\"Shop\"}", 400, "is no name"),
        ("{\"act\":\"add\",\"holder\":\"a\",\"attributes\":{\"key\":\"x\"}}", 400, "is what the gateway says itself"),
        (&format!("{{\"act\":\"add\",\"holder\":\"a\",\"attributes\":{{{}}}}}", many.join(",")), 400, "and not more"),
        ("{\"act\":\"revoke-key\",\"key\":\"0123456789abcdef\"}", 409, "there is no key 0123456789abcdef"),
        ("{\"act\":\"set\",\"holder\":\"shop/app\"}", 409, "there is no application `shop/app`"),
        (&"x".repeat(65 << 10), 413, "longer than 64 KiB"),
    ] {
        let answer = send(body);
        answer.assert_status(status);
        assert!(answer.text().contains(said), "{}", answer.text());
    }
    assert_eq!(gateway.admin(&Request::get("/keys")).status, 401);
    assert_eq!(gateway.ask("/keys?n=0").status, 400);
    assert_eq!(gateway.admin(&Request::new("DELETE", "/consumers").bearer(&token)).status, 405);
    assert_eq!(list(&gateway, &["consumer", "list"]).len(), 1);
}

#[test]
fn lists_are_whole_however_long_they_are_and_readable() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let token = gateway.admin_token();
    for number in 0..150 {
        let act = format!("{{\"act\":\"add\",\"holder\":\"c{number:03}\",\"description\":\"number {number}\"}}");
        gateway.admin(&Request::post("/consumers", "application/json", act).bearer(&token)).assert_status(200);
    }
    assert_eq!(list(&gateway, &["consumer", "list"]).len(), 151);
    let page = gateway.ask("/consumers?n=2&after=c009").json();
    let names: Vec<_> = page["entries"].as_array().unwrap().iter().map(|it| it["consumer"].clone()).collect();
    assert_eq!(names, ["c010", "c011"]);
    let key = key(&gateway, &["--to", "pets", "--method", "GET", "--from", "10.0.0.0/8"]);
    gateway.verb(&["consumer", "list"]).assert(0, &["CONSUMER", "plan=gold", "number 7"]);
    gateway.verb(&["app", "list", "shop"]).assert(0, &["shop/web", "enabled"]);
    gateway.verb(&["key", "list"]).assert(0, &[id(&key), "shop/web", "active", "pets GET from 10.0.0.0/8"]);
    gateway.verb(&["key", "list", "--unused", "30d"]).assert(0, &["KEY"]);
    assert!(list(&gateway, &["key", "list", "--unused", "30d"]).is_empty(), "it was only made");
    assert_eq!(list(&gateway, &["app", "list"])[0]["keys"], 1);
    gateway.verb(&["key", "revoke", id(&key)]).assert(0, &[]);
    assert_eq!(list(&gateway, &["app", "list"])[0]["keys"], 0);
    for list in ["app", "key"] {
        gateway.verb(&[list, "list", "other"]).assert(1, &["there is no consumer `other`"]);
    }
}
