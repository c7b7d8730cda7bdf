//! What policies can reach through the gateway, and no further: stores, counters, the log.

use lockgate_tests::{Gateway, Request, Upstream, guests};

#[test]
fn a_policy_is_told_what_it_declared_and_was_granted_and_nothing_else() {
    let upstream = Upstream::echo();
    let told = |grant: &str, read: &str| {
        let gateway = Gateway::folder()
            .guest("witness")
            .gateway_toml(&format!(
                "[policy.witness]\nsource = \"file:components/witness.wasm\"\ngrant = [\"write:x-test-told\", {grant}]\n\
                 [[chain]]\npolicy = \"witness\"\nconfig = {{ read = [{read}] }}\n"
            ))
            .proxy(&upstream)
            .start();
        let request = ["authorization", "cookie", "x-test-seen", "x-test-other"]
            .iter()
            .fold(Request::get("/"), |request, name| request.field(name, "1"));
        gateway.send(&request).echoed("x-test-told").concat()
    };
    assert_eq!(told("\"read:*\", \"read::*\", \"read:cookie\"", "\"x-test-seen\", \":path\""), ":path x-test-seen");
    let fields = told("\"read:*\"", "\"*\"");
    for (name, is_told) in [
        ("x-test-seen", true),
        ("x-test-other", true),
        ("authorization", false),
        ("cookie", false),
        ("host", false),
        (":path", false),
    ] {
        assert_eq!(fields.split(' ').any(|told| told == name), is_told, "{name} in {fields}");
    }
    assert_eq!(told("\"read:cookie\"", "\"cookie\""), "cookie");
    // What it declares and was not granted is why it is not loaded.
    let folder = Gateway::folder().guest("witness").gateway_toml(
        "[policy.witness]\nsource = \"file:components/witness.wasm\"\ngrant = [\"write:x-test-told\", \"read:*\"]\n\
         [[chain]]\npolicy = \"witness\"\nconfig = { read = [\"cookie\"] }\n",
    );
    folder.run(&["check"]).assert(1, &["not granted: \"read:cookie\""]);
}

#[test]
fn a_store_outlives_instances_and_versions() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("counter")
        .gateway_toml(
            "chain = [\"counter\"]\n[policy.counter]\nsource = \"file:components/counter.wasm\"\n\
             grant = [\"store:hits:write\", \"write:x-test-hits\"]\nlimits = { calls = 1 }\n",
        )
        .proxy(&upstream)
        .start();
    for hits in ["1", "2", "3"] {
        // Each on another instance, perhaps on another worker.
        assert_eq!(gateway.get("/").field("x-test-hits"), Some(hits));
    }
    gateway.write("more/api.toml", "name = \"more\"\nversion = \"1\"\n");
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/").field("x-test-hits"), Some("4"));
}

#[test]
fn each_api_has_a_store_of_its_own_unless_the_operator_joins_them() {
    let upstream = Upstream::echo();
    let api = |name: &str| {
        format!(
            "name = \"{name}\"\nversion = \"1\"\nchain = [\"counter\"]\n[upstream.u]\ntargets = [\"http://$upstream\"]\n\
             [[route]]\nname = \"r\"\nmatch = {{ path = \"/{name}\" }}\nupstream = \"u\"\n"
        )
    };
    for (store, expected) in [("", ["1", "1", "2"]), ("[store.hits]\nnamespace = \"shared\"\n", ["1", "2", "3"])] {
        let gateway = Gateway::folder()
            .upstream(&upstream)
            .guest("counter")
            .gateway_toml(&format!(
                "{store}[policy.counter]\nsource = \"file:components/counter.wasm\"\n\
                 grant = [\"store:hits:write\", \"write:x-test-hits\"]\n"
            ))
            .api("one", &api("one"))
            .api("two", &api("two"))
            .start();
        let hits = ["/one", "/two", "/one"].map(|path| gateway.get(path).field("x-test-hits").unwrap().to_owned());
        assert_eq!(hits, expected, "{store}");
    }
}

