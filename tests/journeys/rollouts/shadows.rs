//! New code in the shadow of what serves: told the same, compared, and noticed by nobody.

use std::fs;

use lockgate_tests::{Gateway, Upstream, guests};

use super::{API, ask, becomes, compared, folder, is_new, is_on_record, part, roll, rollout, stage, two};

#[test]
fn code_in_the_shadow_that_is_always_the_same_serves_after_a_while() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1s\" }").start();
    assert_eq!(roll(&gateway)["faults"], serde_json::json!([]));
    assert_eq!(stage(&gateway), "shadow");
    assert_eq!(part(&gateway)["state"], "shadowed");
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
    assert!(!is_new(&gateway));
    becomes(&gateway, "waiting");
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
    let mut gateway = two(&upstream, "rollout = { shadow = \"1h\" }").start();
    // Of which the code that serves knows no configuration.
    gateway.write("api/api.toml", &API.replace("word = \"hello\"", "word = \"new\", more = \"yes\""));
    roll(&gateway);
    let is_as_it_was = |when: &str| assert_eq!(gateway_word(&gateway), Some("hello".to_owned()), "{when}");
    gateway.write("api/api.toml", &format!("{API}nonsense = 1\n"));
    gateway.look();
    is_as_it_was("held");
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    is_as_it_was("what others run now");
    gateway.replace("components/rolled.wasm", &guests::component("version-a"));
    gateway.look();
    is_as_it_was("what nobody saw it with");
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    fs::remove_dir_all(gateway.policies().join("other")).unwrap();
    let (_, ports) = gateway_toml.split_once("[listen.").unwrap();
    gateway.write("gateway.toml", &format!("[listen.{ports}"));
    gateway.look();
    gateway.write("gateway.toml", &gateway_toml);
    gateway.look();
    is_as_it_was("after its policy was not declared for a while");
    gateway.restart();
    assert_eq!(gateway_word(&gateway), Some("hello".to_owned()), "after a start");
}

fn gateway_word(gateway: &Gateway) -> Option<String> {
    assert!(!is_new(gateway));
    gateway.get("/x").field("x-test-rolled").map(str::to_owned)
}

#[test]
fn what_nothing_that_is_good_uses_is_not_promoted() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    gateway.write("api/api.toml", &format!("{API}nonsense = 1\n"));
    gateway.look();
    gateway.verb(&["rollout", "promote", "rolled"]).assert(1, &["nothing that is good uses it"]);
    assert!(!is_new(&gateway));
    gateway.restart();
    assert!(!is_new(&gateway));
}

#[test]
fn what_served_before_serves_again_without_a_shadow() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    gateway.write("api/api.toml", &API.replace("hello", "one"));
    gateway.look();
    roll(&gateway);
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    assert!(is_new(&gateway));
    gateway.verb(&["rollback", "2"]).assert(0, &["serves"]);
    assert!(!is_new(&gateway));
    assert_eq!(stage(&gateway), "new", "and is taken back in its turn");
}

#[test]
fn apply_says_what_only_runs_in_the_shadow() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    let next = gateway.copied();
    fs::write(next.join("components/rolled.wasm"), guests::component("rolled-new")).unwrap();
    let applied = gateway.verb(&["apply", &next.display().to_string()]);
    applied.assert(0, &["run in the shadow of those that serve: rolled"]);
    is_on_record(&gateway, "apply");
}

#[test]
fn what_differed_does_not_serve_for_want_of_a_shadow() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1s\" }").start();
    roll(&gateway);
    ask(&gateway, "refuse").assert_status(200);
    becomes(&gateway, "waiting");
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &gateway_toml.replace("rollout = { shadow = \"1s\" }", ""));
    assert!(gateway.look()["faults"].to_string().contains("waits for a decision"));
    assert!(!is_new(&gateway));
    gateway.verb(&["rollout", "promote", "rolled"]).assert(0, &[]);
    assert!(is_new(&gateway));
}

