//! The chain: whatever is done to its files is found, and a process that was killed costs no more than what it had not finished.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::chain::Flaw;
use super::*;

const ENTRIES: u64 = 5;

fn serves(record: &mut Record, generation: u64, text: &str) {
    let files = tree(text);
    record.serves(Serving { generation, routes: 1, files: &files, written: &files, whole: true, why: None });
}

fn tree(text: &str) -> Tree {
    Tree::from_files([("gateway.toml", text)])
}

fn serve(state: &Path, texts: &[&str]) -> Arc<History> {
    let mut record = Record::new(Some(state.to_owned()), None);
    for (number, text) in (1..).zip(texts) {
        serves(&mut record, number, text);
    }
    record.history()
}

/// A state directory with a record of some entries.
fn state() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    serve(state.path(), &["a", "b", "c", "d", "e"]);
    assert_eq!(verify(state.path()).unwrap().entries().len() as u64, ENTRIES);
    state
}

fn entries(state: &Path) -> PathBuf {
    segments::path(&folder(state), 1)
}

fn lines(state: &Path) -> Vec<String> {
    fs::read_to_string(entries(state)).unwrap().lines().map(|line| format!("{line}\n")).collect()
}

fn flaw(state: &Path) -> Flaw {
    match verify(state) {
        Err(ChainError::Flaw(flaw)) => flaw,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("nothing is found"),
    }
}

#[test]
fn any_byte_that_is_another_or_gone_is_found() {
    let state = state();
    let files = [folder(state.path()).join(head::FILE), entries(state.path())];
    let whole = files.each_ref().map(|file| fs::read(file).unwrap());
    proptest!(|(of_head: bool, at: usize, change in prop::option::of(1..=255u8))| {
        let (file, mut bytes) = if of_head { (&files[0], whole[0].clone()) } else { (&files[1], whole[1].clone()) };
        let at = at % bytes.len();
        match change {
            Some(change) => bytes[at] ^= change,
            None => {
                bytes.remove(at);
            }
        }
        fs::write(file, bytes).unwrap();
        let found = verify(state.path());
        files.iter().zip(&whole).for_each(|(file, bytes)| fs::write(file, bytes).unwrap());
        prop_assert!(matches!(found, Err(ChainError::Flaw(_))));
    });
    assert!(verify(state.path()).is_ok());
}

#[test]
fn whatever_was_not_written_to_its_end_is_taken_away_and_nothing_else() {
    let state = state();
    let head = folder(state.path()).join(head::FILE);
    let (before, whole) = (fs::read(&head).unwrap(), lines(state.path()).concat().len());
    serve(state.path(), &["f"]);
    let all = fs::read(entries(state.path())).unwrap();
    // Nothing of the sixth, some of it, and all but the end of its line.
    for kept in (whole..all.len()).step_by(97).chain([whole + 1, all.len() - 1]) {
        fs::write(entries(state.path()), &all[..kept]).unwrap();
        fs::write(&head, &before).unwrap();
        let chain = verify(state.path()).unwrap();
        assert_eq!((chain.entries().len() as u64, chain.is_torn), (ENTRIES, kept > whole), "{kept}");
        serve(state.path(), &["g"]);
        let chain = verify(state.path()).unwrap();
        assert_eq!((chain.entries().len() as u64, chain.is_torn), (ENTRIES + 1, false), "{kept}");
        assert_eq!(altered(state.path()).unwrap().len(), 0, "{kept}");
    }
}

#[test]
fn what_is_wrong_is_said_of_the_entry_that_is_wrong() {
    let text = |lines: Vec<String>| lines.concat();
    type Doing = fn(Vec<String>) -> Vec<String>;
    let cases: [(Doing, Flaw); 7] = [
        (
            |mut lines| {
                lines[2] = lines[2].replace("\"routes\":1", "\"routes\":2");
                lines
            },
            Flaw::Hash(3),
        ),
        (
            |mut lines| {
                lines.remove(1);
                lines
            },
            Flaw::Order { expected: 2, found: 3 },
        ),
        (
            |mut lines| {
                lines.swap(1, 2);
                lines
            },
            Flaw::Order { expected: 2, found: 3 },
        ),
        (
            |mut lines| {
                lines.truncate(3);
                lines
            },
            Flaw::Cut(4, 5),
        ),
        (
            |mut lines| {
                lines.remove(0);
                lines
            },
            Flaw::Order { expected: 1, found: 2 },
        ),
        (
            |mut lines| {
                lines[3] = "{}\n".to_owned();
                lines
            },
            Flaw::Unreadable(4),
        ),
        (|_| Vec::new(), Flaw::Cut(1, 5)),
    ];
    for (doing, expected) in cases {
        let state = state();
        fs::write(entries(state.path()), text(doing(lines(state.path())))).unwrap();
        assert_eq!(flaw(state.path()), expected);
    }
}

