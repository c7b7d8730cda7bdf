//! New code of a policy: taken back where it fails, compared in the shadow of what serves, and decided about.

mod decided;
mod shadows;

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
         grant = [\"read:x-test-break\", \"write:x-test-rolled\", \"write:x-test-more\", \
         \"write:x-test-version\", \"write:x-test-mixed\", \"respond\"]\nbreaker = {{ failures = 3 }}\n{more}\n"
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
    let [new, old] = ["rolled-new", "rolled-old"].map(guests::digest);
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[&format!("sha256:{new} serves on all workers")]);
    assert!(is_new(&gateway));
    is_on_record(&gateway, "promoted");
    let aborted = format!("sha256:{new} is aborted, and sha256:{old} serves on all workers");
    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &[&aborted]);
    assert!(!is_new(&gateway));
    gateway.verb(&["rollout", "status"]).assert(0, &["aborted"]);
}

#[test]
fn what_is_put_back_has_the_configuration_it_knows_and_the_newest_of_those() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"bonjour\", more = \"yes\""));
    roll(&gateway);
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("bonjour"));
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"), "the old component knows no `more`");
    assert!(!is_new(&gateway));
    // Another that it takes, and one that it does not.
    gateway.write("api/api.toml", &API.replace("hello", "salut"));
    gateway.look();
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("salut"));
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"ciao\", more = \"yes\""));
    gateway.look();
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("salut"));
}

#[test]
fn code_that_is_pinned_is_not_taken_back() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let digest = guests::digest("rolled-new");
    gateway.write("gateway.toml", &gateway_toml.replace("breaker", &format!("digest = \"sha256:{digest}\"\nbreaker")));
    roll(&gateway);
    assert_eq!(rollout(&gateway), Value::Null);
    trap(&mut gateway.connect());
    gateway.wait_for_log("a pause", |line| line["message"].as_str()?.contains("left alone").then_some(()));
    gateway.look();
    assert_eq!(rollout(&gateway), Value::Null);
}

/// Two APIs, of which the other has another configuration.
fn two(upstream: &Upstream, more: &str) -> Folder {
    folder(upstream, more)
        .api("other", &API.replace("\"api\"", "\"other\"").replace("/x", "/y").replace("hello", "weak"))
}

fn write_other(gateway: &Gateway, word: &str, more: &str) {
    let api = API.replace("\"api\"", "\"other\"").replace("/x", "/y");
    gateway.write("other/api.toml", &format!("{}{more}", api.replace("hello", word)));
    gateway.look();
}

#[test]
fn a_fault_elsewhere_puts_no_configuration_back() {
    let upstream = Upstream::echo();
    let gateway = two(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    write_other(&gateway, "strict", "");
    assert_eq!(gateway.get("/y").field("x-test-rolled"), Some("strict"));
    // Of a configuration that the code which serves does not take, and of something else.
    let more = API.replace("word = \"hello\"", "word = \"hello\", more = \"yes\"");
    let absent = API.replace("upstream = \"main\"", "responder = \"rolled\"");
    for api in [more, absent] {
        gateway.write("api/api.toml", &api);
        gateway.look();
        assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"));
        assert_eq!(gateway.get("/y").field("x-test-rolled"), Some("strict"));
    }
    write_other(&gateway, "stricter", "");
    assert_eq!(gateway.get("/y").field("x-test-rolled"), Some("stricter"));
}

#[test]
fn code_is_taken_back_while_the_folder_waits_for_something_else() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &format!("[runtime]\nmax_requests = 7\n{gateway_toml}"));
    assert!(gateway.look()["faults"].to_string().contains("cannot change while the gateway runs"));
    assert!(is_new(&gateway));
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    assert!(!is_new(&gateway));
    gateway.write("gateway.toml", &gateway_toml);
    gateway.look();
    assert!(!is_new(&gateway));
}

#[test]
fn one_new_version_after_the_other_is_taken_back() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    gateway.replace("components/rolled.wasm", &guests::component("trap-request"));
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", ""));
    gateway.look();
    trap(&mut gateway.connect());
    // Which is new itself.
    let digest = format!("sha256:{}", guests::digest("rolled-new"));
    eventually("the one before to serve", || (rollout(&gateway)["digest"] == digest).then_some(()));
    assert!(is_new(&gateway));
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    assert!(!is_new(&gateway), "the first one serves");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"));
}

