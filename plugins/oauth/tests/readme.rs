//! The example of the README is a right configuration, and the grants it shows are those it needs.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

use lockgate_plugin_oauth::OAuth;
use lockgate_sdk::{Interest, Policy, testing};

const README: &str = include_str!("../README.md");

/// What the first example configures, and what it grants.
fn example() -> (Interest, Vec<String>) {
    let example = README.split("```toml").nth(1).unwrap();
    let example: toml::Table = example.split("```").next().unwrap().parse().unwrap();
    let config = serde_json::to_string(&example["chain"][0]["config"]).unwrap();
    let interest = testing::configure::<OAuth>(&config).map(|policy| policy.interest()).unwrap();
    let grants = example["policy"]["oauth"]["grant"].as_array().unwrap();
    (interest, grants.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

#[test]
fn the_example_needs_exactly_the_grants_it_shows() {
    let (interest, granted) = example();
    testing::assert_grants(&interest, granted.iter().map(String::as_str));
}

#[test]
fn every_power_is_declared_with_its_reason() {
    let plugin: toml::Table = include_str!("../plugin.toml").parse().unwrap();
    let declared = plugin["declares"].as_array().unwrap();
    testing::assert_declared(&example().0, declared.iter().map(|it| it["power"].as_str().unwrap()));
}

#[test]
fn every_kind_of_refusal_is_in_the_list() {
    let sources = [
        include_str!("../src/access.rs"),
        include_str!("../src/binding.rs"),
        include_str!("../src/introspection.rs"),
        include_str!("../src/lib.rs"),
        include_str!("../src/dpop/nonce.rs"),
        include_str!("../src/dpop/proof.rs"),
        include_str!("../../../sdk/tokens/src/claims.rs"),
        include_str!("../../../sdk/tokens/src/credentials.rs"),
        include_str!("../../../sdk/tokens/src/jws.rs"),
    ];
    let mut kinds = 0;
    for source in sources {
        for refusal in source.split("Refusal::").skip(1) {
            let arguments = refusal.trim_start_matches(char::is_alphabetic).strip_prefix('(').unwrap_or_default();
            let kind = arguments.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
            // Text with spaces is for people.
            if let Some(kind) = kind.filter(|kind| !kind.contains(' ')) {
                assert!(README.contains(&format!("`{kind}`")), "{kind}");
                kinds += 1;
            }
        }
    }
    assert!(kinds > 30, "{kinds} found");
}
