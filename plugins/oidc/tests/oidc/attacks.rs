//! What somebody else, or the visitor, might try.

use crate::support::{Browser, ISSUER, NOW, Request, outcome, redirected, refusal, signed_in, world};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing;
use serde_json::{Value, json};

fn kind(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[test]
fn a_stolen_code_is_of_no_use_in_another_browser() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let mut thief = Browser::default();
    assert_eq!(refusal(&policy, &thief, &callback), kind(400, "state_unknown"));
    // With a login of their own, the code does not fit it.
    let own = provider.sign_in(&redirected(&thief.visit(&policy, "/"), 302));
    let code = |url: &str| url.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let injected = own.replace(&code(&own), &code(&callback));
    assert_eq!(refusal(&policy, &thief, &injected), kind(400, "code_refused"));
}

#[test]
fn nobody_is_signed_in_as_somebody_else_by_a_link() {
    let (policy, provider, mut attacker) = world(json!({}));
    let callback = provider.sign_in(&redirected(&attacker.visit(&policy, "/"), 302));
    let mut victim = Browser::default();
    redirected(&victim.visit(&policy, "/"), 302);
    assert_eq!(refusal(&policy, &victim, &callback), kind(400, "state_unknown"));
    drop(victim.visit(&policy, &callback));
    assert!(!victim.has_session());
}

#[test]
fn an_answer_is_used_once() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let kept = browser.clone();
    redirected(&browser.visit(&policy, &callback), 303);
    assert_eq!(refusal(&policy, &browser, &callback), kind(400, "state_unknown"));
    testing::clock::advance(1);
    assert_eq!(refusal(&policy, &kept, &callback), kind(400, "code_refused"), "whoever kept the cookie");
}

#[test]
fn a_state_is_compared_whole() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let state = callback.split("state=").nth(1).unwrap();
    let last = if state.ends_with('A') { 'E' } else { 'A' };
    let cases = [
        (format!("{}{last}", &state[..42]), "state_mismatch"),
        (state[..42].to_owned(), "state_unknown"),
        (format!("{state}A"), "state_unknown"),
        (state[..16].to_owned(), "state_unknown"),
        ("A".repeat(43), "state_unknown"),
        (String::new(), "state_unknown"),
        ("%00".repeat(43), "state_unknown"),
    ];
    for (forged, expected) in cases {
        let callback = callback.replace(state, &forged);
        assert_eq!(refusal(&policy, &browser, &callback), kind(400, expected), "{forged}");
    }
    assert!(provider.asked("/token").is_empty(), "none of them got as far as that");
    redirected(&browser.visit(&policy, &callback), 303);
}

#[test]
fn a_cookie_that_was_changed_or_is_for_something_else_is_none() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let login = browser.jar[0].clone();
    let change = |browser: &Browser, at: usize| {
        let mut browser = browser.clone();
        let letter = if browser.jar[0].1.as_bytes()[at] == b'A' { "B" } else { "A" };
        browser.jar[0].1.replace_range(at..=at, letter);
        browser
    };
    for at in [0, 20, 40, login.1.len() - 2] {
        assert_eq!(refusal(&policy, &change(&browser, at), &callback), kind(400, "state_unknown"), "{at}");
    }
    redirected(&browser.visit(&policy, &callback), 303);
    let session = browser.jar[0].clone();
    for at in (0..session.1.len() - 1).step_by(7) {
        assert_eq!(refusal(&policy, &change(&browser, at), "/"), kind(401, "login_needed"), "{at}");
    }
    let swapped = Browser { jar: vec![(session.0.clone(), login.1)] };
    assert_eq!(refusal(&policy, &swapped, "/"), kind(401, "login_needed"));
    let swapped = Browser { jar: vec![(login.0, session.1)] };
    assert_eq!(refusal(&policy, &swapped, &callback), kind(400, "state_unknown"));
}

#[test]
fn a_session_is_of_one_client_of_one_issuer() {
    let (_, _, browser) = signed_in(json!({}));
    for other in [json!({"client_id": "till"}), json!({"issuer": "https://idp.example.com/realms/other"})] {
        let policy = crate::support::policy(other.clone());
        assert_eq!(refusal(&policy, &browser, "/"), kind(401, "login_needed"), "{other}");
    }
}

