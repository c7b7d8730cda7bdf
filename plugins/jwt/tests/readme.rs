//! The example of the README is a right configuration, and the grants it shows are those it needs.

use lockgate_plugin_jwt::Jwt;
use lockgate_sdk::{Policy, testing};

#[test]
fn the_example_needs_exactly_the_grants_it_shows() {
    let readme = include_str!("../README.md");
    let example = readme.split("```toml").nth(1).unwrap();
    let example: toml::Table = example.split("```").next().unwrap().parse().unwrap();
    let config = serde_json::to_string(&example["chain"][0]["config"]).unwrap();
    let interest = testing::configure::<Jwt>(&config).map(|jwt| jwt.interest()).unwrap();

    let granted = example["policy"]["jwt"]["grant"].as_array().unwrap();
    testing::assert_grants(&interest, granted.iter().filter_map(toml::Value::as_str));
}
