//! `lockgate history` and `lockgate rollback`: what served is on record, what is done to the record is found, and what served can serve again.

mod altered;
mod shown;

use std::fs;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::PathBuf;

use lockgate_tests::{Finished, Gateway, Load, Request, eventually};
use rustix::process::Signal;
use serde_json::{Value, json};

const API: &str =
    "name = \"a\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = { path = \"/r\" }\nrespond = { body = \"one\" }\n";

fn gateway() -> Gateway {
    Gateway::folder().api("a", API).start()
}

/// Have the API answer something else, and wait until that is on record.
fn change(gateway: &Gateway, body: &str) {
    let before = entries(gateway).len() as u64;
    gateway.write("a/api.toml", &API.replace("one", body));
    wait_for_entries(gateway, before + 1);
}

/// Wait until so many entries, or more, are written to their end.
fn wait_for_entries(gateway: &Gateway, count: u64) {
    eventually("an entry", || (gateway.status()["record"]["entry"].as_u64()? >= count).then_some(()));
}

/// What is on record, the newest first.
fn entries(gateway: &Gateway) -> Vec<Value> {
    gateway.ask("/history").json()["entries"].as_array().unwrap().clone()
}

fn verify(gateway: &Gateway) -> Finished {
    gateway.run(&["history", "verify", "--state", &gateway.state("").display().to_string()])
}

/// A folder beside the other, in which the API answers something else.
fn next(gateway: &Gateway, body: &str) -> PathBuf {
    let next = gateway.root().join("next");
    fs::create_dir_all(next.join("a")).unwrap();
    fs::copy(gateway.policies().join("gateway.toml"), next.join("gateway.toml")).unwrap();
    fs::write(next.join("a/api.toml"), API.replace("one", body)).unwrap();
    next
}

/// What lies beside the folders that were there.
fn left_over(gateway: &Gateway) -> usize {
    let names = fs::read_dir(gateway.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".lockgate-apply") || name.contains(".entry-")).count()
}

fn kill(gateway: &mut Gateway) {
    gateway.signal(Signal::KILL);
    gateway.wait_for_end();
}

#[test]
fn every_start_change_apply_and_rollback_is_on_record_with_its_reason() {
    let mut gateway = gateway();
    wait_for_entries(&gateway, 1);
    change(&gateway, "two");
    let next = next(&gateway, "three").display().to_string();
    gateway.verb(&["apply", &next]).assert(0, &["generation 3 serves"]);
    gateway.verb(&["rollback"]).assert(0, &["what served at entry 2 is back: generation 4 serves", "policies.before"]);
    assert_eq!(gateway.get("/r").text(), "two");
    gateway.restart();
    wait_for_entries(&gateway, 5);
    let all = entries(&gateway);
    let seen: Vec<_> = all.iter().map(|it| json!([it["entry"], it["generation"], it["why"], it["of"]])).collect();
    assert_eq!(
        json!(seen),
        json!([
            [5, 1, "start", null],
            [4, 4, "rollback", 2],
            [3, 3, "apply", null],
            [2, 2, "folder", null],
            [1, 1, "start", null]
        ])
    );
    for pair in all.windows(2) {
        assert_eq!((&pair[0]["previous"], &pair[0]["before"]), (&pair[1]["hash"], &pair[1]["after"]));
    }
    assert_eq!((&all[1]["after"], &all[0]["files"]), (&all[3]["after"], &json!([])));
    assert_eq!(all[3]["files"][0]["path"], "a/api.toml");
    assert_eq!(
        (&all[0]["routes"], &all[0]["kept"], all[4]["files"].as_array().unwrap().len()),
        (&json!(1), &json!(true), 2)
    );
    // The log and the status state the head, to be noted elsewhere.
    let head = gateway.wait_for_log("the head", |line| (line["entry"] == 5).then(|| line["head"].clone()));
    assert_eq!((&head, &gateway.status()["record"]["head"]), (&all[0]["hash"], &all[0]["hash"]));
    let table = gateway.verb(&["history"]);
    table.assert(0, &["ENTRY  WHEN", "rollback to 2", "apply", "+a/api.toml +gateway.toml", "~a/api.toml", "nothing"]);
    assert!(table.stdout.lines().nth(1).unwrap().starts_with("5 "), "the newest first:\n{}", table.stdout);
    let newest = gateway.verb(&["history", "-n", "2", "--json"]);
    let newest: Value = serde_json::from_str(&newest.stdout).unwrap();
    assert_eq!(newest["entries"], json!(all[..2]));
}

