//! New code of a policy: taken back where it fails, compared in the shadow of what serves, and decided about.

use std::fs;

use lockgate_tests::{Client, Folder, Gateway, Request, Response, Upstream, eventually, guests};
use serde_json::Value;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "all"
match = { path = "/x" }
chain = [{ policy = "rolled", config = { word = "hello" } }]
upstream = "main"
"#;

/// With what else stands in the section of the policy.
fn policy(more: &str) -> String {
    format!(
        "[policy.rolled]\nsource = \"file:components/rolled.wasm\"\n\
         grant = [\"read:x-test-break\", \"write:x-test-rolled\", \"write:x-test-more\", \"respond\"]\nbreaker = {{ failures = 3 }}\n{more}\n"
    )
}

fn folder(upstream: &Upstream, more: &str) -> Folder {
    Gateway::folder()
        .upstream(upstream)
        .file("components/rolled.wasm", guests::component("rolled-old"))
        .gateway_toml(&policy(more))
        .api("api", API)
}

/// Put the new component in the place of the old one, and have it looked at.
fn roll(gateway: &Gateway) -> Value {
    gateway.replace("components/rolled.wasm", &guests::component("rolled-new"));
    gateway.look()
}

fn asking(what: &str) -> Request {
    Request::get("/x").field("x-test-break", what)
}

fn ask(gateway: &Gateway, what: &str) -> Response {
    gateway.send(&asking(what))
}

/// Only the new component refuses.
fn is_new(gateway: &Gateway) -> bool {
    match ask(gateway, "refuse").status {
        403 => true,
        200 => false,
        status => panic!("{status}"),
    }
}

/// Have the component fail until it is left alone; all on one connection, since each worker counts for itself.
fn trap(client: &mut Client) {
    for _ in 0..3 {
        client.send(&asking("trap")).assert_problem(503);
    }
}

/// What `/rollouts` says of the policy.
fn rollout(gateway: &Gateway) -> Value {
    let mut said = gateway.ask("/rollouts").json();
    said["rollouts"].get_mut(0).map(Value::take).unwrap_or_default()
}

fn stage(gateway: &Gateway) -> String {
    rollout(gateway)["stage"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn becomes(gateway: &Gateway, wanted: &str) {
    eventually(&format!("a rollout that is {wanted}"), || (stage(gateway) == wanted).then_some(()));
}

/// What was compared, once so many calls were.
fn compared(gateway: &Gateway, count: &str, least: u64) -> Value {
    eventually(&format!("{least} that {count}"), || {
        let compared = rollout(gateway)["compared"].take();
        (compared[count].as_u64()? >= least).then_some(compared)
    })
}

fn part(gateway: &Gateway) -> Value {
    let mut status = gateway.status();
    let parts = status["parts"].as_array_mut().unwrap();
    parts.iter_mut().find(|it| it["part"] == "policy rolled").map(Value::take).unwrap()
}

/// Wait until the newest entry on record says why: it comes after what it is about.
#[track_caller]
fn is_on_record(gateway: &Gateway, why: &str) {
    let newest = || gateway.ask("/history").json()["entries"][0]["why"] == why;
    eventually(&format!("an entry that says {why}"), || newest().then_some(()));
}

#[test]
fn new_code_that_fails_again_and_again_is_taken_back_and_stays_refused() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "").start();
    assert_eq!(roll(&gateway)["faults"], serde_json::json!([]));
    assert!(is_new(&gateway));
    assert_eq!(stage(&gateway), "new");
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    assert!(!is_new(&gateway));
    ask(&gateway, "trap").assert_status(200);
    let part = part(&gateway);
    assert_eq!(part["state"], "held");
    let reason = part["faults"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("failed again and again (plugin_trap) and was taken back"), "{reason}");
    is_on_record(&gateway, "taken-back");
    gateway.verb(&["history"]).assert(0, &["rolled taken back"]);

    // All else moves on.
    gateway.write("api/api.toml", &API.replace("hello", "goodbye"));
    gateway.look();
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("goodbye"));
    assert!(!is_new(&gateway));

    gateway.restart();
    assert_eq!(stage(&gateway), "taken-back");
    assert!(!is_new(&gateway));

    // It was seen to be bad, wherever it was in the meantime.
    gateway.replace("components/rolled.wasm", &guests::component("rolled-old"));
    assert_eq!(gateway.look()["faults"], serde_json::json!([]));
    roll(&gateway);
    assert!(!is_new(&gateway));
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &["the new version of rolled serves"]);
    assert!(is_new(&gateway));
    is_on_record(&gateway, "promoted");
    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &["the version of rolled before the new one serves"]);
    assert!(!is_new(&gateway));
    gateway.verb(&["rollout", "status"]).assert(0, &["aborted"]);
}

