//! `lockgate audit`: what policies may see and do, for people, programs and browsers, and what widened since.

mod changes;

use std::fs;

use lockgate_tests::{Finished, Folder, Gateway, browser};
use serde_json::{Value, json};

const GATEWAY: &str = r#"
[policy.mark]
source = "file:components/version-a.wasm"
grant = ["read:*", "write:x-test-*"]
[policy.guard]
source = "builtin:body-guard"
grant = ["body:request:inspect", "read:content-length", "respond"]
[policy.ask]
source = "file:components/ask.wasm"
grant = ["read:x-test-*", "write:x-test-heard", "egress:idp"]
[policy.idle]
source = "builtin:cors"
grant = ["respond"]
[egress.idp]
url = "https://idp.example.com/v1"
paths = ["/token", "/keys/*"]
methods = ["GET", "POST"]
[[chain]]
policy = "mark"
"#;

const API: &str = r#"
name = "api"
version = "1"
[upstream.main]
targets = ["http://127.0.0.1:9"]
[[route]]
name = "one"
match = { path = "/one" }
upstream = "main"
[[route.chain]]
policy = "guard"
on_error = "skip"
config = { max_bytes = "16KiB" }
[[route]]
name = "two"
match = { path = "/two" }
upstream = "main"
"#;

fn folder() -> Folder {
    Gateway::folder().guest("version-a").guest("version-wide").guest("ask").gateway_toml(GATEWAY).api("api", API)
}

fn audit(folder: &Folder) -> Value {
    let finished = folder.run(&["audit", "--json"]);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    serde_json::from_str(&finished.stdout).unwrap()
}