#[test]
fn another_configuration_is_compared_anew() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    gateway.get("/x").assert_status(200);
    compared(&gateway, "agreed", 2);
    gateway.write("api/api.toml", &API.replace("hello", "goodbye"));
    gateway.look();
    assert_eq!(rollout(&gateway)["compared"]["agreed"], 0);
    // Another route is none.
    let more = "[[route]]\nname = \"more\"\nmatch = { path = \"/more\" }\nrespond = {}\n";
    gateway.get("/x").assert_status(200);
    compared(&gateway, "agreed", 2);
    gateway.write("api/api.toml", &format!("{}{more}", API.replace("hello", "goodbye")));
    gateway.look();
    assert_eq!(rollout(&gateway)["compared"]["agreed"], 2);
}

#[test]
fn what_acts_on_the_world_has_no_shadow_and_neither_have_bodies() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &gateway_toml.replace("\"respond\"", "\"respond\", \"store:notes:write\""));
    let said = gateway.look();
    let reason = said["faults"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("nothing but judge heads, and \"store:notes:write\" is granted"), "{reason}");

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
fn a_difference_is_remembered_however_soon_the_folder_changes() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1s\" }").start();
    roll(&gateway);
    ask(&gateway, "refuse").assert_status(200);
    compared(&gateway, "differed", 1);
    gateway.write("api/api.toml", &API.replace("hello", "goodbye"));
    gateway.look();
    for _ in 0..4 {
        gateway.get("/x").assert_status(200);
    }
    becomes(&gateway, "waiting");
    assert!(!is_new(&gateway));
}

#[test]
fn new_code_serves_at_once_where_the_code_before_may_not_any_more() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream, "rollout = { shadow = \"1h\" }");
    let gateway = folder.file("components/rolled.wasm", guests::component("version-a")).start();
    assert_eq!(gateway.get("/x").field("x-test-version"), Some("a"));
    let gateway_toml = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let less = gateway_toml.replace("\"write:x-test-version\",", "");
    assert_ne!(less, gateway_toml);
    let next = gateway.copied();
    fs::write(next.join("gateway.toml"), less).unwrap();
    fs::write(next.join("components/rolled.wasm"), guests::component("rolled-new")).unwrap();
    gateway.verb(&["apply", &next.display().to_string()]).assert(0, &["serves on all workers"]);
    assert!(is_new(&gateway));
}

#[test]
fn a_difference_is_remembered_by_whoever_comes_next() {
    let upstream = Upstream::echo();
    for is_succeeded in [false, true] {
        let mut gateway = folder(&upstream, "rollout = { shadow = \"2s\" }").start();
        roll(&gateway);
        ask(&gateway, "refuse").assert_status(200);
        compared(&gateway, "differed", 1);
        if is_succeeded {
            // The one before writes nothing any more once it has handed over.
            gateway.wait_for_log("a difference", |line| {
                line["message"].as_str()?.contains("is not the same").then_some(())
            });
            gateway.succeed().wait_for_end();
        } else {
            gateway.restart();
        }
        gateway.get("/x").assert_status(200);
        becomes(&gateway, "waiting");
        assert!(!is_new(&gateway));
    }
}

#[test]
fn an_api_that_is_mended_is_compared_like_the_others() {
    let upstream = Upstream::echo();
    let gateway = two(&upstream, "rollout = { shadow = \"1h\" }").start();
    gateway.write("api/api.toml", &format!("{API}nonsense = 1\n"));
    gateway.look();
    roll(&gateway);
    gateway.write("api/api.toml", API);
    gateway.look();
    ask(&gateway, "refuse").assert_status(200);
    compared(&gateway, "differed", 1);
}

#[test]
fn what_is_pinned_serves_whatever_was_said_of_it_before() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "rollout = { shadow = \"1h\" }").start();
    roll(&gateway);
    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &[]);
    assert!(!is_new(&gateway));
    let pinned = format!("digest = \"sha256:{}\"", guests::digest("rolled-new"));
    let written = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &written.replace("rollout = ", &format!("{pinned}\nrollout = ")));
    gateway.look();
    assert!(!is_new(&gateway), "one of the two is too much");
    gateway.run(&["check"]).assert(1, &["rollout.shadow", "contradicts `digest`"]);
    gateway.write("gateway.toml", &written.replace("rollout = { shadow = \"1h\" }", &pinned));
    gateway.look();
    assert!(is_new(&gateway));
    assert_eq!(part(&gateway)["state"], "current");
}
