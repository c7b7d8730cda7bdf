//! Owns tests with text nobody would write.

use proptest::prelude::*;

use crate::config::{Config, Tree};

use super::{LISTEN, PETS};

/// Keys and values of the real thing, so that random text gets past the first complaint.
const WORDS: [&str; 40] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    " = ",
    "\n",
    ", ",
    "\"",
    "'",
    ".",
    "listen",
    "address",
    "\"127.0.0.1:80\"",
    "policy",
    "source",
    "\"builtin:cors\"",
    "grant",
    "\"read:*\"",
    "limits",
    "cpu",
    "\"5ms\"",
    "chain",
    "config",
    "route",
    "match",
    "path",
    "\"/\"",
    "upstream",
    "targets",
    "[\"http://a\"]",
    "keys",
    "jwks",
    "secret",
    "name",
    "version",
    "nan",
    "1",
    "é",
];

fn any_toml() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,200}",
        prop::collection::vec(prop::sample::select(&WORDS[..]), 0..60).prop_map(|words| words.concat()),
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_faults(gateway in any_toml(), api in any_toml(), valid in any::<bool>()) {
        let (gateway, api) = if valid { (format!("{gateway}\n{LISTEN}"), format!("{PETS}{api}")) } else { (gateway, api) };
        let tree = Tree::from_files([("gateway.toml", gateway), ("a/api.toml", api)]);
        if let Err(faults) = Config::parse(&tree) {
            prop_assert!(!faults.is_empty());
            prop_assert!(faults.iter().all(|fault| !fault.reason.is_empty() && !fault.advice.is_empty()));
        }
    }

    #[test]
    fn any_bytes_are_a_configuration_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let tree = Tree::from_files([("gateway.toml", bytes.clone()), ("a/api.toml", bytes.clone()), ("k.json", bytes)]);
        let _ = Config::parse(&tree);
    }
}

#[test]
fn deep_nesting_is_a_fault() {
    for text in
        [format!("{}a = 1", "a.".repeat(100_000)), format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000))]
    {
        let tree = Tree::from_files([("gateway.toml", text)]);
        assert!(Config::parse(&tree).unwrap_err()[0].reason.contains("is not TOML"));
    }
}
