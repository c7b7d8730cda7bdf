//! `lockgate apply`: a folder takes the place of the one that is followed, all at once, and nothing changes where something is wrong.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use lockgate_tests::{Finished, Gateway, Request, eventually, guests};

const API: &str = "name = \"a\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = { path = \"/one\" }\nrespond = { body = \"one\" }\n";

fn gateway() -> Gateway {
    Gateway::folder().api("a", API).file("a/docs/notes.md", "hello").start()
}

/// A copy of the folder in which `from` stands no more, but `to`.
fn next(gateway: &Gateway, file: &str, from: &str, to: &str) -> PathBuf {
    let next = gateway.root().join("next");
    fs::create_dir_all(next.join("a")).unwrap();
    for name in ["gateway.toml", "a/api.toml"] {
        let text = fs::read_to_string(gateway.policies().join(name)).unwrap();
        let text = if name == file { text.replace(from, to) } else { text };
        fs::write(next.join(name), text).unwrap();
    }
    next
}

fn apply(gateway: &Gateway, next: &Path, more: &[&str]) -> Finished {
    let (admin, state) = (gateway.admin_address().to_string(), gateway.state("").display().to_string());
    let next = next.display().to_string();
    gateway.run(&[&["apply", &next, "--admin", &admin, "--state", &state], more].concat())
}

/// Wait until so many entries are on record.
fn entry(gateway: &Gateway, count: u64) {
    eventually("an entry", || (gateway.status()["record"]["entry"].as_u64()? >= count).then_some(()));
}

/// What lies beside the folders that were there.
fn left_over(gateway: &Gateway) -> Vec<String> {
    let names = fs::read_dir(gateway.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".lockgate-apply")).collect()
}

#[test]
fn a_folder_that_is_applied_serves_on_all_workers_when_the_verb_ends() {
    let gateway = gateway();
    let next = next(&gateway, "a/api.toml", "one", "two");
    apply(&gateway, &next, &[]).assert(0, &["generation 2 serves"]);
    for _ in 0..8 {
        assert_eq!(gateway.get("/two").text(), "two");
        gateway.get("/one").assert_status(404);
    }
    assert!(!gateway.policies().join("a/docs").exists(), "it is the folder that was applied, and no other");
    let before = gateway.root().join("policies.before");
    assert!(before.join("a/docs/notes.md").exists(), "nothing is lost");
    assert_eq!(left_over(&gateway), [""; 0]);
    assert!(next.join("a/api.toml").exists(), "a copy of it");
    // What is changed there now is followed.
    let text = fs::read_to_string(gateway.policies().join("a/api.toml")).unwrap();
    gateway.write("a/api.toml", &text.replace("two", "three"));
    gateway.wait_for_generation(3);
    // And it can be applied again.
    let again = apply(&gateway, &next, &["--json"]);
    assert_eq!(again.stdout.trim(), "{\"generation\":4,\"shadowed\":[]}");
    assert!(fs::read_to_string(before.join("a/api.toml")).unwrap().contains("three"), "that of the last time");
    apply(&gateway, &before, &[]).assert(0, &["generation 5 serves"]);
    assert_eq!(gateway.get("/three").text(), "three");
}

#[test]
fn what_only_a_folder_that_was_put_aside_has_is_never_removed() {
    let gateway = gateway();
    let beside = |name: &str| gateway.root().join(name);
    // Somebody's own, by that name.
    fs::create_dir(beside("policies.before")).unwrap();
    fs::write(beside("policies.before/gateway.toml"), "mine").unwrap();
    let two = next(&gateway, "a/api.toml", "one", "two");
    apply(&gateway, &two, &[]).assert(0, &["policies.before, and what was there is in", "policies.before-1"]);
    assert_eq!(fs::read_to_string(beside("policies.before-1/gateway.toml")).unwrap(), "mine");
    // Notes that are nowhere else.
    apply(&gateway, &two, &[]).assert(0, &["policies.before-2"]);
    assert!(beside("policies.before-2/a/docs/notes.md").exists());
    // Nothing that is not in the next one, too: the place is taken.
    let again = apply(&gateway, &two, &[]);
    again.assert(0, &["what was there before is in"]);
    assert!(!again.stdout.contains("and what was there is in"), "{}", again.stdout);
    assert!(!beside("policies.before-3").exists());
    assert!(!gateway.policies().join(".put-aside-by-lockgate").exists());
}

