//! Documents of others: all that are of OpenAPI 3 are read, and where their strings are annotated these are found.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::content::Content;
use crate::openapi::{Document, Fault, RouteView};

/// Folders with documents, and how many there are at least.
const FOLDERS: [(&str, usize); 2] = [("openapi-oai-learn", 20), ("openapi-readme", 100)];

/// All documents of a folder of the corpora, or none after saying so: they are not part of the project.
fn documents(folder: &str) -> Vec<PathBuf> {
    let root = std::env::var_os("LOCKGATE_CORPORA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora")), PathBuf::from);
    let (mut left, mut found) = (vec![root.join(folder)], Vec::new());
    while let Some(folder) = left.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            eprintln!("SKIPPED: no documents at {}; set LOCKGATE_CORPORA", folder.display());
            continue;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            match path.extension().and_then(|extension| extension.to_str()) {
                _ if path.is_dir() => left.push(path),
                Some("json" | "yaml") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path, text: &[u8]) -> Result<Document, Vec<Fault>> {
    let find = |folder: &Path, text: &str| {
        let path = folder.join(text);
        Some((path.clone(), Content::from(fs::read(&path).ok()?)))
    };
    Document::read(path, text, &find)
}

#[test]
fn every_document_of_openapi_3_is_read_and_others_are_refused_with_a_reason() {
    for (folder, least) in FOLDERS {
        let all = documents(folder);
        let (mut good, mut slowest) = (0, Duration::ZERO);
        for path in &all {
            let (text, begun) = (fs::read(path).unwrap(), Instant::now());
            let read = read(path, &text);
            slowest = slowest.max(begun.elapsed());
            let says = |word: &str| String::from_utf8_lossy(&text).contains(word);
            match read {
                Ok(_) => good += 1,
                Err(faults) if says("swagger") || !says("openapi") => {
                    assert!(faults[0].reason.contains("OpenAPI"), "{}: {faults:?}", path.display());
                }
                Err(faults) => panic!("{}: {faults:#?}", path.display()),
            }
        }
        eprintln!("{folder}: {good} of {} documents are of OpenAPI 3, the slowest took {slowest:?}", all.len());
        assert!(all.is_empty() || good >= least, "only {good} documents of {folder} were read");
    }
}

/// Annotate every schema that is a string, wherever there may be schemas.
fn annotate(value: &mut Value, count: &mut usize) {
    match value {
        Value::Object(members) => {
            let is_schema = members.get("type").is_some_and(|kind| kind == "string");
            if is_schema {
                members.insert("x-pii".to_owned(), true.into());
                *count += 1;
            }
            let elsewhere = ["example", "examples", "default", "enum", "const", "value", "variables"];
            let below =
                members.iter_mut().filter(|(name, _)| !name.starts_with("x-") && !elsewhere.contains(&name.as_str()));
            below.for_each(|(_, below)| annotate(below, count));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| annotate(item, count)),
        _ => {}
    }
}

#[test]
fn annotated_strings_are_found_in_the_operations_that_carry_them() {
    for (folder, _) in FOLDERS {
        let (mut files, mut annotated, mut found) = (0, 0, 0);
        for path in documents(folder).into_iter().filter(|path| path.extension().is_some_and(|it| it == "json")) {
            let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let mut count = 0;
            if value.get("openapi").is_none() {
                continue;
            }
            annotate(&mut value, &mut count);
            let document =
                read(&path, value.to_string().as_bytes()).unwrap_or_else(|it| panic!("{}: {it:#?}", path.display()));
            let all = RouteView { name: "all of them", methods: &[], path: "/{*rest}" };
            let fields =
                document.fields(all).map(|fields| fields.fields.len() + fields.unread.len()).unwrap_or_default();
            // Webhooks go past the gateway.
            let is_elsewhere = path.to_string_lossy().contains("webhook");
            assert!(fields > 0 || count == 0 || is_elsewhere, "{}: none of {count} strings is found", path.display());
            (files, annotated, found) = (files + 1, annotated + count, found + fields);
        }
        eprintln!(
            "{folder}: in {files} documents {annotated} strings are annotated, which are {found} fields of routes"
        );
    }
}
