//! The example of the README does what it says, and the grants it shows are those it needs.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

mod support;

use lockgate_plugin_redact::Redact;
use lockgate_sdk::testing::{self, crypto};
use lockgate_sdk::{Interest, Policy};
use sha2::{Digest, Sha256};

const README: &str = include_str!("../README.md");

fn block(kind: &str, at: usize) -> &'static str {
    let block = README.split(&format!("```{kind}\n")).nth(at + 1).unwrap();
    block.split("```").next().unwrap()
}

fn policy() -> Redact {
    let example: toml::Table = block("toml", 1).parse().unwrap();
    support::configured(&serde_json::to_string(&example["route"][0]["chain"][0]["config"]).unwrap())
}

fn interest() -> Interest {
    policy().interest()
}

#[test]
fn the_example_needs_exactly_the_grants_it_shows() {
    let gateway: toml::Table = block("toml", 0).parse().unwrap();
    let granted = gateway["policy"]["redact"]["grant"].as_array().unwrap();
    testing::assert_grants(&interest(), granted.iter().filter_map(toml::Value::as_str));
}

#[test]
fn every_power_is_declared_with_its_reason() {
    let plugin: toml::Table = include_str!("../plugin.toml").parse().unwrap();
    let declared = plugin["declares"].as_array().unwrap();
    testing::assert_declared(&interest(), declared.iter().map(|it| it["power"].as_str().unwrap()));
}

#[test]
fn the_example_makes_of_an_order_what_it_shows() {
    crypto::sign_with(|asked| Ok(Sha256::digest([b"a key", asked.message].concat()).to_vec()));
    let seen = support::seen(&policy(), &[("auth.consumer", "shop")], block("json", 0));
    assert_eq!(seen, block("json", 1));
}
