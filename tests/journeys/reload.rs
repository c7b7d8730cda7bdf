//! Changes under `policies/` take effect while the gateway runs; faults leave everything as it was and are seen.

use lockgate_tests::{Gateway, Request, Upstream, eventually, guests};

/// One API of one route, whose path is `$path`.
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

const GATEWAY: &str = r#"
[policy.mark]
source = "file:components/mark.wasm"
grant = ["write:x-test-*"]
"#;

fn gateway(upstream: &Upstream) -> Gateway {
    Gateway::folder()
        .upstream(upstream)
        .file("components/mark.wasm", guests::component("version-a"))
        .gateway_toml(GATEWAY)
        .api("api", API)
        .start()
}

/// Wait until GET on a path has this status. Workers take up a generation one after the other.
fn becomes(gateway: &Gateway, path: &str, status: u16) {
    let what = format!("{path} to answer {status}");
    eventually(&what, || (gateway.get(path).status == status).then_some(()));
}

#[test]
fn an_edited_file_takes_effect() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.get("/two").assert_problem(404);
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    gateway.wait_for_generation(2);
    becomes(&gateway, "/two", 200);
    becomes(&gateway, "/one", 404);
    assert_eq!(gateway.metric("lockgate_generation"), Some(2.0));
    assert_eq!(gateway.metric("lockgate_reloads_total{outcome=\"applied\"}"), Some(1.0));
}

#[test]
fn a_hangup_ends_nothing_and_has_the_folder_looked_at() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.signal(rustix::process::Signal::HUP);
    gateway.wait_for_log("a look at the folder", |line| line["message"].as_str()?.starts_with("SIGHUP").then_some(()));
    gateway.get("/one").assert_status(200);
}

#[test]
fn a_file_written_in_place_takes_effect() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let text = API.replace("/one", "/two").replace("$upstream", &upstream.address().to_string());
    std::fs::write(gateway.policies().join("api/api.toml"), text).unwrap();
    becomes(&gateway, "/two", 200);
}

#[test]
fn an_added_api_is_served_and_a_deleted_one_is_not() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let other = API.replace("\"api\"", "\"other\"").replace("/one", "/other");
    gateway.write("other/api.toml", &other);
    becomes(&gateway, "/other", 200);
    gateway.get("/one").assert_status(200);
    gateway.remove("other");
    becomes(&gateway, "/other", 404);
    gateway.get("/one").assert_status(200);
}

#[test]
fn a_replaced_component_takes_effect() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    gateway.wait_for_generation(2);
    eventually("the new component to answer", || {
        (gateway.get("/one").field("x-test-version") == Some("b")).then_some(())
    });
    // And back: what was compiled before is known.
    gateway.replace("components/mark.wasm", &guests::component("version-a"));
    eventually("the old component to answer", || {
        (gateway.get("/one").field("x-test-version") == Some("a")).then_some(())
    });
}

#[test]
fn files_that_mean_nothing_change_nothing() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.write("notes.txt", "hello");
    gateway.write("api/docs/readme.md", "hello");
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    becomes(&gateway, "/two", 200);
    // One worker serves it; the number is told when all do.
    gateway.wait_for_generation(2);
    let status = gateway.status();
    assert!(status["refused"].is_null());
    assert_eq!(status["generation"], 2, "one change that matters, one new generation");
}

#[test]
fn a_fault_that_is_taken_back_is_forgotten() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.write("api/api.toml", "name = ");
    gateway.wait_for_refusal();
    gateway.write("api/api.toml", API);
    eventually("the refusal to be forgotten", || gateway.status()["refused"].is_null().then_some(()));
    gateway.wait_for_log("the end of it", |line| line["message"].as_str()?.contains("taken back").then_some(()));
    assert_eq!(gateway.status()["generation"], 1, "what serves is what is there");
    gateway.get("/one").assert_status(200);
}

