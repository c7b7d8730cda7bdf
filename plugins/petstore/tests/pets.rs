//! Pets, from the client's side.

mod support;

use lockgate_sdk::testing::{self, Facts};
use lockgate_sdk::{Failure, Responder, Response, store};
use serde_json::{Value, json as value};
use support::{call, get, json, petstore, pointers};

const CAT: &str = r#"{"name":"Tom","species":"cat","tags":["lazy"]}"#;

fn ids(response: &Response) -> Vec<u64> {
    let body = json(response);
    let pets = body["pets"].as_array().into_iter().flatten();
    pets.filter_map(|pet| pet["id"].as_u64()).collect()
}

#[test]
fn three_pets_are_there_on_first_use_and_never_again() {
    let shop = petstore("{}");
    assert_eq!(get(&shop, "/petstore/pets/2").status_code(), 200);
    assert_eq!(ids(&get(&shop, "/petstore/pets")), [1, 2, 3]);
    for id in 1..=3 {
        let path = format!("/petstore/pets/{id}");
        assert_eq!(call(&shop, "DELETE", &path, &[], "").status_code(), 204);
    }
    assert!(ids(&get(&shop, "/petstore/pets")).is_empty());
    testing::reset();
    let bare = petstore(r#"{"seed":false}"#);
    assert!(ids(&get(&bare, "/petstore/pets")).is_empty());
}

#[test]
fn a_created_pet_is_found_where_its_location_says() {
    let shop = petstore("{}");
    let created = call(&shop, "POST", "/petstore/pets", &[], CAT);
    assert_eq!(created.status_code(), 201);
    assert_eq!(created.values("location"), ["/petstore/pets/4"]);
    let found = get(&shop, "/petstore/pets/4");
    assert_eq!(json(&found), value!({"id": 4, "name": "Tom", "species": "cat", "tags": ["lazy"]}));
    assert_eq!(found.bytes(), created.bytes());
    assert_eq!(found.values("etag"), created.values("etag"));
    assert_eq!(call(&shop, "HEAD", "/petstore/pets/4", &[], ""), found);
}

#[test]
fn pages_follow_each_other_by_link_until_the_end() {
    let shop = petstore("{}");
    for _ in 0..4 {
        let created = call(&shop, "POST", "/petstore/pets", &[], CAT);
        assert_eq!(created.status_code(), 201);
    }
    let deleted = call(&shop, "DELETE", "/petstore/pets/5", &[], "");
    assert_eq!(deleted.status_code(), 204);
    let mut target = "/petstore/pets?limit=2&species=cat".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = get(&shop, &target);
        assert_eq!(page.status_code(), 200);
        pages.push(ids(&page));
        let Some(link) = page.values("link").pop() else {
            break;
        };
        let (url, relation) = link.split_once('>').unwrap();
        assert_eq!(relation, "; rel=\"next\"");
        target = url.trim_start_matches('<').to_owned();
    }
    assert_eq!(pages, [vec![2, 4], vec![6, 7]]);
}

