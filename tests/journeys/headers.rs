//! The built-in policy `headers` through the gateway.

use lockgate_tests::{Gateway, Request, Upstream};

#[test]
fn header_fields_are_changed_in_both_directions() {
    let upstream = Upstream::with(|exchange| {
        let seen: Vec<_> = exchange.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let fields = [("server", "secret/1.0"), ("x-test-old", "1"), ("x-test-old", "2"), ("vary", "origin")];
        exchange.reply(200, &fields, seen.join("\n").as_bytes())
    });
    let gateway = Gateway::folder()
        .gateway_toml(
            r#"
            [policy.headers]
            source = "builtin:headers"
            grant = ["read:x-legacy-id", "read:x-test-old", "write:*"]
            [[chain]]
            policy = "headers"
            [chain.config.request]
            set = { x-gateway = "lockgate" }
            append = { accept = "text/plain" }
            remove = ["x-debug"]
            rename = { x-legacy-id = "x-request-ref" }
            [chain.config.response]
            set = { x-test-set = "1" }
            append = { vary = "accept-encoding" }
            remove = ["server"]
            rename = { x-test-old = "x-test-new" }
            "#,
        )
        .proxy(&upstream)
        .start();
    let request = Request::get("/")
        .field("x-gateway", "forged")
        .field("x-debug", "1")
        .field("X-Legacy-Id", "7")
        .field("accept", "text/html");
    // The list of fields a response may have does not hold `server`.
    let response = gateway.send(&request);
    let seen = response.text();
    let seen: Vec<_> = seen.lines().collect();
    for field in ["x-gateway=lockgate", "x-request-ref=7", "accept=text/html", "accept=text/plain"] {
        assert!(seen.contains(&field), "{field} is not in {seen:?}");
    }
    assert!(
        !seen
            .iter()
            .any(|field| field.contains("forged") || field.starts_with("x-debug") || field.starts_with("x-legacy"))
    );
    assert_eq!(response.field("x-test-set"), Some("1"));
    assert_eq!(response.values("x-test-new"), ["1", "2"]);
    assert_eq!(response.values("vary"), ["origin", "accept-encoding"]);
}

#[test]
fn credentials_are_not_among_all_fields() {
    let grant = |grant: &str| {
        let config = format!(
            "[policy.headers]\nsource = \"builtin:headers\"\ngrant = [{grant}]\n\
             [[chain]]\npolicy = \"headers\"\nconfig = {{ request = {{ remove = [\"authorization\"] }} }}\n"
        );
        Gateway::folder().gateway_toml(&config).run(&["check"])
    };
    grant("\"write:*\"").assert(1, &["authorization"]);
    grant("\"write:*\", \"write:authorization\"").assert(0, &[]);
}