#[test]
fn answers_of_another_provider_are_refused() {
    let cases = [
        (false, "", None),
        (false, "&iss=https%3A%2F%2Fidp.example.com%2Frealms%2Fmain", None),
        (false, "&iss=https%3A%2F%2Fevil.example", Some("issuer_mismatch")),
        (false, "&iss=", Some("issuer_mismatch")),
        (true, "", Some("issuer_mismatch")),
        (true, "&iss=https%3A%2F%2Fidp.example.com%2Frealms%2Fmain", None),
        (true, "&iss=https%3A%2F%2Fidp.example.com%2Frealms%2Fmain%2F", Some("issuer_mismatch")),
    ];
    for (is_always_said, issuer, refused) in cases {
        let (policy, provider, mut browser) = world(json!({}));
        provider
            .change(|state| state.document = json!({"authorization_response_iss_parameter_supported": is_always_said}));
        let location = redirected(&browser.visit(&policy, "/"), 302);
        let callback = provider.sign_in(&location) + issuer;
        match refused {
            None => drop(redirected(&browser.visit(&policy, &callback), 303)),
            Some(refused) => {
                assert_eq!(refusal(&policy, &browser, &callback), kind(400, refused), "{issuer}");
                assert!(provider.asked("/token").is_empty(), "the code is told to nobody");
            }
        }
    }
}

#[test]
fn an_answer_has_one_reading() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let state = callback.split("state=").nth(1).unwrap();
    let many: String = (0..17).map(|at| format!("p{at}=&")).collect();
    let queries = [
        String::new(),
        "code=a".to_owned(),
        format!("state={state}"),
        format!("code=&state={state}"),
        format!("code=a&state={state}&code=a"),
        format!("code=a&state={state}&state={state}"),
        format!("code=a&state={state}&iss=a&iss=a"),
        format!("code=a&error=access_denied&state={state}"),
        format!("begin={state}&code=a&state={state}"),
        format!("{many}code=a&state={state}"),
        format!("code={}&state={state}", "a".repeat(8192)),
    ];
    for query in queries {
        let refused = refusal(&policy, &browser, &format!("/_login/callback?{query}"));
        assert_eq!(refused, kind(400, "callback_malformed"), "{query:.60}");
    }
    for method in ["HEAD", "POST", "PUT"] {
        let verdict = browser.clone().send(&policy, Request::get(&callback).method(method));
        assert_eq!(outcome(&verdict), kind(405, "method_not_permitted"));
        assert_eq!(verdict.response().unwrap().values("allow"), ["GET"]);
    }
    assert!(provider.asked("/token").is_empty());
}

/// The refusal of a login that is given an ID token with these changes.
fn with_id_token(config: Value, claims: Value, header: Value) -> (u16, String) {
    let (policy, provider, mut browser) = world(config);
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    provider.change(|state| (state.claims, state.header) = (claims, header));
    let verdict = browser.send(&policy, Request::get(&callback).field("sec-fetch-mode", "cors"));
    assert_eq!(browser.has_session(), verdict.response().unwrap().status_code() == 303);
    outcome(&verdict)
}

#[test]
fn an_id_token_has_to_be_right_in_everything() {
    let ok = kind(303, "");
    let invalid = kind(400, "id_token_invalid");
    let other = kind(400, "nonce_mismatch");
    let cases = [
        (json!({}), &ok),
        (json!({"at_hash": null}), &ok),
        (json!({"aud": ["shop"]}), &ok),
        (json!({"aud": ["shop", "till"], "azp": "shop"}), &ok),
        (json!({"azp": "shop", "exp": NOW - 29}), &ok),
        (json!({"iss": "https://evil.example"}), &invalid),
        (json!({"iss": format!("{ISSUER}/")}), &invalid),
        (json!({"iss": null}), &invalid),
        (json!({"aud": "till"}), &invalid),
        (json!({"aud": null}), &invalid),
        (json!({"aud": ["shop", "till"]}), &invalid),
        (json!({"aud": ["shop", "till"], "azp": "till"}), &invalid),
        (json!({"azp": "till"}), &invalid),
        (json!({"azp": ["shop"]}), &invalid),
        (json!({"exp": null}), &invalid),
        (json!({"exp": NOW - 30}), &invalid),
        (json!({"iat": null}), &invalid),
        (json!({"iat": NOW + 31}), &invalid),
        (json!({"nbf": NOW + 31}), &invalid),
        (json!({"sub": null}), &invalid),
        (json!({"sub": ""}), &invalid),
        (json!({"sub": "s".repeat(256)}), &invalid),
        (json!({"sub": 7}), &invalid),
        (json!({"at_hash": "c29tZXRoaW5n"}), &invalid),
        (json!({"at_hash": 1}), &invalid),
        (json!({"nonce": null}), &other),
        (json!({"nonce": "x"}), &other),
        (json!({"nonce": 1}), &other),
    ];
    for (claims, expected) in cases {
        assert_eq!(&with_id_token(json!({}), claims.clone(), json!({})), expected, "{claims}");
    }
    let eddsa = json!({"alg": "EdDSA", "typ": "JWT"});
    assert_eq!(with_id_token(json!({}), json!({"at_hash": null}), eddsa.clone()), ok);
    assert_eq!(with_id_token(json!({}), json!({}), eddsa), invalid, "its digest is SHA-512");
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "HS256"}),
        json!({"alg": "ES256"}),
        json!({"typ": "at+jwt"}),
        json!({"typ": "logout+jwt"}),
        json!({"crit": ["x"]}),
    ] {
        assert_eq!(with_id_token(json!({}), json!({}), header.clone()), invalid, "{header}");
    }
}