#[test]
fn a_store_that_was_not_declared_or_only_for_reading_is_denied() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("undeclared-store")
        .gateway_toml(
            "chain = [\"s\"]\n[policy.s]\nsource = \"file:components/undeclared-store.wasm\"\n\
             grant = [\"read:x-test-break\", \"write:x-test-store\", \"store:mine:write\", \"store:other:write\"]\n",
        )
        .proxy(&upstream)
        .start();
    assert_eq!(gateway.get("/").echoed("x-test-store"), ["read denied"]);
    // Granted, but the policy did not declare it: power is what is declared and granted.
    let other = gateway.send(&Request::get("/").field("x-test-break", "other"));
    assert_eq!(other.echoed("x-test-store"), ["denied denied"]);
}

#[test]
fn counters_of_policies_are_bounded() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .guest("flood-metrics")
        .gateway_toml(
            "chain = [\"flood\"]\n[policy.flood]\nsource = \"file:components/flood-metrics.wasm\"\n\
             grant = [\"read:x-test-break\"]\nlimits = { cpu = \"100ms\" }\n",
        )
        .proxy(&upstream)
        .start();
    for from in (0..1000).step_by(100) {
        gateway.send(&Request::get("/").field("x-test-break", &from.to_string())).assert_status(200);
    }
    let metrics = gateway.ask("/metrics").text();
    let samples: Vec<_> = metrics.lines().filter(|line| line.starts_with("lockgate_policy_flood_total{")).collect();
    assert!(samples.len() > 200 && samples.len() <= 257, "{} label sets", samples.len());
    let total: f64 = samples.iter().map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
    assert_eq!(total, 1000.0, "values were lost");
    assert!(samples.iter().any(|line| line.contains("value=\"other\"")));
    gateway.send(&Request::get("/").field("x-test-break", "name")).assert_problem(503);
}

#[test]
fn lines_of_policies_are_tagged_bounded_and_escaped() {
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder()
        .guest("flood-log")
        .gateway_toml(
            "chain = [\"flood\"]\n[policy.flood]\nsource = \"file:components/flood-log.wasm\"\n\
             grant = [\"read:x-test-break\"]\nlimits = { cpu = \"100ms\" }\n",
        )
        .proxy(&upstream)
        .start();
    gateway.send(&Request::get("/").field("x-test-break", "1")).assert_status(200);
    let begin = gateway.wait_for_log("the first line", |line| {
        line["message"].as_str()?.starts_with("flood begins").then(|| line.clone())
    });
    assert_eq!(begin["policy"], "flood");
    gateway.get("/").assert_status(200);
    let written = gateway.all_written();
    assert!(!written.contains('\u{1b}'), "a control character reached the log");
    let flood: usize = written.lines().map(|line| line.matches("ff").count() * 2).sum();
    assert!(flood > 4000 && flood < 17_000, "{flood} bytes of one call");
    let longest = written.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 5000, "a line of {longest} bytes");
}

#[test]
fn a_component_must_have_the_digest_the_operator_wrote() {
    let upstream = Upstream::echo();
    let digest = guests::digest("trail");
    let config = format!(
        "chain = [{{ policy = \"trail\", config = {{ name = \"t\" }} }}]\n[policy.trail]\n\
         source = \"file:components/trail.wasm\"\ndigest = \"sha256:{digest}\"\ngrant = [\"write:x-test-trail\"]\n"
    );
    let gateway = Gateway::folder().guest("trail").gateway_toml(&config).proxy(&upstream).start();
    assert_eq!(gateway.get("/").echoed("x-test-trail"), ["t"]);
    let wrong = Gateway::folder().guest("counter").file("components/trail.wasm", guests::component("counter"));
    wrong.gateway_toml(&config).proxy(&upstream).run(&["check"]).assert(1, &["digest"]);
}
