//! What served last outlives the process: a start on a folder that is faulty or gone serves it, and says so.

use std::fs;
use std::os::unix::net::UnixStream;

use lockgate_tests::{Folder, Gateway, Request, Upstream, eventually, guests};
use serde_json::Value;

const API: &str = r#"
name = "api"
version = "1"
chain = ["mark"]
[upstream.main]
targets = ["http://$upstream"]
[[route]]
name = "one"
match = { path = "/one" }
upstream = "main"
"#;

const POLICY: &str = "[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [\"write:x-test-*\"]\n";

fn folder(upstream: &Upstream) -> Folder {
    Gateway::folder()
        .upstream(upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(POLICY)
        .api("api", API)
}

/// Start again on what was made of the folder meanwhile.
fn again(gateway: &mut Gateway, meanwhile: impl FnOnce(&Gateway)) {
    gateway.terminate();
    gateway.wait_for_end();
    meanwhile(gateway);
    gateway.start_again();
}

/// The last good one serves, and whoever asks is told what is wrong.
fn assert_fell_back(gateway: &mut Gateway, file: &str) {
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    let refused = gateway.wait_for_refusal();
    assert!(refused["faults"][0]["file"].as_str().unwrap().ends_with(file), "{refused}");
    let said = |line: &Value| {
        let message = line["message"].as_str()?;
        (message.contains("last good") && message.contains("keeps serving")).then_some(())
    };
    gateway.wait_for_log("the fault", said);
    assert!(gateway.greeting().contains("this is what served last"), "{}", gateway.greeting());
}

#[test]
fn a_start_with_files_that_cannot_be_read_serves_what_served_last() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    again(&mut gateway, |gateway| gateway.write("api/api.toml", "name = "));
    assert_fell_back(&mut gateway, "api/api.toml");
    // And once more: it was not lost.
    again(&mut gateway, |gateway| gateway.write("gateway.toml", "[listen"));
    assert_fell_back(&mut gateway, "api/api.toml");
    let status = |gateway: &Gateway| {
        let (admin, state) = (gateway.admin_address().to_string(), gateway.state("").display().to_string());
        gateway.run(&["status", "--admin", &admin, "--state", &state])
    };
    status(&gateway).assert(
        3,
        &["generation 1 has been serving", "policy mark", "held", "Wrong in the folder", "gateway.toml:1: "],
    );
    // Put right, it is followed as always.
    let text = "[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [\"write:x-test-*\"]\n\
                [listen.public]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n";
    gateway.write("gateway.toml", text);
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    gateway.wait_for_generation(2);
    eventually("the change to serve", || (gateway.get("/two").status == 200).then_some(()));
    status(&gateway).assert(0, &["generation 2 has been serving"]);
}

#[test]
fn a_start_with_a_component_that_cannot_be_used_serves_what_served_last() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    again(&mut gateway, |gateway| gateway.replace("components/mark.wasm", b"\0asm, or so"));
    assert_fell_back(&mut gateway, "gateway.toml");
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    eventually("the new component", || (gateway.get("/one").field("x-test-version") == Some("b")).then_some(()));
    // What serves now is what is served next time.
    gateway.wait_for_generation(2);
    again(&mut gateway, |gateway| gateway.replace("components/mark.wasm", b"\0asm, or so"));
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("b"));
}

