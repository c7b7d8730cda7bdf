//! `policy run`: one policy in front of an upstream, followed as it is saved.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use lockgate_tests::{Client, Folder, Gateway, Request, Response, Running, Upstream, eventually, guests};

/// A folder whose temporary files can be told from those of others.
fn folder() -> Folder {
    let folder = Gateway::folder();
    let own = folder.root().join("tmp");
    fs::create_dir(&own).unwrap();
    folder.variable("TMPDIR", own.to_str().unwrap())
}

fn nothing_stays(folder: &Folder) {
    let left: Vec<_> = fs::read_dir(folder.root().join("tmp")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!folder.root().join(".lockgate").exists());
}

fn url(upstream: &Upstream) -> String {
    format!("http://{}", upstream.address())
}

/// Where it listens.
#[track_caller]
fn address(running: &Running) -> SocketAddr {
    let find = |line: &str| line.trim().strip_prefix("public")?.trim().strip_prefix("http://")?.parse().ok();
    let (_, address) = running.stdout.wait(0, "an address", find);
    running.stdout.wait(0, "it to be ready", |line| line.starts_with("Ready").then_some(()));
    address
}

fn get(address: SocketAddr) -> Response {
    Client::connect(address).send(&Request::get("/pets"))
}

/// Until a response has this field with this value.
#[track_caller]
fn until(address: SocketAddr, name: &str, value: &str) {
    eventually(value, || (get(address).field(name) == Some(value)).then_some(()));
}

fn save(path: &Path, bytes: impl AsRef<[u8]>) {
    let partial = path.with_extension("partial");
    fs::write(&partial, bytes).unwrap();
    fs::rename(partial, path).unwrap();
}

#[test]
fn a_component_is_in_front_of_an_upstream_and_exchanged_when_it_is_saved() {
    let (folder, upstream) = (folder(), Upstream::echo());
    let path = folder.root().join("x.wasm");
    save(&path, guests::component("version-a"));
    let running = folder.begin(&["policy", "run", "x.wasm", "--upstream", &url(&upstream)]);
    let address = address(&running);
    let response = get(address);
    response.assert_status(200);
    assert_eq!((response.echoed("x-test-version"), response.field("x-test-version")), (vec!["a".into()], Some("a")));
    assert!(address.ip().is_loopback() && address.port() != 0);

    save(&path, guests::component("version-b"));
    until(address, "x-test-version", "b");
    // What is no component takes nobody's place.
    save(&path, "nonsense");
    running.stderr.wait(0, "a complaint", |line| line.contains("the last good one keeps serving").then_some(()));
    assert_eq!(get(address).field("x-test-version"), Some("b"));
    save(&path, guests::component("version-a"));
    until(address, "x-test-version", "a");

    assert!(running.interrupt().success());
    nothing_stays(&folder);
}

#[test]
fn a_new_configuration_and_new_grants_take_effect_when_they_are_saved() {
    let (folder, upstream) = (folder(), Upstream::echo());
    save(&folder.root().join("x.wasm"), guests::component("set-one"));
    let config = |name: &str| format!("request = '{name}'\nresponse = '{name}'\n");
    let grants = |words: &str| {
        format!("[policy.other]\ngrant = ['read::path', 'read::status', {words}]\nlimits.memory = '1MiB'\n")
    };
    save(&folder.root().join("c.toml"), config("x-test-a"));
    save(&folder.root().join("g.toml"), grants("'write:x-test-a'"));
    let arguments = ["policy", "run", "x.wasm", "--config", "c.toml", "--grants", "g.toml", "--upstream"];
    let running = folder.begin(&[&arguments[..], &[&url(&upstream)]].concat());
    let address = address(&running);
    assert_eq!(get(address).echoed("x-test-a").len(), 1);

    save(&folder.root().join("c.toml"), config("x-test-b"));
    let refused = |line: &str| line.contains("not granted").then_some(());
    running.stderr.wait(0, "a refusal", refused);
    assert_eq!(get(address).echoed("x-test-a").len(), 1, "the last good one serves");
    save(&folder.root().join("g.toml"), grants("'write:x-test-b'"));
    eventually("the other field", || (get(address).echoed("x-test-b").len() == 1).then_some(()));

    assert!(running.interrupt().success());
    nothing_stays(&folder);
}

#[test]
fn what_cannot_be_run_says_why_and_leaves_nothing() {
    let folder = folder();
    save(&folder.root().join("x.wasm"), guests::component("witness"));
    save(&folder.root().join("c.json"), r#"{"read":["x-test-a"]}"#);
    let run = |more: &[&str]| folder.run(&[&["policy", "run", "x.wasm"], more].concat());
    run(&[]).assert(2, &["--upstream"]);
    let given = ["--upstream", "http://127.0.0.1:9", "--config", "c.json"];
    run(&given[..2]).assert(1, &["missing field `read`"]);
    run(&[&given[..], &["--grant", "read:x-test-b"]].concat()).assert(1, &["not granted", "read:x-test-a"]);
    run(&["--upstream", "nowhere", "--config", "c.json"]).assert(1, &["in the configuration made for the policy"]);
    folder.run(&["policy", "run", "--upstream", "http://127.0.0.1:9"]).assert(1, &["no project", "policy new"]);
    nothing_stays(&folder);
}

/// Part of another journey, since a project takes long to be built first.
pub(super) fn a_project_is_built_again_when_it_is_saved(folder: &Folder, upstream: &Upstream, name: &str) {
    let project = folder.root().join(name);
    let config = format!("{name}/{name}.json");
    let running = folder.begin(&["policy", "run", name, "--config", &config, "--upstream", &url(upstream)]);
    let address = address(&running);
    assert_eq!(get(address).field("x-greeting"), Some("ahoy"));

    let source = fs::read_to_string(project.join("src/lib.rs")).unwrap();
    let louder = source.replace("&self.greeting)", "self.greeting.to_uppercase())");
    assert_ne!(louder, source);
    save(&project.join("src/lib.rs"), &louder);
    until(address, "x-greeting", "AHOY");
    save(&project.join("src/lib.rs"), format!("{louder}\ncompile_error!(\"not yet\");\n"));
    running.stderr.wait(0, "the compiler", |line| line.contains("not yet").then_some(()));
    running.stderr.wait(0, "a complaint", |line| line.contains("the last good one keeps serving").then_some(()));
    assert_eq!(get(address).field("x-greeting"), Some("AHOY"));
    save(&project.join(format!("{name}.json")), r#"{ "greeting": "hello" }"#);
    save(&project.join("src/lib.rs"), &louder);
    until(address, "x-greeting", "HELLO");
    assert!(running.interrupt().success());
}
