//! The examples of the README are right configurations, and the grants it shows are those they need.
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

use lockgate_plugin_signature::Signature;
use lockgate_sdk::{Interest, Policy, testing};
use std::collections::BTreeSet;

fn examples() -> Vec<toml::Table> {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```toml").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.map(|block| block.parse().unwrap()).collect()
}

/// What an interest needs, in the words of grants.
fn needed(interest: Interest) -> BTreeSet<String> {
    let body = interest.request_body.is_some().then(|| "body:request:inspect".to_owned());
    let words = interest.powers().into_iter().map(|word| {
        let word = word.replacen("request-", "", 1).replacen("response-", "", 1);
        if word.starts_with("attribute-write:signature.") { "attribute-write:signature.*".to_owned() } else { word }
    });
    words.chain(body).collect()
}

#[test]
fn the_examples_need_exactly_the_grants_they_show() {
    let examples = examples();
    let (gateway, uses) = examples.split_first().unwrap();
    assert_eq!(uses.len(), 2);
    for chain in uses.iter().map(|example| &example["chain"][0]) {
        let config = serde_json::to_string(&chain["config"]).unwrap();
        let interest = testing::configure::<Signature>(&config).map(|policy| policy.interest()).unwrap();
        let granted = &gateway["policy"][chain["policy"].as_str().unwrap()]["grant"];
        let granted: BTreeSet<_> =
            granted.as_array().unwrap().iter().map(|grant| grant.as_str().unwrap().to_owned()).collect();
        assert_eq!(needed(interest), granted);
    }
}
