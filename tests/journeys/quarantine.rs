//! A fault is that of an API: it goes on with its whole chain as it was, or is refused, and all else moves on. Also at a start.

mod guarded;
mod matched;

use std::fs;

use lockgate_tests::{Folder, Gateway, Request, Response, Upstream, eventually, guests};
use serde_json::Value;

/// Two routes, one of which passes a policy.
const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "one"
match = { path = "/one" }
chain = ["mark"]
upstream = "main"
[[route]]
name = "two"
match = { path = "/two" }
upstream = "main"
"#;

const OTHER: &str = r#"
name = "other"
version = "1"
[[route]]
name = "other"
match = { path = "/other" }
respond = { body = "before" }
"#;

const POLICY: &str = "[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [\"write:x-test-*\"]\n";

fn folder(upstream: &Upstream) -> Folder {
    Gateway::folder()
        .upstream(upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(POLICY)
        .api("api", API)
        .api("other", OTHER)
}

/// Write what stands before the listeners in gateway.toml, which stay.
fn write(gateway: &Gateway, text: &str) {
    let before = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let (_, ports) = before.split_once("[listen.").unwrap();
    gateway.write("gateway.toml", &format!("{text}[listen.{ports}"));
}

fn becomes(gateway: &Gateway, path: &str, status: u16) {
    eventually(&format!("{path} to answer {status}"), || (gateway.get(path).status == status).then_some(()));
    // By all workers.
    look(gateway);
}

fn other_moves_on(gateway: &Gateway) {
    gateway.write("other/api.toml", &OTHER.replace("before", "after"));
    eventually("the other API to change", || (gateway.get("/other").text() == "after").then_some(()));
    look(gateway);
}

/// Have the folder looked at once more.
fn look(gateway: &Gateway) {
    let token = gateway.admin_token();
    let asked = Request::new("POST", "/reload").bearer(&token).field("content-length", "0");
    gateway.admin(&asked).assert_status(200);
}

/// Write several files at once, as far as the gateway can see: nothing it looks at is between two of them.
fn write_all(gateway: &Gateway, files: &[(&str, &str)]) {
    let next = gateway.copied();
    for (path, text) in files {
        match text.is_empty() {
            true => fs::remove_dir_all(next.join(path)).unwrap(),
            false => {
                fs::create_dir_all(next.join(path).parent().unwrap()).unwrap();
                fs::write(next.join(path), gateway.filled(text)).unwrap();
            }
        }
    }
    let before = gateway.root().join("before");
    fs::rename(gateway.policies(), &before).unwrap();
    fs::rename(&next, gateway.policies()).unwrap();
    fs::remove_dir_all(before).unwrap();
    look(gateway);
}

/// How `/status` says that a part stands.
fn standing(gateway: &Gateway, part: &str) -> Value {
    let mut status = gateway.status();
    let parts = status["parts"].as_array_mut().unwrap();
    parts.iter_mut().find(|it| it["part"] == part).map(Value::take).unwrap_or_default()
}

fn assert_state(gateway: &Gateway, part: &str, state: &str) {
    // Requests see what serves a moment before it is said.
    eventually(&format!("{part} to be {state}"), || (standing(gateway, part)["state"] == state).then_some(()));
}

#[track_caller]
fn assert_unavailable(response: &Response) {
    response.assert_problem(503);
    assert_eq!(response.json()["detail"], "The gateway cannot serve this route as it is configured.");
}

#[test]
fn an_api_with_a_faulty_route_stays_as_it_was_and_others_move_on() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    gateway.write("api/api.toml", &API.replace("path = \"/one\"", "path = 1").replace("/two", "/three"));
    gateway.wait_for_refusal();
    other_moves_on(&gateway);
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    gateway.get("/two").assert_status(200);
    gateway.get("/three").assert_status(404);
    let api = standing(&gateway, "API in api");
    assert_eq!((&api["state"], &api["source"]), (&"held".into(), &"api/api.toml".into()), "{api}");
    assert_eq!((&api["faults"][0]["key"], &api["faults"][0]["line"]), (&"route[0].match.path".into(), &8.into()));
    assert!(api["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_state(&gateway, "API in other", "current");
    assert_eq!(gateway.metric("lockgate_parts{state=\"held\"}"), Some(1.0));
    gateway.admin(&Request::get("/readyz")).assert_status(200);
    let said = |line: &Value| line["message"].as_str()?.contains("all else moves on").then(|| line["key"].clone());
    assert_eq!(gateway.wait_for_log("the fault", said), "route[0].match.path");

    gateway.write("api/api.toml", &API.replace("/one", "/four"));
    becomes(&gateway, "/four", 200);
    becomes(&gateway, "/one", 404);
    eventually("nothing to be refused", || gateway.status()["refused"].is_null().then_some(()));
    assert_state(&gateway, "API in api", "current");
}

#[test]
fn an_api_that_cannot_be_read_stays_as_it_was_until_it_is_gone() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    gateway.write("api/api.toml", "name = ");
    gateway.wait_for_refusal();
    other_moves_on(&gateway);
    gateway.get("/one").assert_status(200);
    assert_state(&gateway, "API in api", "held");
    // The file is gone, and what else makes the folder an API is not.
    gateway.write("api/more.toml", "");
    gateway.remove("api/api.toml");
    gateway.wait_for_refusal();
    gateway.get("/two").assert_status(200);
    // All of it is gone: that is no fault.
    gateway.remove("api");
    becomes(&gateway, "/two", 404);
    eventually("nothing to be refused", || gateway.status()["refused"].is_null().then_some(()));
}

#[test]
fn a_new_api_with_a_fault_answers_503_and_nobody_else_does() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let new = "name = \"new\"\nversion = \"1\"\nhosts = [\"new.test\"]\nchain = [\"absent\"]\n\
               [[route]]\nname = \"r\"\nmatch = { path = \"/new\" }\nrespond = {}\n";
    gateway.write("new/api.toml", new);
    gateway.wait_for_generation(2);
    assert_unavailable(&gateway.send(&Request::get("/new").field("host", "new.test")));
    assert_eq!(gateway.access_log("/new")["class"], "route_unavailable");
    gateway.get("/new").assert_status(404);
    gateway.get("/one").assert_status(200);
    assert_state(&gateway, "API in new", "unavailable");
    assert_eq!(gateway.status()["parts"].as_array().unwrap().len(), 5);
    gateway.admin(&Request::get("/readyz")).assert_status(200);
    gateway.write("new/api.toml", &new.replace("absent", "mark"));
    eventually("it to serve", || {
        (gateway.send(&Request::get("/new").field("host", "new.test")).status == 200).then_some(())
    });
    let unavailable = || gateway.metric("lockgate_parts{state=\"unavailable\"}");
    eventually("none to be left", || (unavailable() == Some(0.0)).then_some(()));
}