#[test]
fn what_is_hidden_in_the_folder_stays_where_it_is_rolled_back() {
    let gateway = gateway();
    entry(&gateway, 1);
    let text = fs::read_to_string(gateway.policies().join("a/api.toml")).unwrap();
    gateway.write("a/api.toml", &text.replace("one", "two"));
    gateway.look();
    entry(&gateway, 2);
    gateway.write(".git/config", "[core]");
    gateway.verb(&["rollback"]).assert(0, &["serves on all workers"]);
    assert_eq!(gateway.get("/one").text(), "one");
    assert!(gateway.policies().join(".git/config").exists());
    assert!(!gateway.policies().join("a/docs/notes.md").exists());
    assert!(gateway.root().join("policies.before/a/docs/notes.md").exists());
}

#[test]
fn a_folder_is_applied_by_one_at_a_time() {
    let gateway = gateway();
    let next = next(&gateway, "a/api.toml", "one", "two");
    let lock = fs::File::open(gateway.root()).unwrap();
    lock.lock().unwrap();
    apply(&gateway, &next, &[]).assert(1, &["somebody else applies"]);
    drop(lock);
    apply(&gateway, &next, &[]).assert(0, &["generation 2 serves"]);
}

#[test]
fn a_folder_with_a_fault_changes_nothing() {
    let gateway = gateway();
    let next = next(&gateway, "a/api.toml", "respond", "responds");
    apply(&gateway, &next, &[]).assert(1, &["a/api.toml:6: route[0].responds: ", "2 faults in"]);
    assert!(gateway.policies().join("a/docs/notes.md").exists());
    assert_eq!((gateway.status()["generation"].as_u64(), left_over(&gateway).len()), (Some(1), 0));
    let absent = gateway.root().join("absent");
    apply(&gateway, &absent, &[]).assert(1, &["absent cannot be used"]);
    let inside = gateway.policies().join("a");
    apply(&gateway, &inside, &[]).assert(1, &["are in each other"]);
}

#[test]
fn what_the_gateway_refuses_is_put_back() {
    let gateway = gateway();
    let next = next(&gateway, "gateway.toml", "[listen.public]", "[runtime]\nworkers = 3\n[listen.public]");
    apply(&gateway, &next, &[]).assert(1, &["gateway.toml:", "restart", "put back"]);
    assert!(gateway.policies().join("a/docs/notes.md").exists());
    assert_eq!(gateway.get("/one").text(), "one");
    assert!(gateway.status()["refused"].is_null());
    assert_eq!(left_over(&gateway), [""; 0]);
}

#[test]
fn what_somebody_writes_while_a_folder_is_applied_and_refused_is_not_taken_away() {
    let gateway = gateway();
    // So that the gateway has something to do, while which somebody is at work.
    let chain: Vec<_> = (0..8).map(|n| format!("{{ policy = \"mark\", config = {{ n = {n} }} }}")).collect();
    let policy = "[policy.mark]\nsource = \"file:mark.wasm\"\ngrant = [\"write:x-test-*\"]\n";
    let more = format!("chain = [{}]\n{policy}[runtime]\nworkers = 3\n[listen.public]", chain.join(", "));
    let next = next(&gateway, "gateway.toml", "[listen.public]", &more);
    fs::write(next.join("mark.wasm"), guests::component("version-a")).unwrap();
    std::thread::scope(|scope| {
        let applied = scope.spawn(|| apply(&gateway, &next, &[]));
        eventually("the exchange", || gateway.policies().join("mark.wasm").exists().then_some(()));
        gateway.write("a/mine.txt", "an hour of work");
        applied
            .join()
            .unwrap()
            .assert(4, &["restart", "somebody else has changed", "left as it is", "policies.before"]);
    });
    assert_eq!(fs::read_to_string(gateway.policies().join("a/mine.txt")).unwrap(), "an hour of work");
    assert!(gateway.root().join("policies.before/a/docs/notes.md").exists());
    assert_eq!(gateway.get("/one").text(), "one");
}