#[test]
fn a_page_looks_at_a_bounded_number_of_ids() {
    let shop = petstore(r#"{"seed":false}"#);
    store::add("pets", "last", 1_000_000, None).unwrap();
    let page = get(&shop, "/petstore/pets");
    assert!(ids(&page).is_empty());
    assert_eq!(page.values("link"), ["</petstore/pets?limit=20&after=256>; rel=\"next\""]);
}

#[test]
fn what_is_wrong_with_a_pet_is_told_by_pointers() {
    let shop = petstore("{}");
    let cases = [
        ("[]", vec!["#"]),
        ("{}", vec!["#/name", "#/species"]),
        (r#"{"name":"","species":"Cat"}"#, vec!["#/name", "#/species"]),
        (r#"{"name":"a\u0000","species":"cat"}"#, vec!["#/name"]),
        (r#"{"name":7,"species":"cat","tags":"x"}"#, vec!["#/name", "#/tags"]),
        (r#"{"name":"T","species":"cat","tags":["a",1,""]}"#, vec!["#/tags/1", "#/tags/2"]),
        (r#"{"name":"T","species":"cat","a/b":1,"id":1}"#, vec!["#/a~1b", "#/id"]),
    ];
    for (body, expected) in cases {
        let response = call(&shop, "POST", "/petstore/pets", &[], body);
        assert_eq!(pointers(&response), expected, "{body}");
    }
    assert_eq!(ids(&get(&shop, "/petstore/pets")).len(), 3);
}

#[test]
fn bodies_that_are_no_json_are_refused() {
    let shop = petstore("{}");
    let malformed = call(&shop, "POST", "/petstore/pets", &[], "{");
    assert_eq!(malformed.status_code(), 400);
    for content_type in ["text/plain", "application/json5", ""] {
        let facts = Facts::request().method("POST").path("/petstore/pets").field("content-type", content_type).build();
        let response = shop.respond(&facts.head(), CAT.as_bytes()).unwrap();
        assert_eq!(response.status_code(), 415, "{content_type}");
        assert_eq!(response.values("accept"), ["application/json"]);
    }
}

#[test]
fn conditional_requests_see_the_state_they_name() {
    let shop = petstore("{}");
    let path = "/petstore/pets/1";
    let old = get(&shop, path).values("etag").remove(0);
    let answer = |method, name, tag: &str, body| call(&shop, method, path, &[(name, tag)], body);

    let known = answer("GET", "if-none-match", &old, "");
    assert_eq!((known.status_code(), known.bytes()), (304, &b""[..]));
    assert_eq!(known.values("etag"), [old.as_str()]);
    assert_eq!(answer("GET", "if-match", "\"x\"", "").status_code(), 412);

    let updated = answer("PUT", "if-match", &old, CAT);
    assert_eq!(updated.status_code(), 200);
    assert_ne!(updated.values("etag"), [old.as_str()]);
    assert_eq!(answer("GET", "if-none-match", &old, "").status_code(), 200);
    assert_eq!(answer("PUT", "if-match", &old, CAT).status_code(), 412);
    assert_eq!(answer("PUT", "if-none-match", "*", CAT).status_code(), 412);
    assert_eq!(answer("DELETE", "if-match", &old, "").status_code(), 412);
    let new = updated.values("etag").remove(0);
    assert_eq!(answer("DELETE", "if-match", &new, "").status_code(), 204);
    assert_eq!(answer("DELETE", "if-match", &new, "").status_code(), 404);
}

#[test]
fn a_pet_can_be_sent_back_as_it_was_shown() {
    let shop = petstore("{}");
    let shown = get(&shop, "/petstore/pets/1");
    let put = |path| call(&shop, "PUT", path, &[], &shown.text());
    assert_eq!(put("/petstore/pets/1").bytes(), shown.bytes());
    assert_eq!(pointers(&put("/petstore/pets/2")), ["#/id"]);
    assert_eq!(put("/petstore/pets/99").status_code(), 404);
}

#[test]
fn a_pet_deleted_while_it_is_updated_stays_deleted() {
    let shop = petstore("{}");
    assert_eq!(get(&shop, "/petstore/pets/1").status_code(), 200);
    // What a request leaves behind that deletes between the other's reading and writing.
    store::add("pets", "gone:1", 1, None).unwrap();
    let late = call(&shop, "PUT", "/petstore/pets/1", &[], CAT);
    assert_eq!(late.status_code(), 404);
    assert_eq!(get(&shop, "/petstore/pets/1").status_code(), 404);
}

#[test]
fn there_are_never_more_pets_than_configured() {
    let shop = petstore(r#"{"max_pets":4}"#);
    let create = || call(&shop, "POST", "/petstore/pets", &[], CAT).status_code();
    assert_eq!([create(), create(), create()], [201, 409, 409]);
    let delete = |path| call(&shop, "DELETE", path, &[], "").status_code();
    assert_eq!(delete("/petstore/pets/1"), 204);
    assert_eq!(delete("/petstore/pets/1"), 404);
    assert_eq!([create(), create()], [201, 409]);
    testing::reset();
    let tiny = petstore(r#"{"max_pets":1}"#);
    assert_eq!(ids(&get(&tiny, "/petstore/pets")), [1]);
}

#[test]
fn wrong_methods_and_paths_are_told_what_is_there() {
    let shop = petstore(r#"{"base":"/shop/v1"}"#);
    let cases = [
        ("DELETE", "/shop/v1/pets", "GET, HEAD, POST"),
        ("POST", "/shop/v1/pets/1", "GET, HEAD, PUT, DELETE"),
        ("PUT", "/shop/v1/orders", "GET, HEAD, POST"),
        ("DELETE", "/shop/v1/orders/1", "GET, HEAD"),
    ];
    for (method, path, allow) in cases {
        let response = call(&shop, method, path, &[], "");
        assert_eq!(response.status_code(), 405, "{method} {path}");
        assert_eq!(response.values("allow"), [allow]);
    }
    for path in ["/petstore/pets", "/shop/v1", "/shop/v1/pets/x"] {
        let response = get(&shop, path);
        assert_eq!(response.status_code(), 404, "{path}");
        assert_eq!(response.values("content-type"), ["application/problem+json"]);
    }
    assert_eq!(get(&shop, "/shop/v1/pets?limit=0").status_code(), 400);
}

#[test]
fn a_store_that_fails_is_a_failure_and_a_full_one_is_told() {
    let shop = petstore("{}");
    let facts = Facts::request().method("GET").path("/petstore/pets").build();
    testing::store::fail_with(Some(store::Error::Unavailable));
    assert_eq!(shop.respond(&facts.head(), b""), Err(Failure::Dependency));
    testing::store::fail_with(Some(store::Error::Denied));
    assert_eq!(shop.respond(&facts.head(), b""), Err(Failure::Internal));
    testing::store::fail_with(Some(store::Error::Limit));
    assert_eq!(get(&shop, "/petstore/pets").status_code(), 507);
}

#[test]
fn every_error_is_a_problem_document() {
    let shop = petstore("{}");
    let answers = [
        get(&shop, "/petstore/pets/77"),
        get(&shop, "/petstore/orders"),
        call(&shop, "PATCH", "/petstore/pets", &[], ""),
        call(&shop, "POST", "/petstore/pets", &[], "1"),
    ];
    for response in answers {
        let problem = json(&response);
        assert_eq!(problem["status"], Value::from(response.status_code()));
        assert!(problem["title"].is_string() && problem["detail"].is_string());
    }
}