#[test]
fn a_faulty_component_stays_as_it_was_for_those_who_use_it_and_others_move_on() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let cases: [(&str, Option<Vec<u8>>); 4] = [
        ("none", None),
        ("half of one", Some(guests::component("version-b")[..5000].to_vec())),
        ("one that wants more", Some(guests::component("gate"))),
        ("one that refuses its configuration", Some(guests::component("loop-configure"))),
    ];
    for (number, (what, bytes)) in cases.into_iter().enumerate() {
        match bytes {
            Some(bytes) => gateway.replace("components/mark.wasm", &bytes),
            None => gateway.remove("components/mark.wasm"),
        }
        eventually(what, || (standing(&gateway, "API in api")["state"] == "held").then_some(()));
        gateway.write("other/api.toml", &OTHER.replace("before", &format!("after {number}")));
        eventually(what, || (gateway.get("/other").text() == format!("after {number}")).then_some(()));
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"), "{what}");
        gateway.get("/two").assert_status(200);
        gateway.replace("components/mark.wasm", &guests::component("version-a"));
        eventually(what, || (standing(&gateway, "API in api")["state"] == "current").then_some(()));
    }
}

#[test]
fn only_the_api_whose_configuration_a_new_component_refuses_keeps_the_old_one() {
    let upstream = Upstream::echo();
    let api = |name: &str, config: &str| {
        format!(
            "name = \"{name}\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = {{ path = \"/{name}\" }}\n\
             chain = [{{ policy = \"mark\", config = {{ {config} }} }}]\nrespond = {{}}\n"
        )
    };
    // The new component has a configuration that must have a name.
    let grants = POLICY
        .replace("\"write:x-test-*\"", "\"write:x-test-version\", \"write:x-test-mixed\", \"write:x-test-trail\"");
    let folder = Gateway::folder()
        .upstream(&upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(&grants)
        .api("a", &api("a", "name = \"n\""))
        .api("b", &api("b", ""));
    let mut gateway = folder.start();
    gateway.replace("components/mark.wasm", &guests::component("trail"));
    gateway.wait_for_generation(2);
    for _ in 0..2 {
        assert_eq!(gateway.get("/a").field("x-test-trail"), Some("n"));
        assert_eq!(gateway.get("/b").field("x-test-version"), Some("a"));
        assert_state(&gateway, "API in a", "current");
        assert_state(&gateway, "API in b", "held");
        assert_state(&gateway, "policy mark", "current");
        gateway.restart();
    }
}

#[test]
fn a_held_api_runs_under_todays_grants_and_answers_503_where_it_does_not_fit() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    gateway.replace("components/mark.wasm", b"\0asm, or so");
    gateway.wait_for_refusal();
    let digest = standing(&gateway, "policy mark")["digest"].clone();
    write(&gateway, &POLICY.replace("\"write:x-test-*\"", "\"write:x-test-version\", \"write:x-test-mixed\""));
    other_moves_on(&gateway);
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    assert_eq!(standing(&gateway, "policy mark")["digest"], digest);
    write(&gateway, &POLICY.replace("write:x-test-*", "write:x-other"));
    becomes(&gateway, "/one", 503);
    assert_unavailable(&gateway.get("/one"));
    assert_unavailable(&gateway.get("/two"));
    assert_state(&gateway, "API in api", "unavailable");
    assert_eq!(gateway.get("/other").text(), "after");
    // What it was is not forgotten.
    write(&gateway, POLICY);
    becomes(&gateway, "/one", 200);
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
}

