//! JSON texts collected elsewhere: each whole, and cut at every byte.

use crate::support::drive::{cut, everywhere, whole};
use crate::support::guide::{ByName, Chance, NOBODY};
use lockgate_json::rewrite::{Framing, Limits, Stop, Treatment};
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

/// A longer text is cut at this many places, evenly spread.
const MOST_CUTS: usize = 500;

/// Names and bytes of the texts; none, after saying so, where they are not there.
fn texts() -> Vec<(String, Vec<u8>)> {
    let root = std::env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpora"), PathBuf::from);
    let folder = root.join("jsontestsuite/test_parsing");
    let Ok(entries) = fs::read_dir(&folder) else {
        // Written past the test harness, which hides what passing tests print.
        let _ = writeln!(io::stderr(), "skipped: there is no {}; set LOCKGATE_CORPORA", folder.display());
        return Vec::new();
    };
    let text = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    };
    entries.map(text).collect()
}

fn is_as_collected(name: &str, text: &[u8], came: &Result<Vec<u8>, Stop>) -> bool {
    match name.as_bytes()[0] {
        b'y' => came.as_deref() == Ok(text),
        b'n' => came.is_err(),
        _ => came.as_deref().map_or(true, |came| came == text),
    }
}

#[test]
fn texts_pass_and_are_refused_as_the_collection_says_however_they_are_cut() {
    let limits = Limits::default();
    for (name, text) in texts() {
        // What nobody asks about, and what is followed to the end, are read by different code.
        for mut guide in [NOBODY, ByName::of([("no such name", Treatment::Remove)])] {
            let came = whole(&mut guide, limits, Framing::Single, &text);
            assert!(is_as_collected(&name, &text, &came), "{name}: {came:?}");
            for at in (1..text.len()).step_by(text.len() / MOST_CUTS + 1) {
                assert_eq!(cut(&mut guide, limits, Framing::Single, &text, &[at]), came, "{name} cut at {at}");
            }
            let cuts = everywhere(&text[..text.len().min(10_000)]);
            assert_eq!(cut(&mut guide, limits, Framing::Single, &text, &cuts), came, "{name} byte by byte");
        }
    }
}

#[test]
fn texts_that_are_removed_or_rewritten_are_refused_all_the_same() {
    for (name, text) in texts().into_iter().filter(|(name, _)| name.starts_with(['y', 'n'])) {
        for seed in 0..20 {
            let mut guide = Chance { seed, inspects: seed % 2 == 0, blocks: false };
            let came = whole(&mut guide, Limits::default(), Framing::Single, &text);
            assert_eq!(came.is_ok(), name.starts_with('y'), "{name}: {came:?}");
        }
    }
}