#[test]
fn the_record_is_for_who_has_the_token_and_what_it_is_told_is_checked() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    gateway.admin(&Request::get("/history")).assert_status(401);
    let post = |target: &str| Request::new("POST", target).field("content-length", "0");
    gateway.admin(&post("/announce?why=apply")).assert_status(401);
    gateway.admin(&post("/history").bearer(&gateway.admin_token())).assert_status(405);
    gateway.ask("/announce").assert_status(405);
    for query in ["?n=0", "?n=1001", "?n=x", "?most=1", "?"] {
        gateway.ask(&format!("/history{query}")).assert_status(400);
    }
    let contents = format!("sha256:{}", "0".repeat(64));
    for query in ["", "?why=apply", "?why=mine&contents=$", "?why=rollback&contents=$", "?why=apply&contents=$0"] {
        let target = format!("/announce{}", query.replace('$', &contents));
        gateway.admin(&post(&target).bearer(&gateway.admin_token())).assert_status(400);
    }
    // What was announced and is not what came is no reason.
    let target = format!("/announce?why=apply&contents={contents}");
    gateway.admin(&post(&target).bearer(&gateway.admin_token())).assert_status(200);
    change(&gateway, "two");
    assert_eq!(entries(&gateway)[0]["why"], "folder");
    gateway.verb(&["history", "-n", "1001"]).assert(2, &["1001"]);
}

#[test]
fn rolling_back_and_forth_under_load_costs_no_request() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    change(&gateway, "two");
    let load = Load::start(4, |_| {
        let mut client = gateway.connect();
        move |pace| {
            while pace.goes_on() {
                let answer = client.send(&Request::get("/r"));
                answer.assert_status(200);
                assert!(["one", "two"].contains(&answer.text().as_str()), "{}", answer.text());
                pace.did();
            }
        }
    });
    for body in ["one", "two", "one", "two"] {
        load.wait_for_more(40);
        gateway.verb(&["rollback"]).assert(0, &["serves on all workers"]);
        for _ in 0..4 {
            assert_eq!(gateway.get("/r").text(), body);
        }
    }
    load.stop();
    assert_eq!((entries(&gateway).len(), left_over(&gateway)), (6, 0));
    verify(&gateway).assert(0, &["entries 1 to 6 are signed and in order"]);
}

#[test]
fn an_entry_that_is_unknown_or_whose_contents_are_gone_changes_nothing() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    gateway.verb(&["rollback"]).assert(1, &["nothing else is on record than what serves"]);
    change(&gateway, "two");
    let first = entries(&gateway)[1]["after"].as_str().unwrap().replace("sha256:", "");
    gateway.verb(&["rollback", "3"]).assert(1, &["there is no entry 3 on record, which has 1 to 2"]);
    let kept = gateway.state("record/contents").join(&first);
    let manifest = fs::read(&kept).unwrap();
    fs::write(&kept, b"{}").unwrap();
    gateway.verb(&["rollback", "1"]).assert(1, &["at entry 1", "is damaged"]);
    fs::remove_file(&kept).unwrap();
    gateway.verb(&["rollback", "1"]).assert(1, &["at entry 1 is not kept any more"]);
    gateway.verb(&["history"]).assert(0, &["not kept"]);
    fs::write(&kept, manifest).unwrap();
    let head = gateway.state("record/head.json");
    let text = fs::read_to_string(&head).unwrap();
    fs::write(&head, text.replace("\"entry\":2", "\"entry\":1")).unwrap();
    gateway.verb(&["rollback", "1"]).assert(1, &["the record cannot be relied on", "head.json"]);
    fs::write(&head, text).unwrap();
    assert_eq!(
        (gateway.status()["generation"].as_u64(), entries(&gateway).len(), left_over(&gateway)),
        (Some(2), 2, 0)
    );
    assert!(fs::read_to_string(gateway.policies().join("a/api.toml")).unwrap().contains("two"));
    gateway.verb(&["rollback", "1", "--json"]).assert(0, &["{\"entry\":1,\"generation\":3,\"shadowed\":[]}"]);
    assert_eq!(gateway.get("/r").text(), "one");
}

#[test]
fn what_the_gateway_refuses_to_go_back_to_is_taken_away_again() {
    let mut gateway = gateway();
    wait_for_entries(&gateway, 1);
    gateway.terminate();
    gateway.wait_for_end();
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &format!("{text}[access_log]\nenabled = false\n"));
    gateway.start_again();
    wait_for_entries(&gateway, 2);
    gateway.verb(&["rollback"]).assert(1, &["restart", "put back"]);
    assert!(fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap().contains("access_log"));
    assert_eq!((entries(&gateway).len(), left_over(&gateway)), (2, 0));
    assert!(gateway.status()["refused"].is_null());
}