#[test]
fn the_chain_of_the_gateway_goes_back_like_any() {
    let upstream = Upstream::echo();
    let chain = "chain = [{ policy = \"rolled\", config = { word = \"outer\" } }]\n";
    let gateway = folder(&upstream, "")
        .api("api", &API.replace("chain =", "# chain ="))
        .gateway_toml(&format!("{chain}{}", policy("")))
        .start();
    roll(&gateway);
    let unmatched = Request::get("/nothing").field("x-test-break", "trap");
    let mut client = gateway.connect();
    (0..3).for_each(|_| client.send(&unmatched).assert_problem(503));
    becomes(&gateway, "taken-back");
    gateway.send(&unmatched).assert_status(404);
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("outer"));
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

#[test]
fn an_api_that_is_held_goes_back_too_and_keeps_its_configuration() {
    let upstream = Upstream::echo();
    let mut gateway = two(&upstream, "").start();
    roll(&gateway);
    gateway.write("api/api.toml", &API.replace("hello", "strict"));
    gateway.look();
    gateway.write("api/api.toml", &format!("{API}nonsense = 1\n"));
    gateway.look();
    gateway.replace("components/rolled.wasm", &guests::component("trap-request"));
    write_other(&gateway, "weak", "");
    let trap_other = || {
        let mut client = gateway.connect();
        let asked = Request::get("/y").field("x-test-break", "trap");
        (0..3).for_each(|_| client.send(&asked).assert_problem(503));
    };
    trap_other();
    let digest = format!("sha256:{}", guests::digest("rolled-new"));
    eventually("the one before to serve", || (rollout(&gateway)["digest"] == digest).then_some(()));
    assert!(is_new(&gateway), "held, and as good as it was");
    trap_other();
    becomes(&gateway, "taken-back");
    for _ in 0..2 {
        assert!(!is_new(&gateway), "held, and goes back with the others");
        assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("strict"));
        gateway.restart();
    }
    // Held for another reason: what is put back is put back for the files that count.
    let other = API
        .replace("chain = [", "chain = [\"absent\", ")
        .replace("word = \"hello\"", "word = \"weak\", more = \"yes\"");
    gateway.write("api/api.toml", &other);
    gateway.look();
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("strict"));
    write_other(&gateway, "moved on", "");
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("strict"));
    // And mended with a configuration that the component which serves does not take.
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"new\", more = \"yes\""));
    gateway.look();
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("strict"), "the last one it had");
}

#[test]
fn what_is_bad_and_has_nothing_before_it_can_be_promoted() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    trap(&mut gateway.connect());
    becomes(&gateway, "taken-back");
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let (_, ports) = gateway_toml.split_once("[listen.").unwrap();
    let api = fs::read_to_string(gateway.policies().join("api/api.toml")).unwrap();
    fs::remove_dir_all(gateway.policies().join("api")).unwrap();
    gateway.write("gateway.toml", &format!("[listen.{ports}"));
    gateway.look();
    gateway.write("gateway.toml", &gateway_toml);
    gateway.write("api/api.toml", &api);
    gateway.look();
    gateway.get("/x").assert_problem(503);
    assert_eq!(part(&gateway)["state"], "unavailable");
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    assert!(is_new(&gateway));
}

#[test]
fn what_serves_and_is_new_is_aborted_while_the_folder_has_something_worse() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    gateway.replace("components/rolled.wasm", &guests::component("trap-request"));
    gateway.look();
    trap(&mut gateway.connect());
    let digest = format!("sha256:{}", guests::digest("rolled-new"));
    eventually("the one before to serve", || (rollout(&gateway)["digest"] == digest).then_some(()));
    gateway.verb(&["rollout", "abort", "rolled"]).assert(1, &["name it with --digest"]);
    gateway.verb(&["rollout", "abort", "rolled", "--digest", &digest]).assert(0, &[]);
    assert!(!is_new(&gateway));
    assert_eq!(gateway.get("/x").field("x-test-rolled"), Some("hello"));
}