#[test]
fn a_faulty_gateway_toml_moves_nothing() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    gateway.write("gateway.toml", "[listen");
    gateway.wait_for_refusal();
    gateway.write("other/api.toml", &OTHER.replace("before", "after"));
    gateway.write("new/api.toml", &OTHER.replace("other", "new"));
    look(&gateway);
    assert_eq!(gateway.get("/other").text(), "before");
    gateway.get("/new").assert_status(404);
    assert_state(&gateway, "gateway.toml", "held");
    assert_state(&gateway, "API in other", "held");
}

#[test]
fn a_gateway_toml_that_takes_away_what_an_api_names_is_refused() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    write(&gateway, &POLICY.replace("policy.mark", "policy.mrak"));
    let refused = gateway.wait_for_refusal();
    assert!(refused["faults"][0]["reason"].as_str().unwrap().contains("not declared"), "{refused}");
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
}

#[test]
fn a_component_that_is_what_it_was_again_is_no_fault_any_more() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    gateway.replace("components/mark.wasm", b"\0asm, or so");
    gateway.wait_for_refusal();
    gateway.restart();
    gateway.replace("components/mark.wasm", &guests::component("version-a"));
    look(&gateway);
    assert!(gateway.status()["refused"].is_null(), "{}", gateway.status()["refused"]);
    assert_state(&gateway, "API in api", "current");
}

#[test]
fn a_component_nobody_uses_is_in_nobodys_way() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    write(&gateway, &format!("{POLICY}[policy.unused]\nsource = \"file:components/unused.wasm\"\n"));
    let refused = gateway.wait_for_refusal();
    assert_eq!(refused["faults"].as_array().unwrap().len(), 1, "{refused}");
    other_moves_on(&gateway);
    look(&gateway);
    assert_state(&gateway, "policy unused", "unavailable");
    assert!(!gateway.status()["refused"].is_null(), "it is still said");
}

#[test]
fn a_start_serves_what_is_good_and_of_the_rest_what_was() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    gateway.terminate();
    gateway.wait_for_end();
    gateway.write("api/api.toml", "name = ");
    gateway.write("other/api.toml", &OTHER.replace("before", "after"));
    for _ in 0..2 {
        gateway.start_again();
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
        assert_eq!(gateway.get("/other").text(), "after");
        assert!(gateway.greeting().contains("The folder is faulty"), "{}", gateway.greeting());
        gateway.admin(&Request::get("/readyz")).assert_status(200);
        gateway.terminate();
        gateway.wait_for_end();
    }
    // And with a faulty gateway.toml besides, all of that as it was.
    gateway.write("gateway.toml", "[listen");
    gateway.write("other/api.toml", &OTHER.replace("before", "later"));
    gateway.replace("components/mark.wasm", b"\0asm, or so");
    gateway.start_again();
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    assert_eq!(gateway.get("/other").text(), "after");
}

#[test]
fn a_first_start_serves_what_is_good_and_is_not_ready() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).api("bad", &OTHER.replace("other", "bad").replace("respond", "responds")).start();
    gateway.get("/one").assert_status(200);
    assert_unavailable(&gateway.get("/bad"));
    gateway.admin(&Request::get("/readyz")).assert_status(503);
    assert_eq!(gateway.status()["refused"]["faults"][0]["file"], "bad/api.toml");
    gateway.write("bad/api.toml", &OTHER.replace("other", "bad"));
    becomes(&gateway, "/bad", 200);
    gateway.wait_for_generation(2);
    gateway.admin(&Request::get("/readyz")).assert_status(200);
    // A fault that comes later is nobody else's.
    gateway.write("bad/api.toml", "name = ");
    gateway.wait_for_refusal();
    gateway.admin(&Request::get("/readyz")).assert_status(200);
}

#[test]
fn a_first_start_with_an_api_of_which_nobody_knows_what_it_matches_fails() {
    let upstream = Upstream::echo();
    for bad in ["name = ", &OTHER.replace("path = \"/other\"", "path = 1"), &OTHER.replace("[[route]]", "[[routes]]")] {
        let bad = bad.replace("other", "bad");
        folder(&upstream).api("bad", &bad).run(&["run"]).assert(1, &["bad/api.toml:"]);
    }
}
