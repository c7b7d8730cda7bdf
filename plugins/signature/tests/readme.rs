//! The examples of the README are right configurations, and the grants it shows are those they need.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

use lockgate_plugin_signature::Signature;
use lockgate_sdk::{Policy, testing};

fn examples() -> Vec<toml::Table> {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```toml").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.map(|block| block.parse().unwrap()).collect()
}

#[test]
fn the_examples_need_exactly_the_grants_they_show() {
    let examples = examples();
    let (gateway, uses) = examples.split_first().unwrap();
    assert_eq!(uses.len(), 2);
    for chain in uses.iter().map(|example| &example["chain"][0]) {
        let config = serde_json::to_string(&chain["config"]).unwrap();
        let interest = testing::configure::<Signature>(&config).map(|policy| policy.interest()).unwrap();
        let granted = gateway["policy"][chain["policy"].as_str().unwrap()]["grant"].as_array().unwrap();
        testing::assert_grants(&interest, granted.iter().filter_map(toml::Value::as_str));
    }
}
