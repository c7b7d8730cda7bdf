//! The compliance suite of JSONPath: all of it, the selectors that a stream answers and those that it does not.

use crate::path::Step;
use crate::walk::{Place, places};
use lockgate_json::select::{Path, PathError};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// How many valid selectors the suite has that are answered.
const ANSWERED: usize = 153;
/// How many valid selectors are refused, and for what.
const REFUSED: [(&str, usize); 2] = [("a filter", 289), ("what counts from the end", 14)];
const INVALID: usize = 247;

#[test]
fn the_compliance_suite_passes_for_what_a_stream_can_answer() {
    let Some(cases) = cases() else { return };
    let (mut answered, mut invalid, mut refused) = (0, 0, BTreeMap::new());
    for case in &cases {
        let selector = case["selector"].as_str().unwrap();
        match Path::json_path(selector) {
            Err(PathError::Invalid { .. }) => {
                assert_eq!(case["invalid_selector"], true, "{selector} is valid");
                invalid += 1;
            }
            Err(PathError::NotStreamable { at, reason }) => {
                assert_ne!(case["invalid_selector"], true, "{selector} is invalid");
                assert!(selector.is_char_boundary(at));
                *refused.entry(category(reason)).or_insert(0) += 1;
            }
            Ok(path) => {
                assert_ne!(case["invalid_selector"], true, "{selector} is invalid");
                let found: BTreeSet<String> = places(&path, &case["document"]).iter().map(normalised).collect();
                assert!(expected(case).contains(&found), "{selector} selects {found:?}");
                answered += 1;
            }
        }
    }
    assert_eq!(refused, BTreeMap::from(REFUSED));
    assert_eq!((answered, invalid), (ANSWERED, INVALID));
}

fn category(reason: &str) -> &'static str {
    REFUSED.iter().find(|(category, _)| reason.starts_with(category)).unwrap_or_else(|| panic!("{reason}")).0
}

/// The sets of places that are right: the order of members, and so of what is found, is not given.
fn expected(case: &Value) -> Vec<BTreeSet<String>> {
    let set = |paths: &Value| paths.as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect();
    match &case["results_paths"] {
        Value::Array(all) => all.iter().map(set).collect(),
        _ => vec![set(&case["result_paths"])],
    }
}

/// The normalised path of a place (RFC 9535 section 2.7).
fn normalised(place: &Place) -> String {
    let mut path = String::from("$");
    for step in place {
        match step {
            Step::Item(index) => path += &format!("[{index}]"),
            Step::Member(name) => path += &format!("['{}']", name.chars().map(escaped).collect::<String>()),
        }
    }
    path
}

fn escaped(c: char) -> String {
    match c {
        '\u{8}' => "\\b".into(),
        '\u{c}' => "\\f".into(),
        '\n' => "\\n".into(),
        '\r' => "\\r".into(),
        '\t' => "\\t".into(),
        '\'' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
        c => c.into(),
    }
}

/// The cases of the suite; none, after saying so, where it is not there.
fn cases() -> Option<Vec<Value>> {
    let root = env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let path = root.join("jsonpath-cts/cts.json");
    let Ok(text) = fs::read(&path) else {
        // Written past the test harness, which hides what passing tests print.
        let _ = writeln!(io::stderr(), "skipped: there is no {}; set LOCKGATE_CORPORA", path.display());
        return None;
    };
    let suite: Value = serde_json::from_slice(&text).unwrap();
    Some(suite["tests"].as_array().unwrap().clone())
}
