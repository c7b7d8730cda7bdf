//! Chains: who runs when, what policies can do to heads, and what happens on the way back.

use lockgate_tests::{Gateway, Request, Upstream};

/// The policy `trail` in all three chains.
const GATEWAY: &str = r#"
chain = [{ policy = "trail", config = { name = "g1" } }, { policy = "trail", config = { name = "g2" } }]
[policy.trail]
source = "file:components/trail.wasm"
grant = ["write:x-test-trail"]
[policy.gate]
source = "file:components/gate.wasm"
grant = ["read:x-test-break", "write:x-test-gate", "respond"]
"#;

const API: &str = r#"
name = "api"
version = "1"
chain = [{ policy = "trail", config = { name = "a" } }]
[upstream.main]
targets = ["http://$upstream"]
[upstream.gone]
targets = ["http://127.0.0.1:1"]
[[route]]
name = "through"
match = { path = "/through" }
chain = [{ policy = "trail", config = { name = "r" } }, { policy = "trail", config = { name = "g1" } }]
upstream = "main"
[[route]]
name = "plain"
match = { path = "/plain" }
upstream = "main"
[[route]]
name = "gone"
match = { path = "/gone", methods = ["GET"] }
upstream = "gone"
[[route]]
name = "gated"
match = { path = "/gated" }
chain = ["gate", { policy = "trail", config = { name = "r" } }]
upstream = "main"
"#;

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder().upstream(upstream).guest("trail").guest("gate").gateway_toml(GATEWAY).api("api", API).start()
}

#[test]
fn chains_nest_and_run_in_reverse_on_the_way_back() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let response = gateway.get("/through");
    assert_eq!(response.echoed("x-test-trail"), ["g1", "g2", "a", "r", "g1"]);
    assert_eq!(response.values("x-test-trail"), ["g1", "r", "a", "g2", "g1"]);
    let response = gateway.get("/plain");
    assert_eq!(response.echoed("x-test-trail"), ["g1", "g2", "a"]);
    assert_eq!(response.values("x-test-trail"), ["a", "g2", "g1"]);
}

#[test]
fn response_hooks_see_the_gateways_own_answers() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let missing = gateway.get("/nowhere");
    missing.assert_problem(404);
    assert_eq!(missing.values("x-test-trail"), ["g2", "g1"]);
    let method = gateway.send(&Request::new("PUT", "/gone"));
    method.assert_problem(405);
    assert_eq!(method.values("x-test-trail"), ["g2", "g1"]);
    let gone = gateway.get("/gone");
    gone.assert_problem(502);
    assert_eq!(gone.values("x-test-trail"), ["a", "g2", "g1"]);
}

#[test]
fn an_answer_passes_the_response_hooks_of_the_policies_before_it_only() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let answered = gateway.send(&Request::get("/gated").field("x-test-break", "403"));
    answered.assert_status(403);
    assert_eq!(answered.text(), "gate");
    assert_eq!(answered.values("x-test-trail"), ["a", "g2", "g1"]);
    assert_eq!(answered.field("x-test-gate"), None, "its own response hook ran");
    assert_eq!(upstream.requests(), 0);

    let passed = gateway.get("/gated");
    assert_eq!(passed.values("x-test-trail"), ["r", "a", "g2", "g1"]);
    assert_eq!(passed.field("x-test-gate"), Some("seen"));
    assert_eq!(upstream.requests(), 1);
}

#[test]
fn a_policy_can_set_target_and_status_and_hand_on_attributes() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("rewrite")
        .gateway_toml(
            r#"
            [policy.rewrite]
            source = "file:components/rewrite.wasm"
            grant = [
                "read::path", "read::param.*", "read::client", "read::status", "write:x-test-*", "target", "status",
                "attribute-read:seen.path", "attribute-write:seen.*",
            ]
            "#,
        )
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "old"
            match = { path = "/old/{name}" }
            chain = [{ policy = "rewrite", config = { target = "/new//x/../y?z=1", status = 203 } }]
            upstream = "main"
            "#,
        )
        .start();
    let response = gateway.get("/old/a%20b?q");
    response.assert_status(203);
    assert_eq!(response.json()["target"], "/new/y?z=1", "the new target is brought into normal form");
    assert_eq!(response.echoed("x-test-facts"), ["/old/a%20b a b 127.0.0.1"]);
    assert_eq!(response.field("x-test-was"), Some("200 /old/a%20b"));
}

