//! A new component that uses more of a wildcard than the one before serves only once the operator has named it, or what it uses.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use lockgate_tests::{Gateway, Upstream, eventually, guests};

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

const GRANT: &str = r#""read:*", "write:x-test-*""#;

/// `gateway.toml` whose policy is granted this, and more of its keys.
fn policy(grant: &str, more: &str) -> String {
    format!("[policy.mark]\nsource = \"file:components/mark.wasm\"\ngrant = [{grant}]\n{more}\n")
}

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(&policy(GRANT, ""))
        .api("api", API)
        .start()
}

/// What the operator writes later keeps the listeners of the first time.
fn write(gateway: &Gateway, policy: &str) {
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let (_, ports) = text.split_once("[listen.").unwrap();
    gateway.write("gateway.toml", &format!("{policy}[listen.{ports}"));
}

/// Put the component there that reads more, and return the fault it is refused with.
fn refused(gateway: &Gateway) -> serde_json::Value {
    gateway.replace("components/mark.wasm", &guests::component("version-wide"));
    gateway.wait_for_refusal()["faults"][0].take()
}

/// The digest a fault advises to accept.
fn advised(fault: &serde_json::Value) -> String {
    let advice = fault["advice"].as_str().unwrap();
    let at = advice.find("sha256:").unwrap();
    advice[at..at + "sha256:".len() + 64].to_owned()
}

fn serves(gateway: &Gateway, version: &str) {
    eventually(&format!("{version} to serve"), || {
        (gateway.get("/one").field("x-test-version") == Some(version)).then_some(())
    });
}

#[test]
fn a_new_component_that_uses_more_of_a_wildcard_is_refused_with_the_names() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let told = gateway.wait_for_log("what was taken as accepted", |line| {
        line["message"].as_str()?.contains("taken as accepted").then(|| line.clone())
    });
    assert_eq!(told["policy"], "mark");
    let fault = refused(&gateway);
    assert_eq!((&fault["file"], &fault["key"]), (&"gateway.toml".into(), &"policy.mark".into()));
    assert_eq!(fault["line"], 1);
    let reason = fault["reason"].as_str().unwrap();
    assert!(reason.contains("\"read:x-test-secret\""), "{fault}");
    assert!(!reason.contains("x-test-version"), "what was used before is not told: {fault}");
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"), "the one before serves");
    // Another component that uses no more is no question.
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    serves(&gateway, "b");
}

#[test]
fn a_digest_that_is_accepted_by_name_serves_and_so_does_what_served_before() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let digest = advised(&refused(&gateway));
    write(&gateway, &policy(GRANT, &format!("accept = [\"{digest}\"]")));
    serves(&gateway, "w");
    gateway.replace("components/mark.wasm", &guests::component("version-a"));
    serves(&gateway, "a");
    // What served is known, also when nothing says so any more.
    write(&gateway, &policy(GRANT, ""));
    gateway.replace("components/mark.wasm", &guests::component("version-wide"));
    serves(&gateway, "w");
}

#[test]
fn a_name_that_is_granted_beside_the_wildcard_is_accepted() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    refused(&gateway);
    write(&gateway, &policy(&format!("{GRANT}, \"read:x-test-secret\""), ""));
    serves(&gateway, "w");
}

#[test]
fn a_digest_of_another_component_accepts_nothing() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(&policy(GRANT, &format!("accept = [\"sha256:{}\"]", "0".repeat(64))))
        .api("api", API)
        .start();
    assert!(refused(&gateway).to_string().contains("read:x-test-secret"));
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
}

#[test]
fn what_was_accepted_is_known_after_a_restart() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let kept = gateway.state("accepted.json");
    assert_eq!(fs::metadata(&kept).unwrap().permissions().mode() & 0o777, 0o600);
    gateway.terminate();
    gateway.wait_for_end();
    // Exchanged while nothing served.
    gateway.replace("components/mark.wasm", &guests::component("version-wide"));
    gateway.start_again();
    let refused_at_start = gateway.wait_for_refusal().to_string();
    assert!(refused_at_start.contains("read:x-test-secret") && refused_at_start.contains("accept = "));
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"), "the one that served before does again");
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    serves(&gateway, "b");
    refused(&gateway);
}

#[test]
fn without_a_record_that_can_be_read_the_first_component_is_accepted_and_the_log_says_so() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    gateway.terminate();
    gateway.wait_for_end();
    fs::write(gateway.state("accepted.json"), "{").unwrap();
    gateway.replace("components/mark.wasm", &guests::component("version-wide"));
    gateway.start_again();
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("w"));
    gateway.wait_for_log("the record that was lost", |line| {
        line["message"].as_str()?.contains("cannot be read").then_some(())
    });
    let kept: serde_json::Value = serde_json::from_slice(&fs::read(gateway.state("accepted.json")).unwrap()).unwrap();
    assert!(kept["mark"][0]["names"].to_string().contains("read:x-test-secret"), "{kept}");
}

#[test]
fn a_configuration_that_makes_the_same_component_use_more_is_the_word_of_who_wrote_it() {
    let upstream = Upstream::echo();
    let with = |name: &str| {
        let chain =
            format!("chain = [{{ policy = \"mark\", config = {{ request = \"{name}\", response = \"x-test-b\" }} }}]");
        API.replace("chain = [\"mark\"]", &chain)
    };
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .file("components/mark.wasm", guests::component("set-one"))
        .gateway_toml(&policy("\"read::path\", \"read::status\", \"write:x-test-*\"", ""))
        .api("api", &with("x-test-a"))
        .start();
    gateway.write("api/api.toml", &with("x-test-other"));
    eventually("the other field", || (gateway.get("/one").echoed("x-test-other").concat() == "one").then_some(()));
}

#[test]
fn a_check_has_nothing_to_compare_with() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    refused(&gateway);
    gateway.run(&["check"]).assert(0, &["is right"]);
}