#[test]
fn an_entry_that_is_sealed_again_needs_the_key() {
    let (state, other) = (state(), state());
    let key = |state: &Path| folder(state).join("keys/record.pem");
    // Another entry of the same number, rightly signed with another key.
    let mut mixed = lines(state.path());
    mixed[4] = lines(other.path())[4].clone();
    fs::write(entries(state.path()), mixed.concat()).unwrap();
    assert!(matches!(flaw(state.path()), Flaw::OtherKey { entry: 5, .. }));
    // All of another record, but for the head.
    fs::copy(entries(other.path()), entries(state.path())).unwrap();
    assert!(matches!(flaw(state.path()), Flaw::OtherKey { entry: 1, .. }));
    fs::copy(key(other.path()), key(state.path())).unwrap();
    assert_eq!(flaw(state.path()), Flaw::Head);
    fs::remove_file(key(state.path())).unwrap();
    assert!(matches!(flaw(state.path()), Flaw::Key(_)));
    // A right hash and a signature of something else.
    let state = self::state();
    let mut changed = lines(state.path());
    let signature = |line: &str| line.split("\"signature\":\"").nth(1).unwrap()[..86].to_owned();
    changed[1] = changed[1].replace(&signature(&changed[1]), &signature(&changed[2]));
    fs::write(entries(state.path()), changed.concat()).unwrap();
    assert_eq!(flaw(state.path()), Flaw::Signature(2));
}

#[test]
fn a_head_that_is_older_or_gone_is_found() {
    let state = state();
    let head = folder(state.path()).join(head::FILE);
    let old = fs::read(&head).unwrap();
    serve(state.path(), &["f", "g"]);
    let new = fs::read(&head).unwrap();
    fs::write(&head, old).unwrap();
    assert_eq!(flaw(state.path()), Flaw::OldHead(7));
    fs::remove_file(&head).unwrap();
    assert_eq!(flaw(state.path()), Flaw::Head);
    // As if nothing had ever been on record.
    let whole = fs::read(entries(state.path())).unwrap();
    fs::remove_file(entries(state.path())).unwrap();
    assert_eq!(flaw(state.path()), Flaw::Head);
    fs::write(entries(state.path()), whole).unwrap();
    fs::write(&head, new).unwrap();
    assert!(verify(state.path()).is_ok());
}

#[test]
fn an_entry_that_was_taken_back_does_not_come_again() {
    let state = state();
    let (head, whole) = (folder(state.path()).join(head::FILE), lines(state.path()).concat());
    let before = fs::read(&head).unwrap();
    serve(state.path(), &["f"]);
    let taken_back = lines(state.path()).pop().unwrap();
    fs::write(&head, before).unwrap();
    fs::write(entries(state.path()), whole).unwrap();
    serve(state.path(), &["g"]);
    // It is of the same number and key, and names the same entry before it.
    let put_again = || {
        let mut mixed = lines(state.path());
        mixed[5].clone_from(&taken_back);
        let whole = fs::read(entries(state.path())).unwrap();
        fs::write(entries(state.path()), mixed.concat()).unwrap();
        let flaw = flaw(state.path());
        fs::write(entries(state.path()), whole).unwrap();
        flaw
    };
    assert_eq!(put_again(), Flaw::OtherHead(6));
    serve(state.path(), &["h"]);
    assert_eq!(put_again(), Flaw::Link(7));
}