#[test]
fn a_link_leads_to_the_folder_that_is_applied() {
    let gateway = gateway();
    let next = next(&gateway, "a/api.toml", "one", "two");
    let first = gateway.root().join("first");
    fs::rename(gateway.policies(), &first).unwrap();
    symlink("first", gateway.policies()).unwrap();
    apply(&gateway, &next, &[]).assert(0, &["generation 2 serves"]);
    assert_eq!(gateway.get("/two").text(), "two");
    assert_eq!(fs::read_link(gateway.policies()).unwrap(), Path::new("next"), "relative, as it was before");
    assert!(first.join("a/docs/notes.md").exists());
    assert_eq!(left_over(&gateway), [""; 0]);
}

#[test]
fn whoever_has_no_token_has_nothing_looked_at_and_changes_nothing() {
    let gateway = gateway();
    let next = next(&gateway, "a/api.toml", "one", "two");
    fs::create_dir(gateway.root().join("other")).unwrap();
    fs::write(gateway.root().join("other/admin-token"), "0".repeat(64)).unwrap();
    let other = gateway.root().join("other").display().to_string();
    let admin = gateway.admin_address().to_string();
    let next = next.display().to_string();
    gateway.run(&["apply", &next, "--admin", &admin, "--state", &other]).assert(1, &["does not know the token"]);
    gateway.run(&["apply", &next, "--admin", "127.0.0.1:1", "--state", &other]).assert(1, &["cannot be connected to"]);
    assert!(gateway.policies().join("a/docs/notes.md").exists());
    gateway.admin(&Request::new("POST", "/reload").field("content-length", "0")).assert_status(401);
    let get = gateway.ask("/reload");
    get.assert_status(405);
    assert_eq!(get.field("allow"), Some("POST"));
}

#[test]
fn diff_tells_what_would_change_and_changes_nothing() {
    let gateway = gateway();
    let (admin, state) = (gateway.admin_address().to_string(), gateway.state("").display().to_string());
    let next = next(&gateway, "a/api.toml", "[[route]]", "chain = [\"h\"]\n[[route]]");
    let diff = |more: &[&str]| {
        let next = next.display().to_string();
        gateway.run(&[&["diff", &next, "--admin", &admin, "--state", &state], more].concat())
    };
    diff(&[]).assert(1, &["a/api.toml:", "not declared"]);
    let gateway_toml = fs::read_to_string(next.join("gateway.toml")).unwrap();
    let policy = "[policy.h]\nsource = \"builtin:headers\"\n";
    fs::write(next.join("gateway.toml"), format!("{policy}{gateway_toml}")).unwrap();
    diff(&[]).assert(3, &["WIDENED: ", "a/r"]);
    let json: serde_json::Value = serde_json::from_str(&diff(&["--json"]).stdout).unwrap();
    assert!(!json["widened"].as_array().unwrap().is_empty(), "{json}");
    // What is there is compared with what serves, not with what the folder says.
    gateway.write("a/api.toml", "name = ");
    gateway.wait_for_refusal();
    diff(&[]).assert(3, &["WIDENED: "]);
    fs::write(next.join("a/api.toml"), API).unwrap();
    fs::write(next.join("gateway.toml"), gateway_toml).unwrap();
    diff(&[]).assert(0, &["WIDENED: nothing", "NARROWED: nothing"]);
    assert_eq!(gateway.get("/one").text(), "one");
}
