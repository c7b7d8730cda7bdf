//! What the README promises of the shipped `policies/`, on other ports.

use lockgate_tests::{Folder, Gateway, Request, guests};

const PORTS: &[(&str, &str)] = &[("127.0.0.1:8080", "127.0.0.1:0"), ("127.0.0.1:8081", "127.0.0.1:0")];

fn demo() -> Folder {
    Gateway::folder().copy(&guests::workspace().join("policies"), PORTS)
}

#[test]
fn the_shipped_policies_are_right() {
    let checked = demo().run(&["check"]);
    checked.assert(0, &["/petstore/pets", "/petstore/orders", "cors", "jwt"]);
    assert!(!demo().state("").exists(), "checking made a state directory");
}

#[test]
fn pets_are_open_to_every_page() {
    let gateway = demo().start();
    let response = gateway.send(&Request::get("/petstore/pets").field("origin", "https://any.example"));
    response.assert_status(200);
    assert!(response.json()["pets"].is_array());
    assert_eq!(response.field("access-control-allow-origin"), Some("*"));
    let preflight = Request::new("OPTIONS", "/petstore/pets")
        .field("origin", "https://any.example")
        .field("access-control-request-method", "POST")
        .field("access-control-request-headers", "content-type");
    let preflight = gateway.send(&preflight);
    preflight.assert_status(204);
    assert!(preflight.field("access-control-allow-methods").is_some_and(|methods| methods.contains("POST")));
}

#[test]
fn orders_need_a_token_of_the_demo_key() {
    let gateway = demo().start();
    let refused = gateway.get("/petstore/orders");
    refused.assert_status(401);
    assert!(refused.field("www-authenticate").is_some());

    let token = token(&gateway, &["--subject", "ann"]);
    let list = || gateway.send(&Request::get("/petstore/orders").bearer(&token));
    list().assert_status(200);
    assert_eq!(list().json()["orders"], serde_json::json!([]));
    let order = Request::post("/petstore/orders", "application/json", r#"{"petId": 1, "quantity": 2}"#).bearer(&token);
    let order = gateway.send(&order);
    order.assert_status(201);
    assert_eq!(order.json()["owner"], "ann");
    assert_eq!(list().json()["orders"].as_array().unwrap().len(), 1);

    let other = self::token(&gateway, &["--subject", "bob"]);
    let other = gateway.send(&Request::get("/petstore/orders").bearer(&other));
    assert_eq!(other.json()["orders"], serde_json::json!([]), "orders of somebody else");
}

#[test]
fn tokens_can_be_short_lived_and_foreign_ones_are_refused() {
    let gateway = demo().start();
    let elsewhere = demo().start();
    let get = |token: &str| gateway.send(&Request::get("/petstore/orders").bearer(token)).status;
    assert_eq!(get(&token(&gateway, &["--expires", "5m", "--claim", "role=keeper"])), 200);
    assert_eq!(get(&token(&gateway, &["--claim", "aud=other"])), 401);
    assert_eq!(get(&token(&elsewhere, &[])), 401, "each gateway makes a key of its own");
}

#[test]
fn bodies_are_guarded() {
    let gateway = demo().start();
    let post = |body: String| gateway.send(&Request::post("/petstore/pets", "application/json", body));
    post(r#"{"name":"Tom","species":"cat"}"#.to_owned()).assert_status(201);
    post(format!("{}1{}", "[".repeat(20), "]".repeat(20))).assert_status(413);
    post("{\"name\":".to_owned()).assert_status(400);
}

#[test]
fn the_key_lasts_and_is_nobody_elses_to_read() {
    use std::os::unix::fs::PermissionsExt;
    let mut gateway = demo().start();
    let token = token(&gateway, &[]);
    let mode = |name: &str| std::fs::metadata(gateway.state(name)).unwrap().permissions().mode() & 0o777;
    // Nobody else comes into the folder, so what is deeper inside may be as it likes.
    assert_eq!(mode(""), 0o700);
    for entry in std::fs::read_dir(gateway.state("")).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        assert!(entry.path().is_dir() || mode(&name) & 0o077 == 0, "{name} is open to others: {:o}", mode(&name));
    }
    gateway.restart();
    gateway.send(&Request::get("/petstore/orders").bearer(&token)).assert_status(200);
}

#[test]
fn the_greeting_names_requests_that_work() {
    let gateway = demo().start();
    let greeting = gateway.greeting();
    let tries: Vec<_> = greeting.lines().filter(|line| line.trim().starts_with("curl ")).collect();
    assert_eq!(tries.len(), 3, "{greeting}");
    assert!(tries[0].contains("/petstore/pets") && tries[1].contains("/petstore/orders"), "{greeting}");
    assert!(tries[1].contains("token"), "{greeting}");
    assert!(!greeting.contains(&gateway.admin_token()), "a secret is on the terminal");
}

fn token(gateway: &Gateway, arguments: &[&str]) -> String {
    let made = gateway.run(&[&["token"], arguments].concat());
    assert_eq!(made.code, Some(0), "{made:?}");
    made.stdout.trim().to_owned()
}