/// What is wrong is found late, when the sockets are open already, and they are wanted again for what served last.
#[test]
fn a_start_that_fails_while_it_builds_serves_what_served_last_where_it_was_served() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream);
    let root = folder.root().display().to_string();
    let listener =
        format!("{POLICY}[[chain]]\npolicy = \"mark\"\n[listen.local]\naddress = \"unix:$root/local.sock\"\n");
    let folder = folder.word("root", root).gateway_toml(&listener).api("api", &API.replace("chain = [\"mark\"]\n", ""));
    let mut gateway = folder.start();
    let component = guests::component("version-a");
    for broken in [b"\0asm, or so".as_slice(), &component[..component.len() / 2], b""] {
        again(&mut gateway, |gateway| gateway.replace("components/mark.wasm", broken));
        assert_fell_back(&mut gateway, "gateway.toml");
        assert!(UnixStream::connect(gateway.root().join("local.sock")).is_ok());
    }
    again(&mut gateway, |gateway| gateway.remove("components/mark.wasm"));
    assert_fell_back(&mut gateway, "gateway.toml");
    gateway.replace("components/mark.wasm", &component);
    eventually("the folder to be right", || gateway.status()["refused"].is_null().then_some(()));
}

#[test]
fn a_start_without_its_folder_or_with_an_empty_one_serves_what_served_last() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    let away = gateway.root().join("away");
    again(&mut gateway, |gateway| fs::rename(gateway.policies(), &away).unwrap());
    assert_fell_back(&mut gateway, "policies");
    again(&mut gateway, |gateway| fs::create_dir(gateway.policies()).unwrap());
    assert_fell_back(&mut gateway, "gateway.toml");
    gateway.admin(&Request::get("/readyz")).assert_status(200);
    fs::remove_dir(gateway.policies()).unwrap();
    fs::rename(away, gateway.policies()).unwrap();
    eventually("the folder to be found", || gateway.status()["refused"].is_null().then_some(()));
}

#[test]
fn nothing_is_served_that_is_damaged_or_was_good_in_another_folder() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    gateway.terminate();
    gateway.wait_for_end();
    gateway.run(&["run", "nowhere"]).assert(1, &["nowhere", "cannot be read"]);
    gateway.write("api/api.toml", "name = ");
    for entry in fs::read_dir(gateway.state("good")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "manifest.json" {
            let bytes = [fs::read(&path).unwrap(), b"\n".to_vec()].concat();
            fs::write(path, bytes).unwrap();
        }
    }
    gateway.start_in_vain(&["api/api.toml:1:", "is damaged"]);
}

#[test]
fn what_served_first_and_was_faulty_was_never_good() {
    let upstream = Upstream::echo();
    let folder = folder(&upstream).api("bad", "name = ");
    folder.run(&["run"]).assert(1, &["bad/api.toml:1:"]);
    assert!(!folder.state("good").exists());
}

#[test]
fn whoever_asks_hears_that_what_serves_is_not_kept_for_the_next_start() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    gateway.verb(&["status"]).assert(0, &[]);
    let kept = gateway.state("good");
    fs::remove_dir_all(&kept).unwrap();
    fs::write(&kept, "no folder").unwrap();
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    gateway.look();
    gateway.get("/two").assert_status(200);
    gateway.verb(&["status"]).assert(3, &["A start would not serve this", "cannot be written"]);
    fs::remove_file(&kept).unwrap();
    gateway.look();
    gateway.verb(&["status"]).assert(0, &[]);
}

#[test]
fn whoever_asks_hears_that_a_component_is_being_built_and_names_what_to_go_back_to() {
    let upstream = Upstream::echo();
    // It is given up after a second of CPU time at the lowest priority, during which there is somebody to ask.
    let slow = format!("{POLICY}limits = {{ cpu = \"1s\", wall = \"1m\" }}\n");
    let gateway = folder(&upstream).gateway_toml(&slow).start();
    assert!(gateway.status()["building_since"].is_null());
    gateway.replace("components/mark.wasm", &guests::component("loop-configure"));
    eventually("the build", || gateway.status()["building_since"].as_u64());
    gateway.wait_for_log("the build", |line| (line["message"] == "building a component").then_some(()));
    gateway
        .verb(&["rollback"])
        .assert(1, &["a change of the folder is being built", "`lockgate rollback 1` for what serves now"]);
    gateway.wait_for_refusal();
    eventually("its end", || gateway.status()["building_since"].is_null().then_some(()));
}
