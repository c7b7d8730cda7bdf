//! Orders, from the side of callers who must not see each other's.

mod support;

use lockgate_plugin_petstore::Petstore;
use lockgate_sdk::{Response, testing};
use serde_json::{Value, json as value};
use support::{call, json, petstore, pointers};

fn order(shop: &Petstore, owner: &str, body: &str) -> Response {
    call(shop, "POST", "/petstore/orders", &[("@auth.sub", owner)], body)
}

fn read(shop: &Petstore, owner: &str, path: &str) -> Response {
    call(shop, "GET", path, &[("@auth.sub", owner)], "")
}

#[test]
fn an_order_belongs_to_its_caller_and_is_found_again() {
    let shop = petstore("{}");
    let created = order(&shop, "ann", r#"{"petId":2,"quantity":3}"#);
    assert_eq!(created.status_code(), 201);
    assert_eq!(created.values("location"), ["/petstore/orders/1"]);
    assert_eq!(created.values("cache-control"), ["private, no-store"]);
    let expected = value!({"id": 1, "petId": 2, "quantity": 3, "owner": "ann"});
    assert_eq!(json(&created), expected);
    assert_eq!(json(&read(&shop, "ann", "/petstore/orders/1")), expected);
    let list = read(&shop, "ann", "/petstore/orders");
    assert_eq!(json(&list), value!({"orders": [expected]}));
}

#[test]
fn callers_see_their_own_orders_only() {
    let shop = petstore("{}");
    for quantity in 1..=2 {
        let body = format!(r#"{{"petId":1,"quantity":{quantity}}}"#);
        assert_eq!(order(&shop, "ann", &body).status_code(), 201);
    }
    assert_eq!(read(&shop, "bob", "/petstore/orders/1").status_code(), 404);
    assert_eq!(json(&read(&shop, "bob", "/petstore/orders")), value!({"orders": []}));
    let created = order(&shop, "bob", r#"{"petId":3,"quantity":9}"#);
    assert_eq!(created.values("location"), ["/petstore/orders/1"]);
    let bobs = json(&read(&shop, "bob", "/petstore/orders/1"));
    assert_eq!((&bobs["owner"], &bobs["quantity"]), (&Value::from("bob"), &Value::from(9)));
    assert_eq!(read(&shop, "bob", "/petstore/orders/2").status_code(), 404);
    assert!(testing::store::keys("pets").iter().all(|key| !key.contains("ann")));
}

#[test]
fn without_a_caller_there_are_no_orders() {
    let shop = petstore("{}");
    for (method, path) in [("GET", "/petstore/orders"), ("GET", "/petstore/orders/1"), ("POST", "/petstore/orders")] {
        assert_eq!(call(&shop, method, path, &[], "").status_code(), 403, "{method} {path}");
    }
}

#[test]
fn the_newest_orders_are_kept_and_shown_first() {
    let shop = petstore(r#"{"max_orders":2}"#);
    for quantity in 1..=4 {
        let body = format!(r#"{{"petId":1,"quantity":{quantity}}}"#);
        assert_eq!(order(&shop, "ann", &body).status_code(), 201);
    }
    let list = json(&read(&shop, "ann", "/petstore/orders"));
    let ids: Vec<_> = list["orders"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
    assert_eq!(ids, [4, 3]);
    assert_eq!(read(&shop, "ann", "/petstore/orders/2").status_code(), 404);
    let keys = testing::store::keys("pets");
    assert_eq!(keys.iter().filter(|key| key.starts_with("order:")).count(), 2);
}

#[test]
fn what_is_wrong_with_an_order_is_told_by_pointers() {
    let shop = petstore("{}");
    let cases = [
        ("{}", vec!["#/petId", "#/quantity"]),
        (r#"{"petId":"1","quantity":0}"#, vec!["#/petId", "#/quantity"]),
        (r#"{"petId":1,"quantity":1.5}"#, vec!["#/quantity"]),
        (r#"{"petId":1,"quantity":101}"#, vec!["#/quantity"]),
        (r#"{"petId":77,"quantity":1}"#, vec!["#/petId"]),
        (r#"{"petId":1,"quantity":1,"owner":"bob"}"#, vec!["#/owner"]),
    ];
    for (body, expected) in cases {
        assert_eq!(pointers(&order(&shop, "ann", body)), expected, "{body}");
    }
    assert_eq!(json(&read(&shop, "ann", "/petstore/orders")), value!({"orders": []}));
}
