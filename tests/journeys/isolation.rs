//! What calls of a policy share: a guest that tries to remember the request before, with and without instances of its own.

use lockgate_tests::{Gateway, Request, Upstream};

/// A gateway of one worker whose APIs have one chain each.
fn gateway(upstream: &Upstream, isolation: &str, chains: &[(&str, &str)]) -> Gateway {
    let isolation = if isolation.is_empty() { String::new() } else { format!("isolation = \"{isolation}\"\n") };
    let folder = Gateway::folder().upstream(upstream).guest("remember").gateway_toml(&format!(
        "[runtime]\nworkers = 1\n[policy.remember]\nsource = \"file:components/remember.wasm\"\n{isolation}\
         grant = [\"read:x-test-break\", \"write:x-test-last\"]\n\
         [policy.again]\nsource = \"file:components/remember.wasm\"\n{isolation}\
         grant = [\"read:x-test-break\", \"write:x-test-last\"]\n"
    ));
    let api = |(name, chain): &(&str, &str)| {
        let text = format!(
            "name = \"{name}\"\nversion = \"1\"\n[upstream.u]\ntargets = [\"http://$upstream\"]\n\
             [[route]]\nname = \"a\"\nmatch = {{ path = \"/{name}/a\" }}\nchain = {chain}\nupstream = \"u\"\n\
             [[route]]\nname = \"b\"\nmatch = {{ path = \"/{name}/b\" }}\nchain = {chain}\nupstream = \"u\"\n"
        );
        ((*name).to_owned(), text)
    };
    chains.iter().map(api).fold(folder, |folder, (name, text)| folder.api(&name, &text)).start()
}

/// What the guest knows of the request before, when it is told `text`.
fn remembered(gateway: &Gateway, path: &str, text: &str) -> String {
    let response = gateway.send(&Request::get(path).field("x-test-break", text));
    response.assert_status(200);
    response.echoed("x-test-last").concat()
}

const PLAIN: &str = r#"["remember"]"#;

#[test]
fn a_policy_of_a_file_cannot_remember_the_request_before() {
    let upstream = Upstream::echo();
    for isolation in ["", "request"] {
        let gateway = gateway(&upstream, isolation, &[("one", PLAIN)]);
        let mut client = gateway.connect();
        for n in 0..20 {
            let request = Request::get("/one/a").field("x-test-break", &format!("secret-{n}"));
            let response = client.send(&request);
            response.assert_status(200);
            assert_eq!(response.echoed("x-test-last"), [""], "the policy remembers what it was told before");
        }
        let status = gateway.status();
        assert_eq!(status["policies"][0]["isolation"], "request");
        assert!(status["policies"][0]["image"]["bytes"].as_u64() > Some(10_000), "{status}");
        let metric = |name: &str, reason: &str| gateway.metric(&format!("{name}{{policy=\"remember\"{reason}}}"));
        assert_eq!(metric("lockgate_policy_instances", ""), Some(0.0));
        assert_eq!(metric("lockgate_instance_retirements_total", ",reason=\"isolation\""), Some(20.0));
    }
}

#[test]
fn instances_of_a_pool_remember_which_is_why_pools_are_apart() {
    let upstream = Upstream::echo();
    let gateway = gateway(
        &upstream,
        "pooled",
        &[
            ("one", PLAIN),
            ("two", PLAIN),
            ("three", r#"["again"]"#),
            ("four", r#"[{ policy = "remember", config = { } }]"#),
        ],
    );
    assert_eq!(remembered(&gateway, "/one/a", "of-one"), "");
    assert_eq!(remembered(&gateway, "/one/b", "again"), "of-one", "the guest does what the test thinks");
    for other in ["two", "three", "four"] {
        assert_eq!(remembered(&gateway, &format!("/{other}/a"), "of-others"), "", "{other} shares the memory of one");
    }
    let status = gateway.status();
    assert_eq!((&status["policies"][0]["isolation"], &status["policies"][0]["image"]), (&"pooled".into(), &().into()));
}

#[test]
fn configurations_of_one_api_are_apart_too() {
    let upstream = Upstream::echo();
    let folder = Gateway::folder().upstream(&upstream).guest("set-one").gateway_toml(
        "[policy.set-one]\nsource = \"file:components/set-one.wasm\"\ngrant = [\"read::path\", \"read::status\", \"write:x-test-*\"]\n",
    );
    let gateway = folder
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [upstream.u]
            targets = ["http://$upstream"]
            [[route]]
            name = "a"
            match = { path = "/a" }
            chain = [{ policy = "set-one", config = { request = "x-test-a", response = "x-test-c" } }]
            upstream = "u"
            [[route]]
            name = "b"
            match = { path = "/b" }
            chain = [{ policy = "set-one", config = { request = "x-test-b", response = "x-test-d" } }]
            upstream = "u"
            "#,
        )
        .start();
    for _ in 0..3 {
        let (a, b) = (gateway.get("/a"), gateway.get("/b"));
        assert_eq!((a.echoed("x-test-a").concat(), a.echoed("x-test-b").concat()), ("one".into(), String::new()));
        assert_eq!((b.echoed("x-test-b").concat(), b.echoed("x-test-a").concat()), ("one".into(), String::new()));
        assert_eq!((a.field("x-test-c"), b.field("x-test-d")), (Some("two"), Some("two")));
    }
    let images: Vec<_> =
        gateway.status()["policies"].as_array().unwrap().iter().map(|it| it["image"].clone()).collect();
    assert_eq!(images.len(), 2);
    assert!(images.iter().all(|image| image["bytes"].is_u64()), "{images:?}");
}

#[test]
fn a_change_of_isolation_takes_effect() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream, "pooled", &[("one", PLAIN)]);
    remembered(&gateway, "/one/a", "first");
    assert_eq!(remembered(&gateway, "/one/a", "second"), "first");
    let text = std::fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &text.replace("pooled", "request"));
    gateway.wait_for_generation(2);
    assert_eq!(remembered(&gateway, "/one/a", "third"), "");
    assert_eq!(remembered(&gateway, "/one/a", "fourth"), "");
}

#[test]
fn an_image_that_was_kept_is_used_again_and_a_damaged_one_is_taken_anew() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream, "request", &[("one", PLAIN)]);
    assert_eq!(remembered(&gateway, "/one/a", "x"), "");
    let files = std::fs::read_dir(gateway.state("code")).unwrap().map(|entry| entry.unwrap().path());
    let images: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "image")).collect();
    assert_eq!(images.len(), 1, "{images:?}");
    let build_ms = gateway.status()["policies"][0]["build_ms"].clone();
    gateway.restart();
    assert_eq!(gateway.status()["policies"][0]["build_ms"], build_ms, "it was taken again");
    assert_eq!(remembered(&gateway, "/one/a", "x"), "");
    std::fs::write(&images[0], b"no code").unwrap();
    gateway.restart();
    assert_eq!(remembered(&gateway, "/one/a", "x"), "");
    assert!(std::fs::metadata(&images[0]).unwrap().len() > 10_000, "the image is as it was left");
}
