//! The built-in responder `petstore` through the gateway.

use lockgate_tests::{Gateway, Request};
use serde_json::json;

fn gateway() -> Gateway {
    Gateway::folder()
        .gateway_toml(
            r#"
            [policy.petstore]
            source = "builtin:petstore"
            grant = [
                "read::method", "read::path", "read::query", "read:content-type", "read:if-match", "read:if-none-match",
                "attribute-read:auth.sub", "store:pets:write", "responder",
            ]
            "#,
        )
        .api(
            "petstore",
            r#"
            name = "petstore"
            version = "1"
            [[route]]
            name = "all"
            match = { path = "/petstore/{*rest}" }
            responder = "petstore"
            "#,
        )
        .start()
}

fn send(gateway: &Gateway, method: &str, path: &str, body: &serde_json::Value) -> lockgate_tests::Response {
    let request = Request::new(method, path).field("content-type", "application/json");
    gateway.send(&request.body(body.to_string()))
}

#[test]
fn pets_are_created_read_changed_and_deleted() {
    let gateway = gateway();
    let seeded = gateway.get("/petstore/pets");
    seeded.assert_status(200);
    let before = seeded.json()["pets"].as_array().unwrap().len();
    assert!(before > 0);

    let created = send(&gateway, "POST", "/petstore/pets", &json!({"name": "Tom", "species": "cat"}));
    created.assert_status(201);
    let location = created.field("location").unwrap().to_owned();
    let read = gateway.get(&location);
    read.assert_status(200);
    assert_eq!((&read.json()["name"], &read.json()["species"]), (&"Tom".into(), &"cat".into()));
    let tag = read.field("etag").unwrap();
    gateway.send(&Request::get(&location).field("if-none-match", tag)).assert_status(304);

    send(&gateway, "PUT", &location, &json!({"name": "Tim", "species": "cat"})).assert_status(200);
    assert_eq!(gateway.get(&location).json()["name"], "Tim");
    let stale = Request::new("PUT", &location).field("content-type", "application/json").field("if-match", tag);
    gateway.send(&stale.body("{\"name\":\"Old\",\"species\":\"cat\"}")).assert_status(412);

    gateway.send(&Request::new("DELETE", &location)).assert_status(204);
    gateway.get(&location).assert_status(404);
    assert_eq!(gateway.get("/petstore/pets?limit=100").json()["pets"].as_array().unwrap().len(), before);
}

#[test]
fn pages_lead_to_each_other() {
    let gateway = gateway();
    let first = gateway.get("/petstore/pets?limit=1");
    assert_eq!(first.json()["pets"].as_array().unwrap().len(), 1);
    let link = first.field("link").expect("a next page").to_owned();
    let next = link.split(['<', '>']).nth(1).unwrap();
    let second = gateway.get(next);
    second.assert_status(200);
    assert_ne!(first.json()["pets"][0]["id"], second.json()["pets"][0]["id"]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let gateway = gateway();
    let post = |body: serde_json::Value| send(&gateway, "POST", "/petstore/pets", &body).status;
    assert_eq!(post(json!({"name": ""})), 422);
    assert_eq!(post(json!({"name": "Tom", "species": "cat", "wings": 2})), 422);
    gateway.send(&Request::post("/petstore/pets", "application/json", "{")).assert_status(400);
    gateway.send(&Request::post("/petstore/pets", "text/plain", "Tom")).assert_status(415);
    gateway.get("/petstore/pets/999999").assert_status(404);
    gateway.get("/petstore/pets?limit=0").assert_status(400);
    gateway.get("/petstore/hamsters").assert_status(404);
    // Orders belong to callers, and nobody said who calls.
    gateway.get("/petstore/orders").assert_status(403);
}

#[test]
fn pets_survive_a_new_generation() {
    let gateway = gateway();
    let created = send(&gateway, "POST", "/petstore/pets", &json!({"name": "Tom", "species": "cat"}));
    let location = created.field("location").unwrap();
    gateway.write("more/api.toml", "name = \"more\"\nversion = \"1\"\n");
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get(location).json()["name"], "Tom");
}
