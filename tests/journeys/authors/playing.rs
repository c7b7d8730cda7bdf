//! `policy test`: exchanges in files, played without a network, and compared with what is expected.

use std::fs;

use lockgate_tests::{Folder, Gateway, Request, Upstream, guests};
use serde_json::{Value, json};

fn with(guest: &str, exchanges: &str) -> Folder {
    let folder = Gateway::folder();
    fs::write(folder.root().join("x.wasm"), guests::component(guest)).unwrap();
    fs::write(folder.root().join("a.http"), exchanges).unwrap();
    folder
}

fn test(folder: &Folder, more: &[&str], code: i32) -> Value {
    super::json(folder, &[&["policy", "test", "x.wasm", "a.http", "--json"], more].concat(), code)
}

/// What came of the exchanges of the one file.
#[track_caller]
fn outcomes(report: &Value) -> Vec<&str> {
    let exchanges = report["files"][0]["exchanges"].as_array().unwrap();
    assert!(!exchanges.is_empty(), "{report}");
    exchanges.iter().map(|exchange| exchange["outcome"].as_str().unwrap()).collect()
}

fn states(report: &Value) -> Vec<&str> {
    let exchanges = report["files"][0]["exchanges"].as_array().unwrap();
    exchanges.iter().map(|exchange| exchange["state"].as_str().unwrap()).collect()
}

/// A part of what came of an exchange, `client` or `upstream`: its fields and its body.
fn part<'a>(outcome: &'a str, to: &str) -> &'a str {
    let begin = format!(">>> to {to}\n");
    let after = outcome.split_once(&begin).unwrap_or_else(|| panic!("nothing to the {to}: {outcome}")).1;
    after.split("\n>>> ").next().unwrap()
}

#[test]
fn what_comes_of_exchanges_is_written_into_their_file_and_expected_from_then_on() {
    let written = "# A gate.\n\n### It is open\nGET /a\n\n### It is closed\nPOST /b\nx-test-break: 403\n\nhello\n";
    let folder = with("gate", written);
    let plain = |more: &[&str]| folder.run(&[&["policy", "test", "x.wasm", "a.http"], more].concat());
    plain(&[]).assert(1, &["new", "It is open", ">>> to upstream", "x-test-gate: seen", "--update"]);
    assert_eq!(fs::read_to_string(folder.root().join("a.http")).unwrap(), written);
    plain(&["--update"]).assert(0, &["updated", "2 updated"]);
    let updated = fs::read_to_string(folder.root().join("a.http")).unwrap();
    assert!(updated.starts_with("# A gate.\n\n### It is open\nGET /a\n\n>>> verdict\nrequest: pass\n"), "{updated}");
    assert!(updated.contains("ended: policy_answer, by the policy\n\n>>> to client\n403 Forbidden\n"), "{updated}");

    plain(&[]).assert(0, &["ok", "2 as expected", "us CPU", "KiB", "host calls", "fresh, from an image"]);
    plain(&["--update"]).assert(0, &["2 as expected"]);
    assert_eq!(fs::read_to_string(folder.root().join("a.http")).unwrap(), updated);

    fs::write(folder.root().join("a.http"), updated.replace("403 Forbidden", "404 Not Found")).unwrap();
    let ended = plain(&[]);
    ended.assert(1, &["FAIL    It is closed", "- 404 Not Found", "+ 403 Forbidden", "1 as expected, 1 different"]);
    assert!(!ended.stdout.contains('\u{1b}'), "colours in a file: {ended:?}");
    assert_eq!(states(&test(&folder, &[], 1)), ["same", "different"]);
}

