//! Writing policies and judging those of others: from an empty folder to a first response, and what a component says about itself.

mod building;
mod inspecting;
mod playing;
mod python;
mod running;
mod signing;
mod trusting;

use std::fs;
use std::process::Command;
use std::time::Instant;

use lockgate_tests::{Folder, Gateway, Upstream};
use serde_json::Value;

#[test]
fn every_verb_comes_with_examples() {
    let folder = Gateway::folder();
    folder.run(&["policy", "--help"]).assert(0, &["Usage", "Examples:"]);
    for verb in ["new", "build", "test", "run", "inspect", "keygen", "sign", "verify"] {
        folder.run(&["policy", verb, "--help"]).assert(0, &["Usage", "Examples:"]);
    }
}

#[test]
fn a_new_policy_is_tested_built_inspected_and_serves() {
    let begun = Instant::now();
    let upstream = Upstream::echo();
    let folder = Gateway::folder();
    folder.run(&["policy", "new", "my-greet"]).assert(0, &["my-greet", "cargo test"]);
    let project = folder.root().join("my-greet");

    let tests = Command::new("cargo").arg("test").current_dir(&project).output().unwrap();
    let said = String::from_utf8_lossy(&tests.stdout);
    assert!(tests.status.success(), "{said}{}", String::from_utf8_lossy(&tests.stderr));
    assert!(said.contains("2 passed"), "{said}");

    let built = json(&folder, &["policy", "build", "my-greet", "--output", "policies/my-greet.wasm", "--json"], 0);
    assert_eq!(built["hooks"], serde_json::json!(["response-phase"]));
    let component = fs::read(folder.policies().join("my-greet.wasm")).unwrap();
    assert_eq!(built["size"], component.len());
    let stored = "/cargo/registry";
    assert!(!contains(&component, folder.root().to_str().unwrap()), "it holds the path it was built at");
    assert!(
        contains(&component, stored) || !contains(&component, ".cargo/registry"),
        "it holds a path of this machine"
    );

    let config = "my-greet/my-greet.json";
    let inspected = json(&folder, &["policy", "inspect", "policies/my-greet.wasm", "--config", config, "--json"], 0);
    assert_eq!(inspected["digest"], built["digest"]);
    assert_eq!(inspected["grant"], serde_json::json!(["write:x-greeting"]));

    let listed = inspected["dependencies"].as_array().unwrap();
    let kind = |name: &str| listed.iter().find(|package| package["name"] == name).map(|package| &package["kind"]);
    assert_eq!(kind("serde_json"), Some(&"runtime".into()), "{listed:?}");
    assert_eq!(kind("syn"), Some(&"build".into()), "{listed:?}");

    let played = json(&folder, &["policy", "test", "my-greet", "--json"], 0);
    let states: Vec<_> = played["files"][0]["exchanges"].as_array().unwrap().iter().map(|it| &it["state"]).collect();
    assert_eq!(states, ["same", "same"], "{played}");

    // What is printed goes into gateway.toml as it is.
    let policy = inspected["policy"].as_str().unwrap();
    let chain = "chain = [{ policy = \"my-greet\", config = { greeting = \"ahoy\" } }]\n";
    let gateway = folder.gateway_toml(&format!("{chain}{policy}")).proxy(&upstream).start();
    assert_eq!(gateway.get("/").values("x-greeting"), ["ahoy"]);
    running::a_project_is_built_again_when_it_is_saved(&gateway, &upstream, "my-greet");
    eprintln!("from `policy new` to a first response, tests included: {:.1} s", begun.elapsed().as_secs_f64());
}

#[test]
fn nothing_is_written_over_and_names_are_those_of_packages() {
    let folder = Gateway::folder();
    fs::create_dir(folder.root().join("greet")).unwrap();
    fs::write(folder.root().join("greet/mine"), "").unwrap();
    folder.run(&["policy", "new", "greet"]).assert(1, &["greet", "already"]);
    assert_eq!(fs::read_dir(folder.root().join("greet")).unwrap().count(), 1);
    for (name, said) in [("../greet", "lower-case"), ("Greet", "lower-case"), ("fn", "already"), ("serde", "already")] {
        folder.run(&["policy", "new", name]).assert(2, &[said]);
    }
    folder.run(&["policy", "new", "other", "--lang", "cobol"]).assert(2, &["rust"]);
    assert!(!folder.root().join("other").exists());
}

/// Run a verb and read what it prints.
#[track_caller]
fn json(folder: &Folder, arguments: &[&str], code: i32) -> Value {
    let ended = folder.run(arguments);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
