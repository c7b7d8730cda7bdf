//! Whatever is sent: nobody gets in, nothing breaks, and what is not ours stays as it is.

use crate::support::{SHOP, policy, redirected, signed_in, world};
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::Facts;
use proptest::prelude::*;
use serde_json::json;

/// Pieces of what a request may hold, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("__Host-lockgate=".to_owned()),
        Just("__Host-lockgate-login-AAAAAAAAAAAAAAAA=".to_owned()),
        Just("; ".to_owned()),
        Just("=".to_owned()),
        Just("&".to_owned()),
        Just("state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        Just("begin=".to_owned()),
        Just("code=a".to_owned()),
        Just("error=%00".to_owned()),
        "[ -~]{0,12}",
        "\\PC{0,6}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn nobody_gets_in_without_a_session(
        method in prop_oneof![Just("GET"), Just("POST"), Just("FOO")],
        path in prop_oneof![Just("/".to_owned()), Just("/_login/callback".to_owned()), Just("/_logout".to_owned()), text()],
        query in text(), cookies in prop::collection::vec(text(), 0..3), mode in text(),
    ) {
        let (policy, _, _) = world(json!({"refresh": true, "revoked": "ended"}));
        let facts = Facts::request().method(method).path(&path).query(&query).field("sec-fetch-mode", mode);
        let facts = cookies.iter().fold(facts, |facts, cookie| facts.field("cookie", cookie));
        let verdict = policy.on_request(&facts.build().head());
        prop_assert!(verdict.response().is_some(), "{verdict:?}");
    }

    #[test]
    fn other_cookies_reach_the_upstream_byte_for_byte(
        before in "[a-z]{1,8}=[!-:<-~ ]{0,20}", after in prop::collection::vec("[a-z]{1,8}=[!-:<-~ ]{0,20}", 0..3),
    ) {
        let (_, _, browser) = signed_in(json!({}));
        let (name, value) = browser.jar[0].clone();
        let others = after.iter().map(|other| format!("; {other}")).collect::<String>();
        let cookie = format!("{before}; {name}={value}{others}");
        let facts = Facts::request().method("GET").path("/").field("cookie", cookie).build();
        let verdict = policy(json!({})).on_request(&facts.head());
        let edits = verdict.edits().unwrap();
        prop_assert!(edits.removes("cookie"));
        prop_assert_eq!(edits.appends("cookie"), [format!("{before}{others}")]);
    }

    #[test]
    fn wherever_somebody_went_they_come_back_to_this_site(path in "[/\\\\]{0,3}[ -~]{0,16}", query in text()) {
        let (policy, provider, mut browser) = world(json!({}));
        let target = format!("/{path}?{query}");
        let away = browser.visit(&policy, &target);
        let back = redirected(&browser.visit(&policy, &provider.sign_in(&redirected(&away, 302))), 303);
        let rest = back.strip_prefix(SHOP).unwrap();
        prop_assert!(rest.starts_with('/') && !rest.starts_with("//") && !rest.contains('\\'), "{}", back);
    }
}
