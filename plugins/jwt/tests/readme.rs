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

    let named = [
        ("key", interest.keys),
        ("read", interest.request_read),
        ("write", interest.request_write),
        ("attribute-write", interest.attributes_write),
    ];
    let mut needed: Vec<String> = named
        .into_iter()
        .flat_map(|(power, names)| names.into_iter().map(move |name| format!("{power}:{name}")))
        .collect();
    if interest.may_respond {
        needed.push("respond".to_owned());
    }
    let granted: Vec<&str> =
        example["policy"]["jwt"]["grant"].as_array().unwrap().iter().filter_map(toml::Value::as_str).collect();
    let covers = |grant: &str, need: &str| match grant.strip_suffix('*') {
        Some(prefix) => need.starts_with(prefix),
        None => need == grant,
    };
    for need in &needed {
        assert!(granted.iter().any(|grant| covers(grant, need)), "{need}");
    }
    for grant in granted {
        assert!(needed.iter().any(|need| covers(grant, need)), "{grant}");
    }
}
