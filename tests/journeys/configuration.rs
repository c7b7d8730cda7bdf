//! Configurations with faults: each named by file, line, key, reason and advice, all of them at once, and nothing starts.

use lockgate_tests::{Folder, Gateway};

/// An API that is right, to be made wrong.
const API: &str = r#"name = "api"
version = "1"
[upstream.main]
targets = ["http://127.0.0.1:9"]
[[route]]
name = "all"
match = { path = "/all" }
upstream = "main"
"#;

fn folder(gateway: &str, api: &str) -> Folder {
    Gateway::folder().gateway_toml(gateway).api("api", api)
}

#[test]
fn a_right_configuration_is_right() {
    let checked = folder("", API).run(&["check"]);
    checked.assert(0, &["/all", "api/all", "main"]);
}

#[test]
fn each_fault_is_named_by_place_reason_and_advice() {
    let headers = "[policy.headers]\nsource = \"builtin:headers\"\n";
    let use_headers =
        |text: &str| API.replace("upstream = \"main\"\n", &format!("upstream = \"main\"\nchain = [{text}]\n"));
    let set = "{ policy = \"headers\", config = { request = { set = { x-test-a = \"1\" } } } }";
    let route = "[[route]]\nname = \"twin\"\nmatch = { path = \"/all\" }\nupstream = \"main\"\n";
    let cases: Vec<(&str, &str, String, &[&str])> = vec![
        (
            "unknown key",
            "",
            API.replace("upstream = \"main\"\n", "upstraem = \"main\"\n"),
            &["api/api.toml:8: route[0].upstraem", "`upstream`"],
        ),
        ("wrong type", "", API.replace("version = \"1\"", "version = 1"), &["api/api.toml:2: version", "string"]),
        ("not TOML", "", "name = ".into(), &["api/api.toml:1", "TOML"]),
        ("duplicate route", "", format!("{API}{route}"), &["api/api.toml:9: route[1]", "`all`"]),
        ("unknown policy", "", use_headers("\"nobody\""), &["api/api.toml:9: route[0].chain[0]", "nobody"]),
        (
            "unknown upstream",
            "",
            API.replace("upstream = \"main\"", "upstream = \"mian\""),
            &["api/api.toml:8: route[0].upstream", "mian"],
        ),
        (
            "unknown built-in",
            "[policy.x]\nsource = \"builtin:haeders\"\n",
            API.into(),
            &["gateway.toml:2: policy.x.source", "`builtin:headers`"],
        ),
        (
            "missing file",
            "[policy.x]\nsource = \"file:gone.wasm\"\n",
            API.into(),
            &["gateway.toml:2: policy.x.source", "no file"],
        ),
        ("file outside", "[policy.x]\nsource = \"file:../x.wasm\"\n", API.into(), &["gateway.toml:2: policy.x.source"]),
        ("missing grant", headers, use_headers(set), &["gateway.toml", "policy.headers", "write:x-test-a"]),
        (
            "bad policy configuration",
            headers,
            use_headers("{ policy = \"headers\", config = { reqest = {} } }"),
            &["api/api.toml:9: route[0].chain[0].config", "reqest"],
        ),
        (
            "grant in an API",
            "",
            use_headers("{ policy = \"headers\", grant = [\"write:*\"] }"),
            &["api/api.toml:9", "gateway.toml"],
        ),
        (
            "bad grant",
            "[policy.x]\nsource = \"builtin:headers\"\ngrant = [\"wirte:*\"]\n",
            API.into(),
            &["gateway.toml:3: policy.x.grant[0]"],
        ),
        ("literal secret", "[secret.x]\nvalue = \"hunter2\"\n", API.into(), &["gateway.toml:2: secret.x"]),
        (
            "literal key",
            "[keys.x]\nhmac = \"hunter2\"\nalgorithm = \"HS256\"\n",
            API.into(),
            &["gateway.toml:2: keys.x.hmac", "secret:"],
        ),
        (
            "bad duration",
            "",
            API.replace("upstream = \"main\"\n", "upstream = \"main\"\ntimeout = \"5 parsecs\"\n"),
            &["api/api.toml:9: route[0].timeout"],
        ),
        (
            "metadata address",
            "",
            API.replace("127.0.0.1:9", "169.254.169.254"),
            &["api/api.toml:4: upstream.main.targets[0]"],
        ),
        (
            "no digest match",
            "[policy.x]\nsource = \"file:x.wasm\"\ndigest = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n",
            API.into(),
            &["gateway.toml", "policy.x"],
        ),
    ];
    let mut failed = Vec::new();
    for (what, gateway, api, said) in cases {
        let checked = folder(gateway, &api).file("x.wasm", b"\0asm").run(&["check"]);
        let stderr = &checked.stderr;
        let first = stderr.lines().next().unwrap_or_default();
        let all_said = said.iter().all(|text| stderr.contains(text));
        let advised = first.contains("; ");
        if checked.code != Some(1) || !all_said || !advised || stderr.contains("hunter2") {
            failed.push(format!("{what}: expected {said:?}, advice and no secret, got\n{stderr}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
fn all_faults_are_told_at_once() {
    let gateway = "[runtime]\nworkers = \"two\"\n[policy.x]\nsource = \"builtin:nothing\"\n[extra]\n";
    let api = API.replace("version = \"1\"", "version = 1").replace("name = \"all\"", "nmae = \"all\"");
    let folder = folder(gateway, &api);
    let expected = [
        "gateway.toml:2: runtime.workers",
        "gateway.toml:4: policy.x.source",
        "gateway.toml:5: extra",
        "api/api.toml:2: version",
        "api/api.toml:6: route[0].nmae",
    ];
    folder.run(&["check"]).assert(1, &expected);
    folder.run(&["run"]).assert(1, &expected);
    folder.run(&["routes"]).assert(1, &expected);
    let json = folder.run(&["check", "--json"]);
    assert_eq!(json.code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON on standard output");
    assert_eq!(json["ok"], false);
    let faults = json["faults"].as_array().unwrap();
    assert!(faults.len() >= expected.len(), "{faults:?}");
    assert!(
        faults.iter().any(|fault| fault["file"] == "api/api.toml" && fault["line"] == 2 && fault["key"] == "version")
    );
}

/// What is written is right in all of these, so each is found by another step of building.
#[test]
fn all_that_building_finds_is_told_at_once() {
    let gateway = "[runtime]\nworkers = 256\n\
        [secret.mac]\nfile = \"no-such-file\"\n\
        [keys.mac]\nhmac = \"secret:mac\"\nalgorithm = \"HS256\"\n\
        [policy.headers]\nsource = \"builtin:headers\"\n\
        [policy.petstore]\nsource = \"builtin:petstore\"\n\
        [policy.pinned]\nsource = \"builtin:cors\"\n\
        digest = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n\
        [policy.broken]\nsource = \"file:broken.wasm\"\n";
    let uses: String = (0..9)
        .map(|n| format!("{{ policy = \"headers\", config = {{ request = {{ set = {{ x-{n} = \"1\" }} }} }} }},\n"))
        .collect();
    let more = "[[route]]\nname = \"twin\"\nmatch = { path = \"/all\" }\nresponder = \"petstore\"\n";
    let api = API.replace("version = \"1\"\n", &format!("version = \"1\"\nchain = [\n{uses}]\n"));
    let checked = folder(gateway, &format!("{api}{more}")).file("broken.wasm", b"nothing").run(&["check"]);
    checked.assert(
        1,
        &[
            "gateway.toml:1: runtime.workers: 256 workers",
            "gateway.toml:5: keys.mac: the file of secret `mac` cannot be read",
            "gateway.toml:8: policy.headers: the policy needs powers it is not granted: \"write:x-0\"",
            "gateway.toml:10: policy.petstore: the policy is named as responder in API `api` and not granted \"responder\"",
            "gateway.toml:10: policy.petstore: the policy needs powers",
            "gateway.toml:14: policy.pinned.digest: is not the digest",
            "gateway.toml:15: policy.broken: the component cannot be used",
            "api/api.toml:20: route[1]: `twin` matches the same requests as `all`",
        ],
    );
}

#[test]
fn two_apis_cannot_have_the_same_route() {
    let other = API.replace("name = \"api\"", "name = \"other\"");
    let checked = folder("", API).api("other", &other).run(&["check"]);
    checked.assert(1, &["other/api.toml:5: route[0]", "`api`"]);
}

#[test]
fn a_folder_that_is_not_there_is_said_to_be_missing() {
    let folder = folder("", API);
    folder.run(&["check", "elsewhere"]).assert(1, &["elsewhere"]);
    folder.run(&["run", "elsewhere"]).assert(1, &["elsewhere"]);
}

#[test]
fn a_secret_that_is_not_set_is_a_fault_that_names_the_variable() {
    let keys = "[secret.mac]\nenv = \"LOCKGATE_TEST_MAC\"\n[keys.mac]\nhmac = \"secret:mac\"\nalgorithm = \"HS256\"\n";
    folder(keys, API).run(&["check"]).assert(1, &["LOCKGATE_TEST_MAC"]);
    let set = folder(keys, API).variable("LOCKGATE_TEST_MAC", "a-long-enough-secret-for-hs256-000000");
    set.run(&["check"]).assert(0, &[]);
}

#[test]
fn a_link_that_leaves_the_folder_is_a_fault() {
    let folder = folder("[policy.x]\nsource = \"file:x.wasm\"\n", API);
    let outside = folder.root().join("outside.wasm");
    std::fs::write(&outside, b"\0asm").unwrap();
    std::os::unix::fs::symlink(&outside, folder.policies().join("x.wasm")).unwrap();
    folder.run(&["check"]).assert(1, &["x.wasm"]);
}