#[test]
fn a_fault_leaves_everything_as_it_was_and_is_seen() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.write("api/api.toml", &API.replace("path = \"/one\"", "path = 3"));
    let refused = gateway.wait_for_refusal();
    let fault = &refused["faults"][0];
    assert_eq!(fault["file"], "api/api.toml");
    assert_eq!(fault["key"], "route[0].match.path");
    assert_eq!(fault["line"], 9);
    for part in ["reason", "advice"] {
        assert!(fault[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {fault}");
    }
    let logged =
        gateway.wait_for_log("the fault", |line| line["message"].as_str()?.contains("refused").then(|| line.clone()));
    assert_eq!((&logged["file"], &logged["line"]), (&fault["file"], &fault["line"]));
    assert_eq!(gateway.metric("lockgate_reloads_total{outcome=\"rejected\"}"), Some(1.0));
    assert_eq!(gateway.metric("lockgate_generation"), Some(1.0));
    assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"));

    // Putting it right takes effect, and nothing is refused any more.
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    becomes(&gateway, "/two", 200);
    gateway.wait_for_generation(2);
    assert!(gateway.status()["refused"].is_null());
}

#[test]
fn a_component_that_cannot_be_used_leaves_the_old_one_serving() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("half of a component", guests::component("version-b")[..5000].to_vec(), "cannot be used"),
        ("an empty file", Vec::new(), "cannot be used"),
        ("one that needs more than was granted", guests::component("gate"), "read:x-test-break"),
        ("one that never finishes its configuration", guests::component("loop-configure"), "configure"),
    ];
    for (rejected, (what, bytes, reason)) in (1..).zip(cases) {
        gateway.replace("components/mark.wasm", &bytes);
        let outcome = "lockgate_reloads_total{outcome=\"rejected\"}";
        eventually(what, || (gateway.metric(outcome) == Some(f64::from(rejected))).then_some(()));
        assert_eq!(gateway.get("/one").field("x-test-version"), Some("a"), "{what}");
        let refused = gateway.wait_for_refusal();
        assert!(refused.to_string().contains(reason), "{what}: {refused}");
    }
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    gateway.wait_for_generation(2);
}

#[test]
fn what_is_read_once_cannot_change_while_the_gateway_runs_and_it_says_so() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let text = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &format!("[runtime]\nworkers = 3\n{text}"));
    let refused = gateway.wait_for_refusal();
    let advice = refused["faults"][0]["advice"].as_str().unwrap();
    assert!(advice.contains("restart"), "{refused}");
    gateway.get("/one").assert_status(200);
}

#[test]
fn a_missing_folder_is_no_reason_to_stop() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    gateway.remove("gateway.toml");
    gateway.wait_for_refusal();
    gateway.get("/one").assert_status(200);
    let text = format!("{GATEWAY}[listen.public]\naddress = \"127.0.0.1:0\"\n[admin]\naddress = \"127.0.0.1:0\"\n");
    gateway.write("gateway.toml", &text);
    gateway.write("api/api.toml", &API.replace("/one", "/two"));
    becomes(&gateway, "/two", 200);
}

#[test]
fn a_request_under_way_ends_as_it_began() {
    let upstream = Upstream::with(|exchange| {
        let version = exchange.field("x-test-version").unwrap_or_default().to_owned();
        // The client sends the rest of its body when the other version serves.
        exchange.body()?;
        exchange.reply(200, &[], version.as_bytes())
    });
    let gateway = gateway(&upstream);
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/one").field("content-length", "1")).unwrap();
    upstream.wait_for_requests(1);
    gateway.replace("components/mark.wasm", &guests::component("version-b"));
    gateway.wait_for_generation(2);
    eventually("the new component to answer", || {
        (gateway.get("/one").field("x-test-version") == Some("b")).then_some(())
    });
    client.write(b"x");
    let response = client.receive("POST").unwrap();
    assert_eq!(response.text(), "a");
    assert_eq!(response.field("x-test-version"), Some("a"));
    assert_eq!(response.field("x-test-mixed"), None);
    // The same connection meets the new version with its next request.
    let response = client.send(&Request::get("/one"));
    assert_eq!((response.text().as_str(), response.field("x-test-version")), ("b", Some("b")));
}