#[test]
fn a_record_that_was_altered_is_set_aside_and_another_begun() {
    let state = state();
    let mut all = lines(state.path());
    all.truncate(3);
    fs::write(entries(state.path()), all.concat()).unwrap();
    let history = serve(state.path(), &["f"]);
    assert_eq!(verify(state.path()).unwrap().entries().len(), 1);
    let aside = altered(state.path()).unwrap();
    assert_eq!(fs::read_to_string(segments::path(&aside[0], 1)).unwrap(), all.concat(), "as it was found");
    assert!(history.standing().1[0].contains("was altered"));
}

#[test]
fn the_oldest_entries_go_and_the_rest_is_still_a_chain() {
    let state = tempfile::tempdir().unwrap();
    let most = (segments::MOST_ENTRIES * segments::MOST_FILES) as u64;
    let mut journal = Journal::open(&folder(state.path())).unwrap();
    let files = tree("same");
    let mut append = |number| {
        let manifest = Manifest::of(&files);
        let serves = Serves { generation: number, routes: 0, files: &files, manifest, whole: true };
        journal.serves(0, Why::Folder, serves).unwrap()
    };
    (1..=most + 1).for_each(|number| drop(append(number)));
    let chain = verify(state.path()).unwrap();
    let first = segments::MOST_ENTRIES as u64 + 1;
    assert_eq!((chain.entries()[0].entry.entry, chain.next()), (first, most + 2));
    assert_eq!(segments::list(&folder(state.path()), 0).unwrap().len(), segments::MOST_FILES);
    // Where it begins is signed too.
    fs::remove_file(segments::path(&folder(state.path()), first)).unwrap();
    assert!(matches!(flaw(state.path()), Flaw::Order { expected, .. } if expected == first));
}

#[test]
fn a_record_goes_on_over_starts_and_tells_why() {
    let state = tempfile::tempdir().unwrap();
    let mut record = Record::new(Some(state.path().to_owned()), None);
    serves(&mut record, 1, "a");
    let contents = Manifest::of(&tree("b")).digest();
    record.history().announce(Announcement { why: Why::Rollback { of: 1 }, contents });
    serves(&mut record, 2, "c");
    serves(&mut record, 3, "b");
    let history = serve(state.path(), &["b", "b"]);
    let chain = verify(state.path()).unwrap();
    let seen: Vec<_> = chain
        .entries()
        .iter()
        .map(|it| (it.entry.why.clone(), it.entry.serving.as_ref().unwrap()))
        .map(|(why, it)| (why, it.generation, it.files.as_ref().unwrap().len()))
        .collect();
    let rollback = Why::Rollback { of: 1 };
    assert_eq!(
        seen,
        [(Why::Start, 1, 1), (Why::Folder, 2, 1), (rollback, 3, 1), (Why::Start, 1, 0), (Why::Folder, 2, 0)]
    );
    assert_eq!(history.standing(), (Some((5, chain.newest_hash().to_owned())), Vec::new()));
    let newest = history.newest(2).unwrap();
    assert_eq!((&newest[0]["entry"], &newest[1]["entry"], newest.len()), (&5.into(), &4.into(), 2));
    let past = Past::open(state.path()).unwrap();
    let other = past.other().unwrap();
    assert_eq!((other.entry, past.files(other).unwrap()), (2, tree("c")));
    let before = |number| past.before(past.entry(number).unwrap()).map(|entry| entry.entry);
    assert_eq!((before(5), before(2), before(1)), (Some(4), Some(1), None));
    assert!(past.entry(6).unwrap_err().to_string().contains("no entry 6"));
}

#[test]
fn only_the_owner_may_read_it() {
    let state = state();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder(state.path())), 0o700);
    for name in ["head.json", "entries-0000000001.jsonl", "keys/record.pem"] {
        assert_eq!(mode(&folder(state.path()).join(name)), 0o600, "{name}");
    }
}

#[test]
fn what_cannot_be_written_is_told_and_tried_again() {
    let state = tempfile::tempdir().unwrap();
    fs::write(folder(state.path()), "in the way").unwrap();
    let mut record = Record::new(Some(state.path().to_owned()), None);
    serves(&mut record, 1, "a");
    assert!(record.history().standing().1[0].contains("generation 1 is not on record"));
    fs::remove_file(folder(state.path())).unwrap();
    serves(&mut record, 2, "b");
    assert_eq!(record.history().standing().1, [""; 0]);
    assert_eq!(verify(state.path()).unwrap().entries().len(), 1);
}
