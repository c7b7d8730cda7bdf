//! Deciding about a version by its digest.

use std::fs;

use lockgate_tests::{Upstream, guests};

use super::{folder, is_new, roll};

#[test]
fn code_that_was_taken_back_is_promoted_by_its_digest_before_it_is_there_again() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    gateway.verb(&["rollout", "abort", "rolled"]).assert(0, &["is aborted"]);
    gateway.replace("components/rolled.wasm", &guests::component("rolled-old"));
    gateway.look();
    let new = guests::digest("rolled-new");
    let decide = |verb: &str, digest: &str| gateway.verb(&["rollout", verb, "rolled", "--digest", digest]);
    decide("promote", "0000000000").assert(1, &["nothing is known of a component of `rolled`"]);
    decide("promote", "latest").assert(1, &["is no digest"]);
    decide("abort", &new[..8]).assert(1, &["does not serve, and will not"]);
    decide("promote", &new[..8]).assert(0, &["serves when the folder has it again"]);
    assert!(!is_new(&gateway));
    assert_eq!(roll(&gateway)["faults"], serde_json::json!([]));
    assert!(is_new(&gateway));
}

#[test]
fn whoever_aborts_twice_takes_back_one_version() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "").start();
    roll(&gateway);
    assert!(is_new(&gateway));
    // Another, in the shadow of the new one.
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &text.replace("[policy.rolled]", "[policy.rolled]\nrollout = { shadow = \"1h\" }"));
    gateway.look();
    gateway.replace("components/rolled.wasm", &guests::component("rolled-third"));
    gateway.look();
    let abort = |more: &[&str]| gateway.verb(&[&["rollout", "abort", "rolled"], more].concat());
    let third = guests::digest("rolled-third");
    abort(&[]).assert(0, &[&format!("sha256:{third} is aborted")]);
    let new = guests::digest("rolled-new");
    abort(&[]).assert(1, &["will not", &format!("the new one that serves is sha256:{new}: name it with --digest")]);
    assert!(is_new(&gateway));
    abort(&["--digest", &new]).assert(0, &["is aborted"]);
    assert!(!is_new(&gateway));
}