#[test]
fn what_is_played_is_what_a_gateway_does() {
    let cases: [(&str, &[(&str, &str)], &str); 6] = [
        ("gate", &[], ""),
        ("gate", &[("x-test-break", "451")], ""),
        ("trap-request", &[("x-test-break", "trap")], "hello"),
        ("shout", &[("content-type", "text/plain")], "hello"),
        ("loop-request", &[("x-test-break", "loop")], ""),
        ("wrong-edit", &[("x-test-break", "crlf")], "hello"),
    ];
    for (guest, fields, body) in cases {
        let head: String = fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let folder =
            with(guest, &format!("### x\nPOST /a?b\nhost: a.test\n{head}\n{body}\n--- upstream\n201\nx-test-a: 1\n"));
        let report = test(&folder, &[], 1);
        let client = part(outcomes(&report)[0], "client");

        let upstream = Upstream::answering(201, &[("x-test-a", "1")], "");
        let policy = super::json(&folder, &["policy", "inspect", "x.wasm", "--json"], 0);
        let policy =
            policy["policy"].as_str().unwrap().replace("file:x.wasm", &format!("file:components/{guest}.wasm"));
        let chain = "chain = [{ policy = \"x\" }]\n";
        let gateway = folder.guest(guest).gateway_toml(&format!("{chain}{policy}")).proxy(&upstream).start();
        let request = Request::new("POST", "/a?b").body(body).field("host", "a.test");
        let request = fields.iter().fold(request, |request, (name, value)| request.field(name, value));
        let response = gateway.send(&request);
        assert!(client.starts_with(&format!("{} ", response.status)), "{guest}: {response:?}\n{client}");
        for (name, value) in response.fields.iter().filter(|(name, _)| !["date", "connection"].contains(&name.as_str()))
        {
            assert!(client.contains(&format!("{name}: {value}\n")), "{guest}: {name}: {value}\n{client}");
        }
    }
}

#[test]
fn services_answer_what_the_file_says_and_nobody_else_is_asked() {
    let real = Upstream::echo();
    let grants = format!(
        "[egress.idp]\nurl = 'http://{}/base'\npaths = ['/known']\nprivate_ips = true\nbearer = 'secret:s'\n\
         [secret.s]\nenv = 'LOCKGATE_TEST_SECRET'\n[policy.ask]\ngrant = ['read:*', 'write:*', 'egress:idp']\n",
        real.address()
    );
    let exchanges = "grants: g.toml\n\
        ### Answered\nGET /\nx-test-ask: /known?a=b\n--- service idp\n302\nlocation: /c\nset-cookie: a=b\n\nsecret\n\
        ### Not granted\nGET /\nx-test-ask: /other\n--- service idp\n200\n\
        ### Nobody there\nGET /\nx-test-ask: /known\n\
        ### Not this time\nGET /\nx-test-ask: /known\n--- service idp\nunreachable\n--- upstream\nunreachable\n";
    let folder = with("ask", exchanges).variable("LOCKGATE_TEST_SECRET", "hunter2");
    fs::write(folder.root().join("g.toml"), grants).unwrap();
    let report = test(&folder, &["--grant", "read:x-test-ask"], 1);
    assert!(report["files"][0]["faults"][0].as_str().unwrap().contains("\"egress:idp\""), "{report}");
    fs::write(folder.root().join("a.http"), exchanges).unwrap();
    let report = test(&folder, &[], 1);
    let all = outcomes(&report);
    let asked = part(all[0], "service idp");
    assert!(asked.starts_with("GET /base/known?a=b\n") && asked.contains("authorization: Bearer secret:s"), "{asked}");
    assert!(part(all[0], "upstream").contains("x-test-heard: 302 /c secret\n"), "{}", all[0]);
    assert!(part(all[1], "upstream").contains("x-test-heard: Denied\n"), "{}", all[1]);
    assert!(part(all[2], "upstream").contains("x-test-heard: Connect\n"), "{}", all[2]);
    assert!(!all[1].contains("to service") && !all[2].contains("to service"), "{report}");
    assert!(part(all[3], "client").starts_with("502 Bad Gateway\n"), "{}", all[3]);
    assert_eq!(real.connections(), 0);
}

#[test]
fn the_world_is_as_the_file_tells_it_and_the_same_each_time() {
    let exchanges = "### One\nGET /pets/7\n--- facts\nclient: 2001:db8::7\nscheme: https\ntime: 1970-01-01T00:00:01Z\n\
         route: /pets/{id}\nattribute auth.sub: ann\ncertificate name: dns:a.test\n### Two\nGET /\n";
    let folder = with("world", exchanges);
    let report = test(&folder, &["--update"], 0);
    let all = outcomes(&report);
    let told = part(all[0], "client").lines().last().unwrap();
    assert!(told.starts_with("2001:db8::7 https route-1 7 dns:a.test ann ["), "{told}");
    assert!(told.ends_with("] 1000"), "{told}");
    assert!(part(all[1], "client").contains("\n192.0.2.1 http all - -  ["), "{}", all[1]);
    assert_eq!(states(&test(&folder, &[], 0)), ["same", "same"]);
}

