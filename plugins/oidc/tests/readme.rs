//! The example of the README is a right configuration, the grants it shows are those it needs, and its lists are whole.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

use lockgate_plugin_oidc::Oidc;
use lockgate_sdk::{Interest, Policy, testing};

const README: &str = include_str!("../README.md");

fn example(at: usize) -> toml::Table {
    let example = README.split("```toml").nth(at).unwrap();
    example.split("```").next().unwrap().parse().unwrap()
}

/// What the example configures.
fn interest() -> Interest {
    let config = serde_json::to_string(&example(2)["chain"][0]["config"]).unwrap();
    testing::configure::<Oidc>(&config).map(|policy| policy.interest()).unwrap()
}

#[test]
fn the_example_needs_exactly_the_grants_it_shows() {
    let gateway = example(1);
    let granted = gateway["policy"]["oidc"]["grant"].as_array().unwrap();
    testing::assert_grants(&interest(), granted.iter().filter_map(toml::Value::as_str));
}

#[test]
fn every_power_is_declared_with_its_reason() {
    let plugin: toml::Table = include_str!("../plugin.toml").parse().unwrap();
    let declared = plugin["declares"].as_array().unwrap();
    testing::assert_declared(&interest(), declared.iter().map(|it| it["power"].as_str().unwrap()));
}

#[test]
fn every_kind_of_refusal_is_in_the_table_with_its_status() {
    let account = include_str!("../src/refusal.rs");
    let mut kinds = 0;
    for arguments in account.split(" of(").skip(1) {
        let mut arguments = arguments.split(',').map(|it| it.trim().trim_matches('"'));
        let (status, kind) = (arguments.next().unwrap(), arguments.next().unwrap());
        let row = README.lines().find(|line| line.contains(&format!("`{kind}`")) && line.starts_with("| "));
        assert!(row.is_some_and(|row| row.starts_with(&format!("| {status} |"))), "{status} {kind}");
        kinds += 1;
    }
    assert_eq!(kinds, 14);
}

#[test]
fn every_key_is_in_the_table() {
    let config = include_str!("../src/config.rs");
    let raw = config.split("pub(crate) struct Config {").nth(1).unwrap().split("\n}").next().unwrap();
    let keys = raw.lines().filter(|line| !line.trim().starts_with('#')).filter_map(|line| line.split_once(':'));
    for (key, _) in keys {
        let key = key.trim().trim_start_matches("pub(crate) ");
        assert!(README.contains(&format!("\n| `{key}` | ")), "{key}");
    }
}
