//! A guard that moves is lost nowhere on the way: what was never good together is not served together.

use lockgate_tests::{Gateway, Request, Upstream, eventually};

use super::{API, POLICY, assert_state, folder, look, write_all};

/// What is served passes the policy; what does not pass it is not served.
#[track_caller]
fn assert_guarded(gateway: &Gateway, path: &str, what: &str) {
    let response = gateway.get(path);
    assert!(response.status == 503 || response.field("x-test-version").is_some(), "{what}: {response:?}");
}

#[test]
fn a_guard_that_moves_between_chains_is_not_lost_when_one_of_them_is_faulty() {
    let outer = "chain = [\"mark\"]\n";
    let plain = API.replace("chain = [\"mark\"]\n", "");
    let on_api = plain.replace("version = \"1\"\n", "version = \"1\"\nchain = [\"mark\"]\n");
    let on_routes = plain.replace("upstream = \"main\"", "chain = [\"mark\"]\nupstream = \"main\"");
    let broken_route = |text: &str| text.replace("path = \"/two\" }", "path = \"/two\" }\ntimeout = \"x\"");
    let broken_api = |text: &str| text.replace("version = \"1\"", "version = 1");
    let (with, without) = (format!("{outer}{POLICY}"), POLICY.to_owned());
    let broken_gateway = |text: &str| format!("nonsense = 1\n{text}");
    let elsewhere = API.replace("name = \"api\"", "name = \"second\"").replace("path = \"/", "path = \"/second/");
    let cases = [
        ("from the API to its routes", &without, &on_api, &without, broken_route(&on_routes)),
        ("from gateway.toml to the API", &with, &plain, &without, broken_api(&on_api)),
        ("from the API to a faulty gateway.toml", &without, &on_api, &broken_gateway(&with), plain.clone()),
        ("with a path within the API", &without, &on_api, &without, broken_route(&plain.replace("/one", "/three"))),
    ];
    for (what, gateway_before, api_before, gateway_after, api_after) in cases {
        let upstream = Upstream::echo();
        let folder = folder(&upstream).gateway_toml(gateway_before).api("api", api_before).api("second", &elsewhere);
        let mut gateway = folder.start();
        assert_guarded(&gateway, "/two", what);
        let listeners = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
        let listeners = listeners.split_once("[listen.").map(|(_, rest)| format!("[listen.{rest}")).unwrap();
        write_all(&gateway, &[("gateway.toml", &format!("{gateway_after}{listeners}")), ("api/api.toml", &api_after)]);
        for _ in 0..2 {
            for path in ["/one", "/two"] {
                assert_guarded(&gateway, path, what);
            }
            look(&gateway);
        }
        gateway.restart();
        assert_guarded(&gateway, "/two", what);
        look(&gateway);
        assert_guarded(&gateway, "/two", what);
    }
}

#[test]
fn a_held_api_passes_the_chain_of_the_gateway_it_passed_before() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream)
        .gateway_toml(&format!("chain = [\"mark\"]\n{POLICY}"))
        .api("api", &API.replace("chain = [\"mark\"]\n", ""))
        .start();
    gateway.write("api/api.toml", "name = ");
    gateway.wait_for_refusal();
    super::write(&gateway, POLICY);
    super::other_moves_on(&gateway);
    for _ in 0..2 {
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"), "as it was");
        assert_eq!(gateway.get("/other").field("x-test-version"), None, "as it is");
        assert_state(&gateway, "API in api", "held");
        gateway.restart();
    }
}

#[test]
fn what_happens_when_a_policy_fails_is_held_with_its_chain() {
    let upstream = Upstream::echo();
    let strict = API.replace("chain = [\"mark\"]", "chain = [{ policy = \"mark\", on_error = \"reject\" }]");
    let trap = "[policy.trap]\nsource = \"file:components/trap-request.wasm\"\ngrant = [\"read:*\"]\n";
    let folder = folder(&upstream).guest("trap-request").gateway_toml(&format!("{POLICY}{trap}"));
    let gateway = folder.api("api", &strict.replace("mark", "trap")).start();
    let breaking = Request::get("/one").field("x-test-break", "1");
    gateway.send(&breaking).assert_status(503);
    let lax = strict.replace("mark", "trap").replace("reject", "skip");
    gateway.write("api/api.toml", &lax.replace("path = \"/two\"", "path = 2"));
    gateway.wait_for_refusal();
    gateway.send(&breaking).assert_status(503);
    gateway.write("api/api.toml", &lax);
    eventually("it to be skipped", || (gateway.send(&breaking).status == 200).then_some(()));
}

#[test]
fn fields_clients_might_not_send_when_an_api_was_good_they_may_not_send_while_it_is_held() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream).gateway_toml(&format!("{POLICY}[request]\nidentity_headers = [\"x-caller\"]\n"));
    let mut gateway = folder.start();
    gateway.write("api/api.toml", "name = ");
    gateway.wait_for_refusal();
    super::write(&gateway, POLICY);
    super::other_moves_on(&gateway);
    let evil = Request::get("/one").field("x-caller", "evil");
    for _ in 0..2 {
        let said = gateway.send(&evil).text();
        assert!(said.contains("\"target\"") && !said.contains("evil"), "{said}");
        gateway.restart();
    }
    gateway.write("api/api.toml", API);
    eventually("the field to pass", || gateway.send(&evil).text().contains("evil").then_some(()));
}