#[test]
fn what_was_taken_back_stays_with_the_configuration_it_knows_and_is_pinned_to_nothing_new() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    let digest = guests::digest("rolled-new");
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &gateway_toml.replace("breaker", &format!("digest = \"sha256:{digest}\"\nbreaker")));
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"bonjour\", more = \"yes\""));
    roll(&gateway);
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("bonjour"));
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"), "the old component knows no `more`");
    assert!(!is_new(&gateway));
}

#[test]
fn code_that_is_not_new_any_more_is_not_taken_back() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { probation = \"0s\" }").start();
    roll(&gateway);
    assert_eq!(rollout(&gateway), Value::Null);
    trap(&mut gateway.connect());
    gateway.wait_for_log("a pause", |line| line["message"].as_str()?.contains("left alone").then_some(()));
    gateway.look();
    assert_eq!(rollout(&gateway), Value::Null);
    gateway.verb(&["rollout", "abort", "rolled"]).assert(1, &["there is no rollout of a policy `rolled`"]);
}

#[test]
fn code_before_that_cannot_serve_any_more_is_not_put_back() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    // Another route, of which the old one would not take the configuration, and had none before.
    let more = "[[route]]\nname = \"more\"\nmatch = { path = \"/more\" }\nupstream = \"main\"\n\
                chain = [{ policy = \"rolled\", config = { word = \"more\", more = \"yes\" } }]\n";
    gateway.write("api/api.toml", &format!("{API}{more}"));
    gateway.look();
    trap(&mut gateway.connect());
    gateway.wait_for_log("that nothing can be done", |line| {
        line["message"].as_str()?.contains("the one before it cannot serve any more").then_some(())
    });
    assert_eq!(gateway.get("/more").field("x-test-rolled"), Some("more"));
    assert_eq!(part(&gateway)["state"], "current");
    assert_eq!(gateway.look()["faults"], serde_json::json!([]));
}

#[test]
fn code_in_the_shadow_that_is_always_the_same_serves_after_a_while() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1s\" }").start();
    assert_eq!(roll(&gateway)["faults"], serde_json::json!([]));
    assert_eq!(stage(&gateway), "shadow");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"));
    becomes(&gateway, "new");
    assert!(is_new(&gateway));
    is_on_record(&gateway, "promoted");
    // Nothing was wrong with it, so it is no fault of the folder.
    assert_eq!(part(&gateway)["state"], "current");
}

#[test]
fn differences_and_faults_in_the_shadow_are_counted_and_nobody_notices_them() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    for what in ["trap", "refuse", "other", "forget", "nothing"] {
        let response = ask(&gateway, what);
        response.assert_status(200);
        assert_eq!(response.field("x-test-rolled"), Some("hello"));
    }
    // Requests and responses where both said the same: `forget` and `nothing`, and the response of the latter.
    let agreed = compared(&gateway, "agreed", 3);
    assert_eq!((&agreed["agreed"], &agreed["skipped"]), (&3.into(), &0.into()), "{agreed}");
    let differed = compared(&gateway, "differed", 3);
    assert_eq!(compared(&gateway, "failed", 1)["failed"], 1);
    let kinds = differed["examples"].as_array().unwrap().iter();
    let mut kinds: Vec<_> = kinds.map(|it| format!("{} {} {}", it["hook"], it["before"], it["after"])).collect();
    kinds.sort();
    let edit = "edit =x-test-rolled";
    assert_eq!(
        kinds,
        [
            format!("\"request\" \"{edit}\" \"{edit} (other values)\""),
            format!("\"request\" \"{edit}\" \"plugin_trap\""),
            format!("\"request\" \"{edit}\" \"respond 403\""),
            format!("\"response\" \"{edit}\" \"{edit} (other values)\""),
        ]
    );
    gateway.verb(&["rollout", "status"]).assert(0, &["shadow", "1 x request: edit =x-test-rolled -> respond 403"]);
    assert!(!gateway.ask("/rollouts").text().contains("secret-of-a-client"));

    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &[]);
    assert!(!is_new(&gateway));
    assert_eq!(part(&gateway)["state"], "held");
    is_on_record(&gateway, "aborted");
    gateway.verb(&["rollout", "abort", "rolled"]).assert(1, &["does not serve, and will not"]);
    assert!(!gateway.all_written().contains("secret-of-a-client"));
}

