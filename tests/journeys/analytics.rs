//! Account of all requests: what passed is what `lockgate report` counts, however the gateway ends, and who asked is told by policies.

use lockgate_tests::{Gateway, Upstream, eventually};
use serde_json::{Value, json};

use crate::pets::{ask, folder};

/// What is answered; the store is read where the gateway keeps it.
fn report(gateway: &Gateway, words: &[&str]) -> Value {
    let state = gateway.state("").display().to_string();
    let finished = gateway.run(&[&["report", "--json", "--state", &state], words].concat());
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

/// Requests and errors of each row of the one table.
fn rows(answer: &Value) -> Vec<(String, u64, u64)> {
    let rows = answer["tables"][0]["rows"].as_array().unwrap();
    let number = |row: &Value, key: &str| row[key].as_u64().unwrap();
    rows.iter()
        .map(|row| (row["name"].as_str().unwrap().to_owned(), number(row, "requests"), number(row, "errors")))
        .collect()
}

#[test]
fn what_passed_is_counted_by_operation_consumer_and_class() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    ask(&gateway, 30, "/pets/1?name=secret", "shop");
    ask(&gateway, 12, "/pets/2", "ann@example.com");
    ask(&gateway, 5, "/gone", "shop");
    ask(&gateway, 3, "/nowhere", "shop");
    gateway.terminate();
    gateway.wait_for_end();

    let counts = |by: &str| rows(&report(&gateway, &["--by", by]));
    let expected = [("pets/getPet", 42, 0), ("pets/gone", 5, 5), ("__none__", 3, 3)];
    assert_eq!(counts("operation"), expected.map(|(name, requests, errors)| (name.to_owned(), requests, errors)));
    // No policy of an API says who asks for what no route is for.
    let expected = [("shop", 35, 5), ("ann@example.com", 12, 0), ("__none__", 3, 3)];
    assert_eq!(counts("consumer"), expected.map(|(name, requests, errors)| (name.to_owned(), requests, errors)));
    let classes: Vec<_> = counts("class").into_iter().map(|(class, requests, _)| (class, requests)).collect();
    let expected = [("ok", 42), ("upstream_connect", 5), ("no_route", 3)];
    assert_eq!(classes, expected.map(|(class, requests)| (class.to_owned(), requests)));

    let total = report(&gateway, &["--where", "blame=upstream"]);
    assert_eq!(total["total"]["requests"], 5);
    let whole = &report(&gateway, &[])["total"];
    assert_eq!(whole["requests"], 50);
    assert!(whole["total_us"]["p50"].as_f64().unwrap() > 0.0 && whole["bytes_out"].as_u64().unwrap() > 1000, "{whole}");
    gateway
        .run(&["report", "--state", &gateway.state("").display().to_string(), "--by", "operation,consumer"])
        .assert(0, &["getPet", "shop"]);
}

#[test]
fn what_is_counted_survives_a_crash_and_the_next_process_goes_on() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    ask(&gateway, 20, "/pets/1", "shop");
    // What a crash costs is what came since it was put on the disk last.
    let count = |gateway: &Gateway| {
        let state = gateway.state("").display().to_string();
        let finished = gateway.run(&["report", "--json", "--state", &state]);
        serde_json::from_str::<Value>(&finished.stdout).ok().and_then(|answer| answer["total"]["requests"].as_u64())
    };
    eventually("all of it is on the disk", || (count(&gateway) == Some(20)).then_some(()));
    gateway.kill();
    assert_eq!(count(&gateway), Some(20));
    gateway.start_again();
    ask(&gateway, 7, "/pets/1", "shop");
    gateway.terminate();
    gateway.wait_for_end();
    assert_eq!(count(&gateway), Some(27));
}

#[test]
fn an_account_that_cannot_be_put_on_the_disk_is_told_of_until_it_can_while_requests_are_served() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    gateway.terminate();
    gateway.wait_for_end();
    let place = gateway.state("report");
    std::fs::remove_dir_all(&place).unwrap();
    std::fs::write(&place, "a file where a folder should be").unwrap();
    gateway.start_again();
    ask(&gateway, 9, "/pets/1", "shop");
    let failing = |gateway: &Gateway| gateway.metric("lockgate_analytics_failing");
    eventually("it has been tried", || (failing(&gateway) == Some(1.0)).then_some(()));
    gateway.verb(&["status"]).assert(3, &["Not all of the account of requests can be put on the disk"]);
    assert_eq!(gateway.status()["analytics"], json!({ "lost": 0, "failing": true }));

    std::fs::remove_file(&place).unwrap();
    eventually("it is mended", || (failing(&gateway) == Some(0.0)).then_some(()));
    gateway.verb(&["status"]).assert(0, &["generation"]);
    assert_eq!(report(&gateway, &[])["total"]["requests"], 9);
}

#[test]
fn a_process_that_takes_over_and_the_one_before_count_together() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    ask(&gateway, 11, "/pets/1", "shop");
    let before = gateway.succeed();
    // One that the process before still accepted is closed after its answer.
    (0..4).for_each(|_| ask(&gateway, 1, "/pets/1", "shop"));
    assert!(before.wait_for_end().success());
    gateway.terminate();
    gateway.wait_for_end();
    assert_eq!(report(&gateway, &[])["total"]["requests"], 15);
}

#[test]
fn nothing_personal_is_kept_but_what_policies_call_the_consumer() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    ask(&gateway, 2, "/gone?email=ann@example.com", "shop");
    ask(&gateway, 2, "/pets/ann-4711?email=ann@example.com", "shop");
    gateway.terminate();
    gateway.wait_for_end();
    let folder = gateway.state("report");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds("ann") && !holds("127.0.0.1"), "{}", file.display());
    }
}

#[test]
fn questions_nobody_can_answer_are_refused_with_advice() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let state = gateway.state("").display().to_string();
    for (words, said) in [
        (&["--by", "colour"][..], "colour"),
        (&["--from", "yesterdayish"], "yesterdayish"),
        (&["--where", "operation=x' OR 1=1 --", "--where", "colour=red"], "colour"),
    ] {
        gateway.run(&[&["report", "--state", &state], words].concat()).assert(2, &[said]);
    }
}

#[test]
fn a_store_of_a_newer_gateway_is_left_alone_and_traffic_goes_on() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    ask(&gateway, 1, "/pets/1", "shop");
    gateway.terminate();
    gateway.wait_for_end();
    let file = gateway.state("report/rollup.db");
    let mut bytes = std::fs::read(&file).unwrap();
    // `user_version` of the header, the bytes from 60 on.
    bytes[60..64].copy_from_slice(&1_000_u32.to_be_bytes());
    std::fs::write(&file, &bytes).unwrap();
    gateway.start_again();
    ask(&gateway, 3, "/pets/1", "shop");
    gateway.wait_for_log("that the store is newer", |line| {
        line["message"].as_str().filter(|message| message.contains("was written by a newer gateway")).map(str::to_owned)
    });
    gateway.get("/pets/1").assert_status(200);
    gateway.terminate();
    gateway.wait_for_end();
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}
