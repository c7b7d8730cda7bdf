//! The guard against JSON texts collected elsewhere: each whole, and split at every byte with the state carried across.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panic")]

mod support;

use lockgate_plugin_body_guard::BodyGuard;
use lockgate_sdk::testing;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Once;
use support::{Outcome, in_pieces, split_at, whole};

/// A longer text is split at this many places, evenly spread.
const MOST_SPLITS: usize = 2_000;

static SKIPPED: Once = Once::new();

fn generous() -> BodyGuard {
    let config = r#"{
        "max_bytes": "1GiB", "max_depth": 1024, "max_members": 1000000, "max_items": 1000000, "max_key_length": 1000000,
        "max_string_length": 1000000, "max_number_length": 1000000, "max_tokens": 1000000
    }"#;
    testing::configure(config).unwrap()
}

/// Names and bytes of the texts; none, after saying so, where they are not there.
fn texts() -> Vec<(String, Vec<u8>)> {
    let root = std::env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let folder = root.join("jsontestsuite/test_parsing");
    let Ok(entries) = fs::read_dir(&folder) else {
        // Written past the test harness, which hides what passing tests print.
        SKIPPED.call_once(|| {
            let folder = folder.display();
            let _ = writeln!(io::stderr(), "skipped: there is no {folder}; set LOCKGATE_CORPORA");
        });
        return Vec::new();
    };
    let mut texts: Vec<_> = entries
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    texts.sort();
    texts
}

#[test]
fn texts_are_accepted_and_refused_as_the_collection_says() {
    let guard = generous();
    for (name, text) in texts() {
        let outcome = whole(&guard, &text);
        match name.as_bytes()[0] {
            b'y' => assert_eq!(outcome, Outcome::Accepted, "{name}"),
            // The collection counts on no limit; nesting without end is refused for its depth.
            b'n' => assert!(matches!(outcome, Outcome::Refused(400 | 413, _)), "{name}"),
            _ => assert!(matches!(outcome, Outcome::Accepted | Outcome::Refused(400, _)), "{name}"),
        }
    }
}

#[test]
fn where_the_standard_leaves_a_choice_utf8_passes_and_nothing_else() {
    let guard = generous();
    for (name, text) in texts() {
        if name.starts_with("i_") {
            let is_utf16 = text.contains(&0);
            let is_utf8 = std::str::from_utf8(&text).is_ok_and(|text| !text.starts_with('\u{feff}'));
            let is_accepted = whole(&guard, &text) == Outcome::Accepted;
            assert_eq!(is_accepted, is_utf8 && !is_utf16, "{name}");
        }
    }
}

#[test]
fn no_split_changes_the_outcome() {
    let guard = generous();
    for (name, text) in texts() {
        let expected = whole(&guard, &text);
        let stride = text.len() / MOST_SPLITS + 1;
        for at in (0..=text.len()).step_by(stride) {
            assert_eq!(split_at(&guard, &text, at), expected, "{name} at {at}");
        }
        let bytes = text.chunks(1);
        assert_eq!(in_pieces(&guard, bytes), expected, "{name}, byte by byte");
    }
}
