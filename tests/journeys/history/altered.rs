//! What was done to the record from outside, and what a process that was killed left of it.

use std::fs;
use std::path::Path;

use lockgate_tests::eventually;

use super::*;

const ENTRIES: &str = "record/entries-0000000001.jsonl";

/// A state directory in which only the record is, as it stands there.
fn copy(gateway: &Gateway, name: &str) -> PathBuf {
    let copy = gateway.root().join(name);
    fs::create_dir_all(copy.join("record/keys")).unwrap();
    for file in [ENTRIES, "record/head.json", "record/keys/record.pem"] {
        fs::copy(gateway.state(file), copy.join(file)).unwrap();
    }
    copy
}

fn lines(state: &Path) -> Vec<String> {
    fs::read_to_string(state.join(ENTRIES)).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

/// A record of three entries.
fn with_three() -> Gateway {
    let gateway = gateway();
    wait_for_entries(&gateway, 1);
    change(&gateway, "two");
    change(&gateway, "three");
    gateway
}

#[test]
fn whatever_is_done_to_the_record_is_found_and_said_of_the_entry() {
    let gateway = with_three();
    // While the gateway runs, whose lock that is.
    verify(&gateway).assert(0, &["The record is whole: entries 1 to 3 are signed and in order.", "head ", "key "]);
    type Deed = fn(&Path);
    let write = |state: &Path, lines: Vec<String>| fs::write(state.join(ENTRIES), lines.concat()).unwrap();
    let edited: Deed = |state| {
        let text = fs::read_to_string(state.join(ENTRIES)).unwrap();
        fs::write(state.join(ENTRIES), text.replacen("\"why\":\"folder\"", "\"why\":\"apply\"", 1)).unwrap();
    };
    let another_key: Deed = |state| {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        fs::write(state.join("record/keys/record.pem"), key.serialize_pem()).unwrap();
    };
    let deeds: [(&str, &dyn Fn(&Path), &str); 9] = [
        ("edited", &edited, "entry 2 was changed: its hash"),
        (
            "removed",
            &|state| {
                let mut lines = lines(state);
                lines.remove(1);
                write(state, lines);
            },
            "where entry 2 should stand, entry 3 does",
        ),
        (
            "swapped",
            &|state| {
                let mut lines = lines(state);
                lines.swap(0, 1);
                write(state, lines);
            },
            "where entry 1 should stand, entry 2 does",
        ),
        ("cut", &|state| write(state, lines(state)[..2].to_vec()), "entry 3 and all after it up to 3 are gone"),
        (
            "torn",
            &|state| {
                let text = lines(state).concat();
                fs::write(state.join(ENTRIES), &text[..text.len() - 10]).unwrap();
            },
            "entry 3 and all after it up to 3 are gone",
        ),
        (
            "checkpoint",
            &|state| {
                let signature = |line: &str| line.split("\"signature\":\"").nth(1).unwrap()[..86].to_owned();
                let mut lines = lines(state);
                lines[1] = lines[1].replace(&signature(&lines[1]), &signature(&lines[0]));
                write(state, lines);
            },
            "entry 2 was changed: its signature",
        ),
        ("key", &another_key, "head.json is gone, or was changed, or is signed with another key"),
        (
            "no-key",
            &|state| fs::remove_file(state.join("record/keys/record.pem")).unwrap(),
            "the key is gone or damaged",
        ),
        ("no-head", &|state| fs::remove_file(state.join("record/head.json")).unwrap(), "head.json is gone"),
    ];
    for (name, deed, said) in deeds {
        let state = copy(&gateway, name);
        let verify = || gateway.run(&["history", "verify", "--state", &state.display().to_string()]);
        verify().assert(0, &["The record is whole"]);
        deed(&state);
        verify().assert(1, &["was altered", said]);
    }
    gateway.run(&["history", "verify", "--state", "nowhere"]).assert(1, &["nowhere", "there is no record"]);
}

#[test]
fn a_head_that_was_noted_tells_one_record_from_another() {
    let (gateway, other) = (with_three(), with_three());
    let state = gateway.state("").display().to_string();
    let verify = |head: &str| gateway.run(&["history", "verify", "--state", &state, "--head", head]);
    let noted = entries(&gateway)[1]["hash"].as_str().unwrap().to_owned();
    verify(&noted).assert(0, &["the head that was noted is that of entry 2"]);
    verify(&noted[..12]).assert(0, &["entry 2"]);
    verify(&noted[..11]).assert(2, &["12 to 64"]);
    // A record that is as whole, of another key.
    let foreign = entries(&other)[1]["hash"].as_str().unwrap().to_owned();
    verify(&foreign).assert(1, &["no entry of the record has the hash"]);
}

#[test]
fn a_start_does_not_hide_that_the_record_was_altered() {
    let mut gateway = with_three();
    gateway.terminate();
    gateway.wait_for_end();
    let whole = lines(&gateway.state(""));
    fs::write(gateway.state(ENTRIES), whole[..2].concat()).unwrap();
    gateway.start_again();
    gateway.wait_for_log("the new record", |line| (line["entry"] == 1).then_some(()));
    gateway.wait_for_log("what was found", |line| {
        let is_it = line["message"].as_str()?.contains("the record was altered");
        (is_it && line["reason"].as_str()?.contains("the end was cut off")).then_some(())
    });
    gateway.verb(&["status"]).assert(3, &["The record: it was altered", "record.altered-"]);
    verify(&gateway).assert(1, &["set aside at a start", "record.altered-"]);
    // What serves is on record all the same.
    assert_eq!((&entries(&gateway)[0]["entry"], &entries(&gateway)[0]["why"]), (&json!(1), &json!("start")));
    gateway.restart();
    verify(&gateway).assert(1, &["record.altered-"]);
    // Until somebody has looked into it.
    let mut there = fs::read_dir(gateway.state("")).unwrap().map(|entry| entry.unwrap().path());
    let aside = there.find(|path| path.to_string_lossy().contains("record.altered-"));
    fs::rename(aside.unwrap(), gateway.root().join("looked-into")).unwrap();
    verify(&gateway).assert(0, &["signed and in order"]);
}

#[test]
fn a_line_that_was_not_finished_is_taken_away_at_the_next_start() {
    let mut gateway = with_three();
    let head = fs::read(gateway.state("record/head.json")).unwrap();
    change(&gateway, "four");
    kill(&mut gateway);
    // As it is when the process is killed while it appends the fourth.
    let text = lines(&gateway.state("")).concat();
    fs::write(gateway.state(ENTRIES), &text[..text.len() - 100]).unwrap();
    fs::write(gateway.state("record/head.json"), head).unwrap();
    verify(&gateway).assert(0, &["entries 1 to 3 are", "was not written to its end"]);
    gateway.start_again();
    let taken =
        |line: &Value| line["message"].as_str()?.contains("was not written to its end").then(|| line["entry"].clone());
    assert_eq!(gateway.wait_for_log("what is taken away", taken), 4);
    wait_for_entries(&gateway, 4);
    verify(&gateway).assert(0, &["entries 1 to 4 are signed and in order"]);
    let newest = &entries(&gateway)[0];
    assert_eq!(
        (&newest["why"], &newest["files"][0]["path"]),
        (&json!("start"), &json!("a/api.toml")),
        "nothing is lost"
    );
}

#[test]
fn a_gateway_that_is_killed_again_and_again_has_a_record_that_verifies() {
    let mut gateway = gateway();
    for round in 0..6 {
        gateway.write("a/api.toml", &API.replace("one", &round.to_string()));
        // Before this is on record, most of the time.
        eventually("the change", || (gateway.get("/r").text() == round.to_string()).then_some(()));
        kill(&mut gateway);
        verify(&gateway).assert(0, &["The record is whole"]);
        gateway.start_again();
    }
    wait_for_entries(&gateway, 7);
    verify(&gateway).assert(0, &["signed and in order"]);
    let all = entries(&gateway);
    for pair in all.windows(2) {
        assert_eq!((&pair[0]["previous"], &pair[0]["before"]), (&pair[1]["hash"], &pair[1]["after"]));
    }
}