#[test]
fn nobody_goes_back_to_what_was_never_good_as_one_folder() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    let other = "name = \"b\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = { path = \"/b\" }\nrespond = {}\n";
    gateway.write("a/api.toml", "name = ");
    gateway.wait_for_refusal();
    gateway.write("b/api.toml", other);
    wait_for_entries(&gateway, 2);
    gateway.verb(&["rollback", "2"]).assert(1, &["were as they were before"]);
    // Where it goes by itself is not there either.
    gateway.write("b/api.toml", &other.replace("/b", "/c"));
    wait_for_entries(&gateway, 3);
    gateway.verb(&["rollback", "--json"]).assert(0, &["{\"entry\":1,"]);
    assert_eq!((gateway.get("/r").text().as_str(), gateway.get("/b").status), ("one", 404));
}

#[test]
fn a_folder_that_was_broken_is_put_back_to_what_serves() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    gateway.write("a/api.toml", "name = ");
    gateway.wait_for_refusal();
    gateway.verb(&["rollback", "1"]).assert(0, &["entry 1 is back: generation 1 serves"]);
    assert!(gateway.status()["refused"].is_null());
    assert_eq!(entries(&gateway).len(), 1, "what serves did not change");
}

#[test]
fn a_link_leads_to_a_folder_of_what_served() {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    fs::rename(gateway.policies(), gateway.root().join("first")).unwrap();
    symlink("first", gateway.policies()).unwrap();
    change(&gateway, "two");
    gateway.verb(&["rollback"]).assert(0, &["generation 3 serves", "the link led to first before"]);
    assert_eq!(gateway.get("/r").text(), "one");
    let link = fs::read_link(gateway.policies()).unwrap();
    assert!(link.to_str().unwrap().starts_with("policies.entry-1-"), "{}", link.display());
    assert!(fs::read_to_string(gateway.root().join("first/a/api.toml")).unwrap().contains("two"));
}

#[test]
fn a_record_that_cannot_be_written_is_told_of_and_holds_nothing_up() {
    let folder = Gateway::folder().api("a", API);
    fs::DirBuilder::new().mode(0o700).create(folder.state("")).unwrap();
    fs::write(folder.state("record"), "in the way").unwrap();
    let gateway = folder.start();
    let told = |text: &'static str| move |line: &Value| line["message"].as_str()?.contains(text).then_some(());
    gateway.wait_for_log("the fault", told("is not on record"));
    gateway.write("a/api.toml", &API.replace("one", "two"));
    eventually("the change", || (gateway.get("/r").text() == "two").then_some(()));
    eventually("the fault", || {
        let faults = gateway.status()["record"]["faults"].to_string();
        faults.contains("generation 2 is not on record").then_some(())
    });
    gateway.verb(&["status"]).assert(3, &["The record: generation 2 is not on record"]);
    verify(&gateway).assert(1, &["the record in"]);
    fs::remove_file(gateway.state("record")).unwrap();
    change(&gateway, "three");
    eventually("the fault to be over", || (gateway.status()["record"]["faults"] == json!([])).then_some(()));
    verify(&gateway).assert(0, &["entry 1 is signed and in order"]);
}

#[test]
fn no_secret_and_nobodys_name_is_in_the_record() {
    let secret = "correct horse battery staple";
    let folder = Gateway::folder()
        .gateway_toml("[secret.s]\nfile = \"secret.txt\"\n[keys.k]\nhmac = \"secret:s\"\nalgorithm = \"HS256\"\n")
        .api("a", API);
    fs::write(folder.root().join("secret.txt"), format!("{secret} {secret}")).unwrap();
    let gateway = folder.start();
    wait_for_entries(&gateway, 1);
    fs::write(gateway.root().join("secret.txt"), format!("{secret}, {secret}")).unwrap();
    let look = Request::new("POST", "/reload").bearer(&gateway.admin_token()).field("content-length", "0");
    gateway.admin(&look).assert_status(200);
    wait_for_entries(&gateway, 2);
    gateway.verb(&["history"]).assert(0, &["a secret"]);
    assert_eq!(entries(&gateway)[0]["after"], entries(&gateway)[1]["after"], "no digest tells one secret from another");
    let root = gateway.root().display().to_string();
    let mut open = vec![gateway.state("record")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
            assert!(!text.contains(secret), "{} holds the secret", path.display());
            assert!(!text.contains(&root), "{} says where the folder is", path.display());
        }
    }
}