#[test]
fn what_is_no_good_id_token_signs_nobody_in() {
    for answer in
        [json!({"id_token": null}), json!({"id_token": "a.b.c"}), json!({"id_token": "eyJhbGciOiJub25lIn0.e30."})]
    {
        let (policy, provider, mut browser) = world(json!({}));
        let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
        provider.change(|state| state.answer = answer.clone());
        assert_eq!(refusal(&policy, &browser, &callback), kind(400, "id_token_invalid"), "{answer}");
    }
}

#[test]
fn a_client_says_nothing_in_the_place_of_a_session() {
    let (policy, _, mut browser) = signed_in(json!({
        "headers": {"email": "x-email", "phone": "x-phone"}, "forward_access_token": true,
    }));
    let smuggled = Request::get("/")
        .field("x-email", "root@example.com")
        .field("x-phone", "1")
        .field("authorization", "Bearer forged")
        .field("cookie", "__Host-lockgate-login-x=1; a=b");
    let verdict = browser.send(&policy, smuggled);
    let edits = verdict.edits().unwrap();
    assert_eq!(edits.sets("x-email"), ["ann@example.com"]);
    assert!(edits.removes("x-phone") && edits.sets("x-phone").is_empty());
    assert!(edits.sets("authorization")[0].starts_with("Bearer secret-access-"));
    assert_eq!(edits.appends("cookie"), ["a=b"]);
    let doubled = Request::get("/").field("cookie", "__Host-lockgate=x").field("sec-fetch-mode", "cors");
    assert_eq!(outcome(&browser.send(&policy, doubled)), kind(401, "login_needed"), "which of the two?");
}

#[test]
fn other_sites_change_nothing_with_a_session() {
    let (policy, _, browser) = signed_in(json!({}));
    let cases: [(&[(&str, &str)], u16); 9] = [
        (&[("sec-fetch-site", "same-origin")], 200),
        (&[("sec-fetch-site", "none")], 200),
        (&[("origin", "https://shop.example.com")], 200),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example.com")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[], 403),
    ];
    for (fields, status) in cases {
        let request = |method: &str| {
            let request = Request::get("/orders").method(method);
            fields.iter().fold(request, |request, (name, value)| request.field(name, value))
        };
        for method in ["POST", "PUT", "PATCH", "DELETE", "CONNECT"] {
            let verdict = browser.clone().send(&policy, request(method));
            assert_eq!(
                outcome(&verdict),
                kind(status, if status == 403 { "cross_site" } else { "" }),
                "{method} {fields:?}"
            );
        }
        assert_eq!(outcome(&browser.clone().send(&policy, request("GET"))).0, 200, "{fields:?}");
        let socket = request("GET").field("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(outcome(&browser.clone().send(&policy, socket)).0, status, "{fields:?}");
    }
    let (lenient, _, browser) = signed_in(json!({"csrf": false}));
    assert_eq!(outcome(&browser.clone().send(&lenient, Request::get("/").method("POST"))).0, 200);
}

#[test]
fn answers_logs_and_pages_hold_no_secrets() {
    let (policy, provider, mut browser) = world(json!({"claims": {"groups": "admin"}}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    let verdict = browser.clone().visit(&policy, &callback.replace("secret-code", "secret-other"));
    let mut said = vec![verdict.response().unwrap().text(), format!("{verdict:?}")];
    drop(browser.visit(&policy, &callback));
    for request in [Request::get("/").field("sec-fetch-mode", "navigate"), Request::get("/")] {
        let verdict = browser.send(&policy, request);
        assert_eq!(verdict.response().unwrap().status_code(), 403);
        said.extend([verdict.response().unwrap().text(), format!("{verdict:?}")]);
    }
    let denied = redirected(&Browser::default().visit(&policy, "/"), 302);
    assert!(denied.contains("state="));
    said.extend(testing::log::lines().into_iter().map(|(_, line)| line));
    let mut secrets = vec!["secret-".to_owned(), "ann".to_owned(), "<b>".to_owned()];
    secrets.extend(browser.jar.iter().map(|(_, value)| value.clone()));
    for secret in secrets {
        assert!(!said.iter().any(|said| said.contains(&secret)), "{secret} in {said:?}");
    }
}

#[test]
fn keys_out_of_reach_are_a_failed_dependency() {
    let (policy, provider, mut browser) = world(json!({}));
    let callback = provider.sign_in(&redirected(&browser.visit(&policy, "/"), 302));
    testing::crypto::verify_with(|_| Err(crypto::VerifyError::Unavailable));
    assert_eq!(browser.visit(&policy, &callback).failure(), Some(Failure::Dependency));
}
