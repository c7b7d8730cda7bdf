//! Policies made for WASI: what runtimes of languages need to start is there, the machine is not.

use lockgate_tests::{Folder, Gateway, Request, Upstream};
use serde_json::{Value, json};

/// A folder with the guest that tries out what there is, configured so.
fn folder(upstream: &Upstream, more: &str, config: &str) -> Folder {
    let policy = "source = \"file:components/tourist.wasm\"\ngrant = [\"read:x-test-break\", \"write:x-test-seen\"]\n";
    Gateway::folder()
        .guest("tourist")
        .gateway_toml(&format!(
            "[policy.tourist]\n{policy}{more}\n[[chain]]\npolicy = \"tourist\"\nconfig = {config}\n"
        ))
        .proxy(upstream)
}

fn ask(what: &str) -> Request {
    Request::get("/").field("x-test-break", what)
}

#[test]
fn a_policy_made_for_wasi_serves_and_sees_nothing_of_the_machine() {
    let upstream = Upstream::echo();
    // What it may hand over does not bound its image, which holds 1 MiB of memory.
    let gateway =
        folder(&upstream, "limits = { host_memory = \"64KiB\" }", "{ }").variable("TOURIST", "a secret").start();
    let seen = |what: &str| gateway.send(&ask(what)).echoed("x-test-seen").concat();
    assert_eq!(seen("environment"), "0 variables, 0 arguments, Err(NotPresent)");
    assert_eq!(seen("input"), "Ok(0)");
    assert_eq!(seen("file"), "[true, true, true] true");
    assert!(!std::path::Path::new("/tmp/tourist").exists());
    assert!(gateway.status()["policies"][0]["image"]["bytes"].is_u64(), "{}", gateway.status());
}

#[test]
fn clocks_are_coarse_and_random_bytes_differ() {
    let upstream = Upstream::echo();
    // It asks again and again until a millisecond is over.
    let gateway = folder(&upstream, "limits = { cpu = \"1s\", host_calls = 1000000 }", "{ }").start();
    let seen = |what: &str| gateway.send(&ask(what)).echoed("x-test-seen").concat();
    let told = seen("time");
    let told: Vec<u128> = told.split(' ').map(|number| number.parse().unwrap()).collect();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    assert!(told[0] <= now && now - told[0] < 600_000, "{told:?} at {now}");
    assert_eq!(told[1..], [0, 0], "more than milliseconds");
    assert_ne!(seen("random"), seen("random"));
}

#[test]
fn what_is_printed_is_in_the_log_bounded_as_all_lines_of_policies() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream, "limits = { cpu = \"1s\" }", "{ }").start();
    gateway.send(&ask("print")).assert_status(200);
    for (line, level) in [("one line", "INFO"), ("another", "INFO"), ("one without an end", "WARN")] {
        let is_it = |logged: &Value| logged["message"].as_str().is_some_and(|message| message.ends_with(line));
        let logged = gateway.wait_for_log(line, |logged| is_it(logged).then(|| logged.clone()));
        assert_eq!((&logged["policy"], &logged["level"]), (&json!("tourist"), &json!(level)));
    }
    gateway.send(&ask("flood")).assert_status(200);
    let written = gateway.all_written();
    assert!(!written.contains('\u{1b}'), "a control character reached the log");
    let flood: usize = written.lines().map(|line| line.matches("ff").count() * 2).sum();
    assert!(flood > 4000 && flood < 17_000, "{flood} bytes of one call");
}

#[test]
fn waiting_leaving_and_calling_without_end_cost_the_one_request() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream, "limits = { cpu = \"1s\", wall = \"30s\" }", "{ }").start();
    let cases = [
        ("sleep", "plugin_trap", "it wants to wait, and policies do not"),
        ("exit", "plugin_trap", "it called exit, with an error"),
        ("calls", "plugin_host_calls", "limit on calls of imports"),
    ];
    for (what, class, said) in cases {
        gateway.send(&ask(what)).assert_problem(503);
        let logged = gateway.wait_for_log(class, |line| {
            let message = line["message"].as_str()?;
            (line["class"] == class && message.contains(said)).then(|| message.to_owned())
        });
        assert!(logged.contains(said), "{logged}");
        gateway.send(&ask("")).assert_status(200);
    }
}

#[test]
fn what_is_drawn_while_configuring_is_in_no_image() {
    let upstream = Upstream::echo();
    for before in ["hash", "time"] {
        let config = format!("{{ before = \"{before}\" }}");
        let gateway = folder(&upstream, "", &config).start();
        gateway.send(&ask("")).assert_status(200);
        let image = gateway.status()["policies"][0]["image"]["impossible"].clone();
        assert!(image.as_str().is_some_and(|reason| reason.contains("random bytes while it is configured")), "{image}");
    }
}

#[test]
fn what_it_wants_is_not_up_to_the_time_or_to_chance() {
    let folder = Gateway::folder().guest("tourist").file("whim.json", r#"{ "before": "whim" }"#);
    let wants = || {
        let inspected = folder.run(&[
            "policy",
            "inspect",
            "policies/components/tourist.wasm",
            "--config",
            "policies/whim.json",
            "--json",
        ]);
        inspected.assert(0, &["x-test-"]);
        serde_json::from_str::<Value>(&inspected.stdout).unwrap()["grant"].clone()
    };
    let (first, again) = (wants(), wants());
    assert!(first.is_array(), "{first}");
    assert_eq!(first, again);
}

#[test]
fn a_configuration_that_ends_it_is_refused_with_what_it_said() {
    let upstream = Upstream::echo();
    for (before, said) in [("complain", "no such town"), ("exit", "it called exit")] {
        let folder = folder(&upstream, "", &format!("{{ before = \"{before}\" }}"));
        folder.run(&["check"]).assert(1, &["in configure", said]);
    }
}

#[test]
fn what_it_imports_of_wasi_is_told_apart_from_what_is_refused() {
    let folder = Gateway::folder().guest("tourist").guest("dialer");
    let tourist = folder.run(&["policy", "inspect", "policies/components/tourist.wasm"]);
    tourist.assert(0, &["wasi:filesystem/types@0.2", "linked without powers: no files", "as compiled code"]);
    assert!(!tourist.stdout.contains("refused"), "{tourist:?}");
    let dialer = folder.run(&["policy", "inspect", "policies/components/dialer.wasm"]);
    dialer.assert(1, &["! wasi:sockets/tcp@0.2", "refused: WASI that policies do not get", "linked without powers"]);
}