#[test]
fn code_that_differed_in_the_shadow_waits_for_a_decision() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "rollout = { shadow = \"1s\" }").start();
    roll(&gateway);
    ask(&gateway, "refuse").assert_status(200);
    becomes(&gateway, "waiting");
    assert!(!is_new(&gateway));
    // It was never good enough to serve, so it does not after a start either, but is compared anew.
    gateway.restart();
    assert_eq!(stage(&gateway), "shadow");
    assert!(!is_new(&gateway));
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    assert!(is_new(&gateway));
    gateway.verb(&["rollout", "promote", "rolled"]).assert(1, &["serves already"]);
}

#[test]
fn what_is_configured_for_the_new_code_runs_in_the_shadow_with_it() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"bonjour\", more = \"yes\""));
    gateway.look();
    roll(&gateway);
    assert_eq!(stage(&gateway), "shadow");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"));
    assert_eq!(compared(&gateway, "differed", 1)["examples"][0]["hook"], "request");
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("bonjour"));
}

#[test]
fn an_api_that_is_held_never_runs_what_was_only_in_the_shadow() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    gateway.write("api/api.toml", &format!("{API}nonsense = 1\n"));
    gateway.look();
    assert!(!is_new(&gateway), "held as it was");
    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &[]);
    assert!(!is_new(&gateway), "and after that");
    gateway.restart();
    assert!(!is_new(&gateway), "and after a start");
}

#[test]
fn what_acts_on_the_world_has_no_shadow_and_neither_have_bodies() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &gateway_toml.replace("\"respond\"", "\"respond\", \"store:notes:write\""));
    let said = gateway.look();
    let reason = said["faults"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("nobody notices, and \"store:notes:write\" is granted"), "{reason}");

    gateway.write(
        "gateway.toml",
        &gateway_toml.replace("\"respond\"", "\"respond\", \"body:request:edit\", \"body:response:edit\""),
    );
    gateway.write("api/api.toml", &API.replace("config = { word = \"hello\" }", "config = {}"));
    gateway.replace("components/rolled.wasm", &guests::component("shout"));
    let said = gateway.look();
    assert!(said["faults"].to_string().contains("told heads only"), "{said}");
    assert_eq!(stage(&gateway), "unfit");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"), "what served serves");
}

#[test]
fn only_a_name_is_asked_about_and_only_with_the_token() {
    let gateway = Gateway::folder().start();
    let post = |target: &str| Request::new("POST", target).field("content-length", "0");
    gateway.admin(&post("/rollouts/promote?policy=a")).assert_status(401);
    gateway.admin(&Request::get("/rollouts")).assert_status(401);
    for query in ["", "?policy=", "?name=a"] {
        let asked = post(&format!("/rollouts/abort{query}")).bearer(&gateway.admin_token());
        gateway.admin(&asked).assert_status(400);
    }
    let asked = post("/rollouts/abort?policy=a").bearer(&gateway.admin_token());
    gateway.admin(&asked).assert_status(409);
    gateway.verb(&["rollout", "status"]).assert(0, &["Every policy serves as the folder has it"]);
    gateway.verb(&["rollout", "promote", "a b"]).assert(1, &["is no name of a policy"]);
}
