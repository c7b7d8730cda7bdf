//! The collected tests of structured fields, through what is used here.

use super::Kind;
use serde_json::Value;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

#[test]
fn values_are_refused_and_written_as_the_collection_says() {
    let root = std::env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let folder = root.join("structured-field-tests");
    let Ok(entries) = fs::read_dir(&folder) else {
        // Written past the test harness, which hides what passing tests print.
        let _ = writeln!(io::stderr(), "skipped: there is no {}; set LOCKGATE_CORPORA", folder.display());
        return;
    };
    let mut count = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let cases: Vec<Value> = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for case in &cases {
            judge(case);
        }
        count += cases.len();
    }
    assert!(count > 1_500, "{count}");
}

fn judge(case: &Value) {
    let name = &case["name"];
    let kind: Kind = serde_json::from_value(case["header_type"].clone()).unwrap();
    let raw = lines(&case["raw"]);
    let written = kind.canonical(raw.as_bytes());
    if case["must_fail"] == true {
        assert_eq!(written, None, "{name}: {raw:?}");
        return;
    }
    let expected = if case["canonical"].is_array() { lines(&case["canonical"]) } else { raw };
    match written {
        Some(written) => assert_eq!(written, expected, "{name}"),
        None => assert_eq!(case["can_fail"], true, "{name}: {expected:?}"),
    }
}

fn lines(lines: &Value) -> String {
    let lines: Vec<_> = lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    lines.join(", ")
}
