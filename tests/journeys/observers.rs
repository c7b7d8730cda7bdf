//! Policies that look at records before they are kept: what they leave is what is kept, and a broken one loses no request.

use std::sync::{Arc, Mutex};

use lockgate_tests::{Folder, Gateway, Upstream, eventually};
use serde_json::Value;

use crate::pets::{self, ask};

const OBSERVE: &str = r#"
[policy.observe]
source = "file:components/observe.wasm"
grant = ["record-read:consumer", "record-write:consumer", "record-read:client", "record-write:client"]
"#;

fn folder(upstream: &Upstream, gateway: &str) -> Folder {
    pets::folder_with(upstream, &format!("{OBSERVE}{gateway}")).guest("observe")
}

/// Name and requests of each row, once the gateway has ended.
fn counts(gateway: &Gateway, by: &str) -> Vec<(String, u64)> {
    let state = gateway.state("").display().to_string();
    let finished = gateway.run(&["report", "--json", "--state", &state, "--by", by]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    let rows = answer["tables"][0]["rows"].as_array().unwrap();
    rows.iter().map(|row| (row["name"].as_str().unwrap().to_owned(), row["requests"].as_u64().unwrap())).collect()
}

fn rows<const N: usize>(rows: [(&str, u64); N]) -> Vec<(String, u64)> {
    rows.map(|(name, requests)| (name.to_owned(), requests)).to_vec()
}

/// Whether a text stands in any file of the account.
fn is_kept(gateway: &Gateway, text: &str) -> bool {
    let files = std::fs::read_dir(gateway.state("report")).unwrap().map(|entry| entry.unwrap().path());
    let holds = |bytes: Vec<u8>| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    files.map(|file| std::fs::read(file).unwrap()).any(holds)
}

fn end(gateway: &mut Gateway) {
    gateway.terminate();
    gateway.wait_for_end();
}

#[test]
fn the_built_in_one_groups_consumers_and_makes_pseudonyms_of_addresses() {
    let upstream = Upstream::echo();
    let own = r#"
[keys.own]
hmac = "secret:own"
algorithm = "HS256"
[secret.own]
file = "own.key"
[policy.analytics]
source = "builtin:analytics"
grant = [
    "record-read:client", "record-write:client", "record-read:consumer", "record-write:consumer",
    "record-read:ended-ms", "sign:own",
]
[[analytics.chain]]
policy = "analytics"
[analytics.chain.config]
client = "pseudonym"
consumer = { own = ["shop"], partners = ["partner-*"] }
pseudonyms = { key = "own", rotate = "daily" }
"#;
    let folder = folder(&upstream, own);
    std::fs::write(folder.root().join("own.key"), "a secret of more than thirty-two bytes, for tests").unwrap();
    let mut gateway = folder.start();
    ask(&gateway, 4, "/gone", "shop");
    ask(&gateway, 3, "/gone", "partner-ann");
    ask(&gateway, 2, "/pets/1", "partner-bob");
    ask(&gateway, 1, "/pets/1", "eve");
    end(&mut gateway);
    assert_eq!(counts(&gateway, "consumer"), rows([("partners", 5), ("own", 4), ("__none__", 1)]));
    for personal in ["partner-", "shop", "eve", "127.0.0"] {
        assert!(!is_kept(&gateway, personal), "{personal}");
    }
}

#[test]
fn a_broken_one_costs_no_request_and_nothing_it_was_to_take_out_is_kept() {
    let upstream = Upstream::echo();
    for does in ["trap", "fail", "stray"] {
        let chain = format!("[[analytics.chain]]\npolicy = \"observe\"\nconfig = {{ does = \"{does}\" }}\n");
        let mut gateway = folder(&upstream, &chain).start();
        ask(&gateway, 7, "/pets/1", "shop");
        ask(&gateway, 3, "/gone", "shop");
        end(&mut gateway);
        assert_eq!(counts(&gateway, "operation"), rows([("pets/getPet", 7), ("pets/gone", 3)]), "{does}");
        assert_eq!(counts(&gateway, "consumer"), rows([("__none__", 10)]), "{does}");
        assert!(!is_kept(&gateway, "shop"), "{does}");
        let said = |line: &Value| line["message"].as_str().is_some_and(|it| it.contains("without what it writes"));
        gateway.wait_for_log("that it failed", |line| said(line).then_some(()));
    }
}

#[test]
fn where_it_may_be_skipped_records_stay_as_they_were_and_addresses_are_short_all_the_same() {
    let upstream = Upstream::echo();
    let chain = "[[analytics.chain]]\npolicy = \"observe\"\nconfig = { does = \"trap\" }\non_error = \"skip\"\n\
                 [[analytics.chain]]\npolicy = \"observe\"\nconfig = { does = \"parrot\" }\n";
    let mut gateway = folder(&upstream, chain).start();
    ask(&gateway, 5, "/gone", "shop");
    end(&mut gateway);
    assert_eq!(counts(&gateway, "consumer"), rows([("shop", 5)]));
    assert!(is_kept(&gateway, "127.0.0.0/24") && !is_kept(&gateway, "127.0.0.1"));
}

#[test]
fn it_is_exchanged_while_requests_pass() {
    let upstream = Upstream::echo();
    let chain = |to: &str| {
        format!("[[analytics.chain]]\npolicy = \"observe\"\nconfig = {{ does = \"rename\", to = \"{to}\" }}\n")
    };
    let mut gateway = folder(&upstream, &chain("first")).start();
    ask(&gateway, 5, "/pets/1", "shop");
    let state = gateway.state("").display().to_string();
    let is_there = |name: &str| {
        let finished = gateway.run(&["report", "--json", "--state", &state, "--by", "consumer"]);
        finished.stdout.contains(&format!("{name:?}")).then_some(())
    };
    eventually("those before are kept", || is_there("first"));
    let toml = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.replace("gateway.toml", toml.replace("\"first\"", "\"second\"").as_bytes());
    gateway.wait_for_generation(2);
    ask(&gateway, 6, "/pets/1", "shop");
    end(&mut gateway);
    assert_eq!(counts(&gateway, "consumer"), rows([("second", 6), ("first", 5)]));
}

#[test]
fn it_may_tell_a_service_that_was_granted() {
    let (upstream, told) = (Upstream::echo(), Arc::<Mutex<String>>::default());
    let keep = told.clone();
    let sink = Upstream::with(move |exchange| {
        let body = exchange.body()?;
        keep.lock().unwrap().push_str(&String::from_utf8_lossy(&body));
        exchange.reply(204, &[], b"")
    });
    let gateway = format!(
        "[egress.sink]\nurl = \"http://{}\"\npaths = [\"/records\"]\nmethods = [\"POST\"]\nprivate_ips = true\n\
         [policy.tell]\nsource = \"file:components/observe.wasm\"\n\
         grant = [\"record-read:operation\", \"record-read:status\", \"egress:sink\"]\n\
         [[analytics.chain]]\npolicy = \"tell\"\nconfig = {{ does = \"tell\" }}\n",
        sink.address()
    );
    let mut gateway = folder(&upstream, &gateway).start();
    ask(&gateway, 3, "/pets/1", "shop");
    ask(&gateway, 2, "/gone", "shop");
    end(&mut gateway);
    let told = told.lock().unwrap();
    assert_eq!((told.matches("getPet 200").count(), told.matches("gone 502").count()), (3, 2), "{told}");
}

/// An observer that holds the only place there is while it asks this service.
fn holding(upstream: &Upstream, sink: &Upstream) -> Gateway {
    let gateway = format!(
        "[egress.sink]\nurl = \"http://{}\"\npaths = [\"/records\"]\nmethods = [\"POST\"]\nprivate_ips = true\n\
         timeout = \"20s\"\n[limiter.place]\n[policy.hold]\nsource = \"file:components/observe.wasm\"\n\
         limits = {{ wall = \"30s\" }}\n\
         grant = [\"record-read:consumer\", \"record-write:consumer\", \"limiter:place\", \"egress:sink\"]\n\
         [[analytics.chain]]\npolicy = \"hold\"\nconfig = {{ does = \"hold\" }}\n",
        sink.address()
    );
    folder(upstream, &gateway).start()
}

#[test]
fn one_that_takes_too_long_is_given_up_and_gives_back_what_it_holds() {
    let (upstream, sink) = (Upstream::echo(), Upstream::silent());
    let mut gateway = holding(&upstream, &sink);
    let failed = |line: &Value| {
        let is_so = line["message"].as_str().is_some_and(|it| it.contains("without what it writes"));
        is_so.then(|| line["class"].clone())
    };
    ask(&gateway, 1, "/pets/1", "shop");
    assert_eq!(gateway.wait_for_log("that it was given up", failed), "plugin_wall");
    // It asks the service only where the place is free.
    ask(&gateway, 1, "/pets/1", "shop");
    sink.wait_for_requests(2);
    end(&mut gateway);
    assert_eq!(counts(&gateway, "consumer"), rows([("__none__", 2)]), "nothing it was to take out is kept");
}

#[test]
fn one_that_is_done_gives_back_what_it_holds() {
    let (upstream, sink) = (Upstream::echo(), Upstream::answering(204, &[], ""));
    let mut gateway = holding(&upstream, &sink);
    for asked in 1..=2 {
        ask(&gateway, 1, "/pets/1", "shop");
        sink.wait_for_requests(asked);
    }
    end(&mut gateway);
}

#[test]
fn who_is_no_observer_cannot_be_one_and_an_observer_is_for_no_route() {
    let upstream = Upstream::echo();
    let no_observer = folder(&upstream, "[analytics]\nchain = [\"who\"]\n");
    no_observer
        .run(&["check"])
        .assert(1, &["gateway.toml", "cannot look at records", "does not export the observer interface"]);
    let in_a_route = folder(&upstream, "[[chain]]\npolicy = \"observe\"\nconfig = { does = \"trap\" }\n");
    in_a_route.run(&["check"]).assert(1, &["gateway.toml", "exports no hook for one"]);
    let not_granted = folder(&upstream, "[[analytics.chain]]\npolicy = \"observe\"\nconfig = { does = \"tell\" }\n");
    not_granted.run(&["check"]).assert(1, &["record-read:operation", "egress:sink"]);
}

#[test]
fn what_policies_said_is_counted_by_policy_and_verdict() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "[analytics]\n").start();
    ask(&gateway, 6, "/pets/1", "shop");
    end(&mut gateway);
    assert_eq!(counts(&gateway, "policy"), rows([("who", 6)]));
    assert_eq!(counts(&gateway, "verdict"), rows([("edit", 6)]));
    assert_eq!(counts(&gateway, "hook"), rows([("request", 6)]));
    // Calls are no requests.
    let state = gateway.state("").display().to_string();
    let finished = gateway.run(&["report", "--json", "--state", &state, "--by", "policy,operation"]);
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(
        (&answer["total"]["requests"], &answer["tables"][1]["rows"][0]["name"]),
        (&6.into(), &"pets/getPet".into())
    );
}

#[test]
fn an_audit_says_what_it_sees_of_records_and_what_it_may_write() {
    let upstream = Upstream::echo();
    let chain = "[[analytics.chain]]\npolicy = \"observe\"\nconfig = { does = \"parrot\" }\non_error = \"skip\"\n";
    let audited = folder(&upstream, chain).run(&["audit"]);
    audited.assert(0, &["records of requests", "the account of requests", "observe"]);
    for line in ["may read      of records: client", "may change    of records: client", "hooks: observer"] {
        assert!(audited.stdout.contains(line), "{line} in {}", audited.stdout);
    }
    assert!(audited.stdout.contains("SKIPPED WHEN THEY FAIL: 1"), "{}", audited.stdout);
}