/// What widened, narrowed and changed between what was kept and what is there, one text for each of them.
fn diff(folder: &Folder, code: i32) -> [String; 3] {
    let Finished { code: ended, stdout, stderr } = folder.run(&["audit", "--diff", "old.json", "--json"]);
    assert_eq!(ended, Some(code), "{stdout}{stderr}");
    let diff: Value = serde_json::from_str(&stdout).unwrap();
    ["widened", "narrowed", "changed"].map(|way| {
        let changes = diff[way].as_array().unwrap().iter();
        let lines = changes.map(|change| {
            let routes: Vec<_> = change["routes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let policy = change["policy"].as_str().unwrap_or("-");
            format!("{policy}: {} ({})\n", change["what"].as_str().unwrap(), routes.join(", "))
        });
        lines.collect()
    })
}

/// Keep the audit of what is there, to compare with.
fn keep(folder: &Folder) {
    fs::write(folder.root().join("old.json"), folder.run(&["audit", "--json"]).stdout).unwrap();
}

#[test]
fn an_audit_says_what_each_policy_may_do() {
    let folder = folder();
    let audit = audit(&folder);
    let used = |id: &str| audit["uses"].as_array().unwrap().iter().find(|used| used["id"] == id).unwrap().clone();
    let mark = used("mark");
    assert_eq!(mark["source"], "file:components/version-a.wasm");
    assert!(mark["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(mark["changes"]["request"], json!(["x-test-version"]));
    assert_eq!(mark["spare"], json!(["read:*"]), "what is granted and not used");
    assert_eq!((&mark["isolation"]["mode"], &mark["isolation"]["from"]), (&json!("request"), &json!("image")));
    let guard = used("guard");
    let expected = json!({
        "access": "inspect", "mode": "pieces", "max_bytes": 16384,
        "content_types": guard["bodies"]["request"]["content_types"], "others": "refuse",
    });
    assert_eq!(guard["bodies"]["request"], expected);
    assert_eq!((&guard["isolation"]["mode"], &guard["responds"]), (&json!("pooled"), &json!(true)));
    assert_eq!(audit["skips"], json!([{ "api": "api", "route": "one", "position": 2, "use": "guard" }]));
    let unused: Vec<_> = audit["unused"].as_array().unwrap().iter().map(|unused| &unused["policy"]).collect();
    assert_eq!(unused, ["ask", "idle"]);
    let routes = audit["routes"].as_array().unwrap();
    assert_eq!(routes.last().unwrap()["chain"], json!([{ "use": "mark", "on_error": "reject" }]), "unmatched requests");
}

#[test]
fn an_audit_calls_pooled_what_is_pooled_whatever_it_is_granted_besides() {
    let folder = folder();
    let with = |grant: &str| {
        let declared = "isolation = \"pooled\"\ngrant = [\"read:*\", ";
        let text = GATEWAY.replace("grant = [\"read:*\", ", &format!("{declared}{grant}"));
        folder.write("gateway.toml", &format!("{text}[listen.public]\naddress = \"127.0.0.1:0\"\n"));
        audit(&folder)["uses"].as_array().unwrap().iter().find(|used| used["id"] == "mark").unwrap().clone()
    };
    assert_eq!(with("")["isolation"], json!({ "mode": "pooled", "from": "component", "because": null }));
    let spare = with("\"egress:idp\", ");
    assert_eq!(spare["spare"], json!(["read:*", "egress:idp"]));
    assert_eq!(spare["isolation"]["mode"], "pooled", "it asks nobody, so that its instances are kept");
}

#[test]
fn what_waits_for_services_is_fresh_though_it_is_declared_as_pooled() {
    let folder = folder();
    let text = GATEWAY.replace("[policy.ask]", "[policy.ask]\nisolation = \"pooled\"");
    folder.write(
        "gateway.toml",
        &format!("{text}[[chain]]\npolicy = \"ask\"\n[listen.public]\naddress = \"127.0.0.1:0\"\n"),
    );
    folder.run(&["audit"]).assert(0, &["request: each call has a fresh instance", "pooled, but calls that may wait"]);
}

#[test]
fn a_route_of_several_hosts_is_one_route() {
    let folder = folder();
    folder.write("api/api.toml", &API.replace("[upstream.main]", "hosts = [\"a.test\", \"b.test\"]\n[upstream.main]"));
    let report = audit(&folder);
    assert_eq!(report["skips"].as_array().unwrap().len(), 1, "{}", report["skips"]);
    assert_eq!(report["routes"].as_array().unwrap().len(), 5, "a line for each host");
    folder.run(&["audit", "--html"]).assert(0, &["<b>2</b> <span>routes</span>", "<dd>api/one</dd>"]);
}

#[test]
fn an_audit_of_the_same_folder_is_the_same() {
    assert_eq!(audit(&folder()), audit(&folder()));
}

#[test]
fn services_are_told_with_all_that_may_be_asked_of_them() {
    let folder = folder();
    folder.write("api/api.toml", &API.replace("[upstream.main]", "chain = [\"ask\"]\n[upstream.main]"));
    folder
        .run(&["audit"])
        .assert(0, &["idp: GET, POST https://idp.example.com:443/v1, below it /token, /keys/*; public addresses only"]);
    assert_eq!(audit(&folder)["services"][0]["asked_by"], json!(["ask"]));
}

#[test]
fn people_read_each_policy_once_and_every_skip_at_the_end() {
    let finished = folder().run(&["audit"]);
    finished
        .assert(0, &["may change    of requests: x-test-version", "SKIPPED WHEN THEY FAIL: 1", "  idle  builtin:cors"]);
    assert_eq!(finished.stdout.matches("the policy mark,").count(), 1, "{}", finished.stdout);
    assert!(finished.stdout.trim_end().ends_with("api/one  guard (position 2)"), "{}", finished.stdout);
}

#[test]
fn a_policy_that_apis_use_in_different_ways_is_told_for_each() {
    let folder = folder();
    let more = "[[route.chain]]\npolicy = \"guard\"\nconfig = { max_bytes = \"1KiB\" }\n";
    folder.write("api/api.toml", &format!("{API}{more}"));
    folder
        .run(&["audit"])
        .assert(0, &["guard@api#1", "guard@api#2", "in pieces, up to 16 KiB", "in pieces, up to 1 KiB"]);
}

#[test]
fn what_is_the_same_widened_and_narrowed_nothing() {
    let folder = folder();
    keep(&folder);
    assert_eq!(diff(&folder, 0), ["", "", ""].map(str::to_owned));
    folder.run(&["audit", "--diff", "old.json"]).assert(0, &["WIDENED: nothing\nNARROWED: nothing\nCHANGED: nothing"]);
}

#[test]
fn a_component_that_reads_more_widens_and_going_back_narrows() {
    let folder = folder();
    keep(&folder);
    let text = fs::read_to_string(folder.policies().join("gateway.toml")).unwrap();
    folder.write("gateway.toml", &text.replace("version-a", "version-wide"));
    let [widened, _, changed] = diff(&folder, 3);
    assert!(
        widened.contains("mark: reads of requests `x-test-secret` (api/one, api/two, unmatched requests)"),
        "{widened}"
    );
    assert!(changed.contains("has another component"), "{changed}");
    folder.run(&["audit", "--diff", "old.json"]).assert(3, &["WIDENED: 1\n  mark reads of requests `x-test-secret`"]);
    keep(&folder);
    folder.write("gateway.toml", &text);
    let [widened, narrowed, _] = diff(&folder, 3);
    assert!(narrowed.contains("no more: reads of requests `x-test-secret`"), "{narrowed}");
    assert_eq!(widened, "mark: changes of responses `x-test-mixed` (api/one, api/two, unmatched requests)\n");
}

#[test]
fn what_is_no_audit_is_not_compared_with() {
    let folder = folder();
    let with = |text: &str, said: &str| {
        fs::write(folder.root().join("old.json"), text).unwrap();
        folder.run(&["audit", "--diff", "old.json"]).assert(1, &["old.json", said]);
    };
    with("", "is no JSON");
    with("[]", "is no audit");
    with("{\"format\": 99}", "has the format 99");
    with("{\"format\": 1}", "is no whole audit");
    let kept = folder.run(&["audit", "--json"]).stdout;
    with(&kept.replace("version-a", "version-b"), "does not fit its `digest`");
    folder.run(&["audit", "--diff", "absent.json"]).assert(1, &["absent.json", "cannot be read"]);
    folder.run(&["audit", "--diff", "-"]).assert(1, &["standard input"]);
    folder.run(&["audit", "--html", "--json"]).assert(2, &["cannot be used with"]);
}

#[test]
fn a_folder_with_faults_has_no_audit() {
    let folder = folder();
    folder.write("api/api.toml", &API.replace("/one", "one"));
    folder.run(&["audit"]).assert(1, &["api/api.toml:8: route[0].match.path"]);
    let finished = folder.run(&["audit", "--json"]);
    let said: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!((finished.code, &said["ok"], &said["faults"][0]["line"]), (Some(1), &json!(false), &json!(8)));
}

#[test]
fn a_browser_shows_the_page_without_a_complaint_and_takes_no_text_for_markup() {
    let folder = folder();
    let hostile =
        "[[chain]]\npolicy = \"headers\"\n[chain.config.response.set]\nx-note = \"<script>alert(1)</script>\"\n";
    let declared = "[policy.headers]\nsource = \"builtin:headers\"\ngrant = [\"write:x-note\"]\n";
    let text = fs::read_to_string(folder.policies().join("gateway.toml")).unwrap();
    folder.write("gateway.toml", &format!("{declared}{hostile}{text}"));
    folder.run(&["audit", "--html", "--out", "audit.html"]).assert(0, &[]);
    let page = fs::read_to_string(folder.root().join("audit.html")).unwrap();
    assert_eq!(folder.run(&["audit", "--html"]).stdout, page);
    for outside in ["src=", "href=\"http", "url(", "@import", "<script"] {
        assert!(!page.contains(outside), "the page needs nothing else: {outside}");
    }
    let shown = browser::show(&folder.root().join("audit.html"));
    assert_eq!(shown.complaints, [""; 0]);
    assert!(!shown.document.contains("<script"), "text became markup");
    assert!(shown.document.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    for seen in ["api/one", "<b>SKIP</b>", "of requests: x-test-version", "Declared and not used", "Reviewer"] {
        assert!(shown.document.contains(seen), "{seen} is not shown");
    }
    assert!(shown.document.contains(audit(&folder)["digest"].as_str().unwrap()), "what is signed");
}

#[test]
fn the_browser_would_complain() {
    let folder = Gateway::folder();
    let page = folder.root().join("page.html");
    fs::write(&page, "<!DOCTYPE html><title>x</title><script>console.error('broken')</script>").unwrap();
    assert!(browser::show(&page).complaints.iter().any(|line| line.contains("broken")));
}