#[test]
fn a_policy_that_cannot_decide_is_answered_as_the_operator_says() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("fail")
        .gateway_toml("[policy.fail]\nsource = \"file:components/fail.wasm\"\ngrant = [\"read:x-test-break\"]")
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "reject"
            match = { path = "/reject" }
            chain = ["fail"]
            upstream = "main"
            [[route]]
            name = "skip"
            match = { path = "/skip" }
            chain = [{ policy = "fail", on_error = "skip" }]
            upstream = "main"
            "#,
        )
        .start();
    let ask = |path: &str, failure: &str| gateway.send(&Request::get(path).field("x-test-break", failure));
    for failure in ["dependency", "internal"] {
        ask("/reject", failure).assert_problem(503);
        ask("/skip", failure).assert_status(200);
    }
    // What the client sent wrongly stays wrong, whatever the operator configured.
    ask("/reject", "bad-input").assert_problem(400);
    ask("/skip", "bad-input").assert_problem(400);
    gateway.get("/reject").assert_status(200);
}

#[test]
fn a_response_hook_that_breaks_is_replaced_by_a_problem_that_outer_hooks_see() {
    let upstream = Upstream::with(|exchange| {
        let asked = exchange.field("x-test-break").is_some();
        let fields: &[(&str, &str)] = if asked { &[("x-test-break", "1"), ("etag", "\"secret\"")] } else { &[] };
        exchange.reply(200, fields, b"fine")
    });
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("trail")
        .guest("trap-response")
        .gateway_toml(
            r#"
            chain = [{ policy = "trail", config = { name = "g" } }]
            [policy.trail]
            source = "file:components/trail.wasm"
            grant = ["write:x-test-trail"]
            [policy.trap]
            source = "file:components/trap-response.wasm"
            grant = ["read:x-test-break"]
            "#,
        )
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            chain = ["trap", { policy = "trail", config = { name = "a" } }]
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "all"
            match = { path = "/" }
            upstream = "main"
            "#,
        )
        .start();
    let response = gateway.send(&Request::get("/").field("x-test-break", "1"));
    response.assert_problem(503);
    assert_eq!(response.values("x-test-trail"), ["g"]);
    assert_eq!(response.field("etag"), None, "fields of the replaced response are gone");
    let response = gateway.get("/");
    response.assert_status(200);
    assert_eq!(response.values("x-test-trail"), ["a", "g"]);
}

#[test]
fn what_a_hook_says_that_is_told_nothing_is_repeated_not_asked_again() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("count-calls")
        .gateway_toml(
            "chain = [\"count-calls\"]\n[runtime]\nworkers = 1\n[policy.count-calls]\n\
             source = \"file:components/count-calls.wasm\"\nisolation = \"pooled\"\ngrant = [\"read:x-test-break\", \"write:x-test-calls\"]\n",
        )
        .proxy(&upstream)
        .start();
    let calls = |request: Request| gateway.send(&request).echoed("x-test-calls").concat();
    assert_eq!(calls(Request::get("/")), "1");
    assert_eq!(calls(Request::get("/")), "1");
    // What it is told something about it is asked about each time.
    assert_eq!(calls(Request::get("/").field("x-test-break", "a")), "2");
    assert_eq!(calls(Request::get("/").field("x-test-break", "a")), "3");
    assert_eq!(calls(Request::get("/")), "1");
    let counted = "lockgate_policy_calls_total{policy=\"count-calls\",hook=\"request\",outcome=\"edit\"}";
    assert_eq!(gateway.metric(counted), Some(5.0));
}

#[test]
fn what_a_hook_writes_to_the_log_it_writes_each_time() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder()
        .guest("chatty")
        .gateway_toml("chain = [\"chatty\"]\n[runtime]\nworkers = 1\n[policy.chatty]\nsource = \"file:components/chatty.wasm\"\nisolation = \"pooled\"\n")
        .proxy(&upstream)
        .start();
    for _ in 0..3 {
        gateway.get("/").assert_status(200);
    }
    assert_eq!(gateway.all_written().matches("called once more").count(), 3);
}

#[test]
fn a_hook_that_is_told_something_is_asked_each_time() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("set-one")
        .gateway_toml(
            r#"
            chain = [{ policy = "set-one", config = { request = "x-test-in", response = "x-test-out" } }]
            [runtime]
            workers = 1
            [policy.set-one]
            source = "file:components/set-one.wasm"
            isolation = "pooled"
            grant = ["read::path", "read::status", "write:x-test-*"]
            limits = { calls = 2 }
            "#,
        )
        .proxy(&upstream)
        .start();
    for _ in 0..3 {
        let response = gateway.get("/");
        assert_eq!((response.echoed("x-test-in").concat(), response.field("x-test-out")), ("one".into(), Some("two")));
    }
    let retired = "lockgate_instance_retirements_total{policy=\"set-one\",reason=\"calls\"}";
    assert_eq!(gateway.metric(retired), Some(3.0), "two calls of each request, after which an instance is replaced");
}