#[test]
fn stores_last_from_one_exchange_of_a_file_to_the_next_and_instances_do_not() {
    let folder = with("counter", "### 1\nGET /\n### 2\nGET /\n");
    let report = test(&folder, &[], 1);
    let all = outcomes(&report);
    assert!(all[0].contains("x-test-hits: 1\n") && all[1].contains("x-test-hits: 2\n"), "{report}");
    let call = &report["files"][0]["exchanges"][0]["calls"][0];
    assert_eq!((&call["hook"], &call["outcome"], &call["host_calls"]), (&json!("response"), &json!("edit"), &json!(1)));
    assert!(
        call["memory_bytes"].as_u64().unwrap() > 0 && call["cpu_us"].is_u64() && call["wall_us"].is_u64(),
        "{call}"
    );

    let folder = with("remember", "### 1\nGET /\nx-test-break: mine\n### 2\nGET /\nx-test-break: other\n");
    fs::write(folder.root().join("g.toml"), "[policy.x]\nisolation = 'pooled'\n").unwrap();
    for more in [&[][..], &["--grants", "g.toml"]] {
        let report = test(&folder, more, 1);
        assert!(outcomes(&report)[1].contains("x-test-last: \n"), "{report}");
    }
}

#[test]
fn a_policy_that_breaks_costs_its_exchange_and_is_told_of_with_blame_and_reason() {
    let broken = "x-test-break: trap\n";
    let many: String = (0..12).map(|at| format!("### {at}\nGET /\n{broken}")).collect();
    let folder = with("trap-request", &format!("{many}### Fine\nGET /\n"));
    let report = test(&folder, &[], 1);
    let all = outcomes(&report);
    // The last as the first: no breaker is between them.
    for outcome in &all[..12] {
        assert!(
            outcome.starts_with(">>> verdict\nrequest: trap\nended: plugin_trap, by the plugin\nreason: "),
            "{outcome}"
        );
    }
    assert!(all[12].starts_with(">>> verdict\nrequest: pass\n\n>>> to upstream\n"), "{}", all[12]);
    let folder = with("flood-log", "### x\nGET /\n");
    let report = test(&folder, &[], 1);
    assert!(outcomes(&report)[0].contains("\n>>> log\ninfo: flood begins"), "{report}");
}

#[test]
fn faults_of_what_is_granted_name_the_file_that_grants() {
    let folder = with("gate", "### x\nGET /\n");
    fs::create_dir(folder.root().join("own")).unwrap();
    fs::write(folder.root().join("own/g.toml"), "[policy.x]\ngrant = ['read:x-a', 'reed:x-b']\n").unwrap();
    let report = test(&folder, &["--grants", "own/g.toml"], 1);
    let faults = report["files"][0]["faults"].to_string();
    assert!(faults.contains("own/g.toml: policy.x.grant[1]") && !faults.contains("gateway.toml"), "{faults}");
}

#[test]
fn all_faults_of_all_files_are_told_and_none_of_them_is_played() {
    let folder = with("gate", "### x\nGET\n--- upstream\n99\n");
    fs::create_dir(folder.root().join("exchanges")).unwrap();
    fs::write(folder.root().join("exchanges/b.http"), "config: absent.json\n").unwrap();
    fs::write(folder.root().join("exchanges/c.http"), "### y\nGET /\n").unwrap();
    let ended = folder.run(&["policy", "test", "x.wasm", "a.http", "exchanges"]);
    ended.assert(
        1,
        &["a.http:2: request", "a.http:4: upstream", "exchanges/b.http:1", "c.http", "1 without an outcome"],
    );
    folder.run(&["policy", "test", "x.wasm", "absent.http"]).assert(1, &["absent.http", "cannot be read"]);
    folder.run(&["policy", "test", "x.wasm", "state"]).assert(1, &["cannot be read"]);
    folder.run(&["policy", "test", "a.http"]).assert(1, &["no project"]);
    folder.run(&["policy", "test", "x.wasm"]).assert(1, &["exchanges/b.http:1"]);
    folder.run(&["policy", "test", "builtin:cors", "exchanges/c.http"]).assert(1, &["configuration refused"]);
    let report = test(&folder, &[], 1);
    assert_eq!((&report["ok"], report["files"][0]["faults"].as_array().unwrap().len()), (&json!(false), 2), "{report}");
}
