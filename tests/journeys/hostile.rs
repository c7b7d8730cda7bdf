//! Guests that misbehave while they serve: the one request fails, and nothing else does.

use lockgate_tests::{Gateway, Request, Upstream, guests};

/// Every guest with a hook on request heads, under a route of its name.
const GUESTS: &[&str] = &["trap-request", "panic", "loop-request", "hoard", "recurse", "wrong-edit", "wrong-answer"];

fn gateway(upstream: &Upstream) -> Gateway {
    let policy = |name: &&str| {
        format!(
            "[policy.{name}]\nsource = \"file:components/{name}.wasm\"\n\
             grant = [\"read:x-test-break\", \"read:x-test-secret\", \"write:x-test-*\", \"respond\"]\nlimits = {{ memory = \"8MiB\" }}\nbreaker = {{ failures = 1000000 }}\n"
        )
    };
    let route = |name: &&str| {
        format!(
            "[[route]]\nname = \"{name}\"\nmatch = {{ path = \"/{name}\" }}\nchain = [\"{name}\"]\nupstream = \"main\"\n\
             [[route]]\nname = \"{name}.skip\"\nmatch = {{ path = \"/{name}/skip\" }}\n\
             chain = [{{ policy = \"{name}\", on_error = \"skip\" }}]\nupstream = \"main\"\n"
        )
    };
    let head = "name = \"api\"\nversion = \"1\"\n[upstream.main]\ntargets = [\"http://$upstream\"]\n\
                [[route]]\nname = \"calm\"\nmatch = { path = \"/calm\" }\nupstream = \"main\"\n";
    let routes: String = GUESTS.iter().map(route).collect();
    let folder = Gateway::folder()
        .upstream(upstream)
        .gateway_toml(&GUESTS.iter().map(policy).collect::<String>())
        .api("api", &format!("{head}{routes}"));
    GUESTS.iter().fold(folder, |folder, name| folder.guest(name)).start()
}

/// Ask for misbehaviour, and check that it costs this request alone.
fn assert_contained(gateway: &Gateway, guest: &str, ask: &str, class: &str) {
    let path = format!("/{guest}");
    let mut client = gateway.connect();
    let broken = client.send(&Request::get(&format!("{path}?{ask}")).field("x-test-break", ask));
    broken.assert_problem(503);
    assert!(!broken.text().contains(guest), "the client is told of our insides: {}", broken.text());
    let id = broken.json()["request_id"].clone();
    let line = gateway.access_log_of("id", &id);
    assert_eq!((&line["class"], &line["blame"]), (&class.into(), &"plugin".into()), "{guest} {ask}");
    // On the same connection: the same policy, and another route.
    client.send(&Request::get(&path)).assert_status(200);
    client.send(&Request::get("/calm")).assert_status(200);
    // Where the operator said so, the exchange goes on as if the policy had passed.
    let skipped = client.send(&Request::get(&format!("{path}/skip")).field("x-test-break", ask));
    skipped.assert_status(200);
    assert!(skipped.echoed("x-test-edited").is_empty(), "part of a refused verdict was applied");
    assert_eq!(skipped.json()["target"], format!("{path}/skip"));
}

#[test]
fn a_guest_that_breaks_costs_one_request() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    for (guest, class) in [
        ("trap-request", "plugin_trap"),
        ("loop-request", "plugin_cpu"),
        ("hoard", "plugin_memory"),
        ("recurse", "plugin_trap"),
    ] {
        for _ in 0..3 {
            assert_contained(&gateway, guest, "1", class);
        }
    }
}

#[test]
fn the_log_says_where_a_policy_panicked_and_not_what_it_was_told() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    for (ask, said) in [("literal", "a literal message"), ("formatted", "see there")] {
        let request =
            Request::get(&format!("/panic?{ask}")).field("x-test-break", ask).field("x-test-secret", "s3cret");
        gateway.send(&request).assert_problem(503);
        let line = gateway.wait_for_log("the panic", |line| {
            let message = line["message"].as_str()?;
            (message.contains("panicked at") && message.contains(said)).then(|| line.clone())
        });
        assert!(line["message"].as_str().unwrap().contains("examples/panic.rs:"), "{line}");
        assert_eq!(line["level"], "ERROR");
    }
    assert!(!gateway.all_written().contains("s3cret"));
}

#[test]
fn an_edit_that_was_not_declared_or_makes_no_sense_is_refused_whole() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let edited = gateway.get("/wrong-edit");
    assert_eq!(edited.echoed("x-test-edited"), ["1"], "the guest does what the test thinks");
    for ask in [
        "undeclared",
        "undeclared-remove",
        "authorization",
        "content-length",
        "transfer-encoding",
        "pseudo",
        "crlf",
        "nul",
        "name",
        "target",
        "status",
        "attribute",
        "state",
        "many",
        "respond",
    ] {
        assert_contained(&gateway, "wrong-edit", ask, "plugin_answer");
    }
}

#[test]
fn an_answer_that_is_none_is_refused() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let right = gateway.get("/wrong-answer");
    assert_eq!(right.text(), "right");
    for ask in ["status-low", "status-high", "content-length", "connection", "crlf"] {
        assert_contained(&gateway, "wrong-answer", ask, "plugin_answer");
    }
}