#[test]
fn a_folder_that_takes_the_place_of_the_old_one_is_served_and_followed() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let (serving, next) = (gateway.policies(), gateway.root().join("next"));
    std::fs::create_dir_all(next.join("api")).unwrap();
    std::fs::create_dir_all(next.join("components")).unwrap();
    for file in ["gateway.toml", "components/mark.wasm"] {
        std::fs::copy(serving.join(file), next.join(file)).unwrap();
    }
    let api = |path: &str| API.replace("/one", path).replace("$upstream", &upstream.address().to_string());
    std::fs::write(next.join("api/api.toml"), api("/two")).unwrap();
    std::fs::rename(&serving, gateway.root().join("old")).unwrap();
    std::fs::rename(&next, &serving).unwrap();
    becomes(&gateway, "/two", 200);
    // What changes there now is noticed like any change.
    gateway.write("api/api.toml", &api("/three"));
    becomes(&gateway, "/three", 200);
    std::fs::write(gateway.root().join("old/api/api.toml"), api("/four")).unwrap();
    gateway.write("api/api.toml", &api("/five"));
    becomes(&gateway, "/five", 200);
    gateway.get("/four").assert_status(404);
}

#[test]
fn a_folder_that_could_not_be_read_is_forgotten_when_it_can_and_said_once() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let (outside, link) = (gateway.root().join("outside"), gateway.policies().join("link"));
    std::fs::write(&outside, "x").unwrap();
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    gateway.wait_for_refusal();
    gateway.write("notes.txt", "hello");
    std::fs::remove_file(&link).unwrap();
    eventually("the refusal to be forgotten", || gateway.status()["refused"].is_null().then_some(()));
    assert_eq!(gateway.metric("lockgate_reloads_total{outcome=\"rejected\"}"), Some(1.0));
    assert_eq!(gateway.status()["generation"], 1, "what serves is what is there");
    assert_eq!(gateway.all_written().matches("leads out of the policies folder").count(), 1);
}

#[test]
fn what_a_change_lacked_outside_of_the_folder_is_looked_for_again() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let keys = "[secret.mac]\nfile = \"mac\"\n[keys.mac]\nhmac = \"secret:mac\"\nalgorithm = \"HS256\"\n";
    let text = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &format!("{keys}{text}"));
    let refused = gateway.wait_for_refusal();
    assert!(refused.to_string().contains("secret `mac` cannot be read"), "{refused}");
    std::fs::write(gateway.root().join("mac"), "a-long-enough-secret-for-hs256-000000").unwrap();
    gateway.wait_for_generation(2);
    assert!(gateway.status()["refused"].is_null());
    // And a secret that changes is a change.
    std::fs::write(gateway.root().join("mac"), "another-long-enough-secret-for-hs256-00").unwrap();
    gateway.wait_for_generation(3);
}

#[test]
fn the_data_of_an_api_goes_with_it_and_a_refused_change_takes_none() {
    let upstream = Upstream::echo();
    let api = |name: &str| API.replace("api", name).replace("/one", &format!("/{name}")).replace("mark", "counter");
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("counter")
        .gateway_toml(
            "[policy.counter]\nsource = \"file:components/counter.wasm\"\n\
             grant = [\"store:hits:write\", \"write:x-test-hits\"]\n",
        )
        .api("a", &api("a"))
        .api("b", &api("b"))
        .start();
    let hits = |path: &str| gateway.get(path).field("x-test-hits").unwrap_or_default().to_owned();
    assert_eq!([hits("/a"), hits("/b")], ["1", "1"]);
    gateway.remove("b");
    gateway.wait_for_generation(2);
    gateway.write("a/api.toml", "name = ");
    gateway.wait_for_refusal();
    assert_eq!(hits("/a"), "2");
    gateway.write("a/api.toml", &api("a"));
    gateway.write("b/api.toml", &api("b"));
    gateway.wait_for_generation(3);
    let first = eventually("/b to be back", || gateway.get("/b").field("x-test-hits").map(str::to_owned));
    assert_eq!((first.as_str(), hits("/a").as_str()), ("1", "3"));
}