#[test]
fn a_guest_on_a_body_that_breaks_costs_one_request() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("wrong-body")
        .guest("wrong-splice")
        .gateway_toml(
            r#"
            [policy.wrong-body]
            source = "file:components/wrong-body.wasm"
            grant = ["body:request:inspect"]
            [policy.wrong-splice]
            source = "file:components/wrong-splice.wasm"
            grant = ["body:request:edit"]
            "#,
        )
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "body"
            match = { path = "/body" }
            chain = ["wrong-body"]
            upstream = "main"
            [[route]]
            name = "splice"
            match = { path = "/splice" }
            chain = ["wrong-splice"]
            upstream = "main"
            "#,
        )
        .start();
    let send = |path: &str, body: &str| gateway.send(&Request::post(path, "text/plain", body));
    for (path, body) in [
        ("/body", "replace"),
        ("/body", "splice"),
        ("/body", "respond"),
        ("/body", "edit"),
        ("/body", "trap"),
        ("/splice", "overlapping"),
        ("/splice", "descending"),
        ("/splice", "beyond"),
        ("/splice", "far"),
    ] {
        let before = upstream.requests();
        send(path, body).assert_problem(503);
        assert_eq!(upstream.requests(), before, "{path} {body} reached the upstream");
        let fine = send(path, "fine");
        fine.assert_status(200);
        assert_eq!(fine.json()["body"], if path == "/body" { "fine" } else { "-ine" });
    }
}

#[test]
fn a_responder_that_breaks_costs_one_request() {
    let gateway = Gateway::folder()
        .guest("trap-responder")
        .gateway_toml(
            "[policy.r]\nsource = \"file:components/trap-responder.wasm\"\ngrant = [\"read::method\", \"responder\"]\n",
        )
        .api(
            "api",
            "name = \"api\"\nversion = \"1\"\n[[route]]\nname = \"r\"\nmatch = { path = \"/r\" }\nresponder = \"r\"\n",
        )
        .start();
    let send = |body: &str| gateway.send(&Request::post("/r", "text/plain", body));
    for body in ["trap", "fail"] {
        send(body).assert_problem(503);
        assert_eq!(send("12345").text(), "POST 5");
    }
    send(&"x".repeat(64 * 1024)).assert_status(200);
    send(&"x".repeat(64 * 1024 + 1)).assert_problem(413);
    let head = gateway.send(&Request::new("HEAD", "/r"));
    head.assert_status(200);
}

#[test]
fn a_response_hook_that_traps_is_blamed_on_the_plugin() {
    let upstream = Upstream::with(|exchange| {
        let breaks: &[_] = if exchange.target == "/calm" { &[] } else { &[("x-test-break", "1")] };
        exchange.reply(200, breaks, b"the upstream's own words")
    });
    let gateway = Gateway::folder()
        .upstream(&upstream)
        .guest("trap-response")
        .gateway_toml("[policy.t]\nsource = \"file:components/trap-response.wasm\"\ngrant = [\"read:x-test-break\"]\n")
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.main]
            targets = ["http://$upstream"]
            [[route]]
            name = "strict"
            match = { path = "/{*rest}" }
            chain = ["t"]
            upstream = "main"
            [[route]]
            name = "skip"
            match = { path = "/skip" }
            chain = [{ policy = "t", on_error = "skip" }]
            upstream = "main"
            "#,
        )
        .start();
    let mut client = gateway.connect();
    let broken = client.send(&Request::get("/broken"));
    broken.assert_problem(503);
    assert!(!broken.text().contains("own words") && broken.field("x-test-break").is_none());
    let line = gateway.access_log("/broken");
    assert_eq!((&line["class"], &line["blame"]), (&"plugin_trap".into(), &"plugin".into()));
    assert_eq!(line["status"], 503);
    assert!(line["upstream_us"].is_u64(), "the upstream did answer: {line}");
    client.send(&Request::get("/calm")).assert_status(200);
    assert_eq!(gateway.access_log("/calm")["class"], "ok");
    client.send(&Request::get("/skip")).assert_status(200);
}

#[test]
fn nothing_of_a_broken_instance_is_seen_again() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("remember")
        .gateway_toml(
            "chain = [\"remember\"]\n[runtime]\nworkers = 1\n[policy.remember]\n\
             source = \"file:components/remember.wasm\"\nisolation = \"pooled\"\ngrant = [\"read:x-test-break\", \"write:x-test-last\"]\n",
        )
        .proxy(&upstream)
        .start();
    let send = |text: &str| gateway.send(&Request::get("/").field("x-test-break", text));
    send("first").assert_status(200);
    send("trap").assert_problem(503);
    assert_eq!(send("third").echoed("x-test-last"), [""], "memory of the instance that trapped was used again");
}

#[test]
fn every_guest_has_a_journey() {
    // Or a program that one of them runs.
    let journeys = crate::tidy::sources(&["tests/journeys", "tests/src/bin"]);
    for guest in guests::names() {
        let named = format!("\"{guest}\"");
        let used = journeys.iter().any(|(_, source)| source.contains(&named));
        assert!(used, "no journey has the guest {guest}");
    }
}
