//! Whatever a document holds it is read or refused, soon.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{faults, read, with_schemas};

/// Generous, for machines that are busy and code that is not optimised: what has no end takes longer than anybody waits.
const SOON: Duration = Duration::from_secs(60);

#[track_caller]
fn refused(file: &str, text: &str, expected: &str) {
    let begun = Instant::now();
    let found = faults(&[(file, text)]);
    assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn aliases_count_as_copies() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..9 {
        let before = format!("*a{}, ", n - 1);
        text += &format!("a{n}: &a{n} [{}]\n", before.repeat(10));
    }
    refused("a.yaml", &text, "has more than 1048576 values, aliases resolved");
}

#[test]
fn a_document_has_an_end_whatever_way_it_is_large() {
    let deep = (0..200).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>();
    refused("a.yaml", &deep, "has values more than 128 deep");
    refused("a.yaml", &"[".repeat(1 << 20), "is not YAML");
    refused("a.json", &"[".repeat(1 << 20), "is not JSON");
    refused("a.json", &format!("[{}0]", "0,".repeat(1 << 20)), "has more than 1048576 values");
    refused("a.yaml", &format!("a: {}", "b".repeat(9 << 20)), "larger than 8 MiB");
    let paths: String = (0..10_001).map(|n| format!("  /{n}: {{ get: {{}} }}\n")).collect();
    refused("a.yaml", &format!("openapi: 3.0.0\npaths:\n{paths}"), "has more than 10000 operations");
    let parameters = "{ name: a, in: query }, ".repeat(257);
    let text = format!("openapi: 3.0.0\npaths: {{ /a: {{ get: {{ parameters: [{parameters}] }} }} }}");
    refused("a.yaml", &text, "has more than 256 parameters");
}

#[test]
fn files_that_lead_to_files_have_an_end() {
    let texts: Vec<_> =
        (0..70).map(|n| (format!("f{n}.yaml"), format!("A: {{ $ref: 'f{}.yaml#/A' }}", n + 1))).collect();
    let main = with_schemas("Root: { $ref: 'f0.yaml#/A' }");
    let mut files = vec![("a.yaml", &*main)];
    files.extend(texts.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let found = faults(&files);
    assert!(found.len() == 1 && found[0].contains("one of more than 64 files"), "{found:?}");
}

#[test]
fn many_references_to_what_is_large_are_followed_once() {
    let (all, begun) = (2_000, Instant::now());
    let names =
        |n: usize| format!("A{n}: {{ allOf: [{}], x-pii: a }}\n", "{ $ref: '#/components/schemas/Root' }, ".repeat(20));
    let members: String = (0..all).map(|n| format!("p{n}: {{ $ref: '#/components/schemas/A{n}' }}, ")).collect();
    let schemas = format!("Root: {{ properties: {{ {members} }} }}\n{}", (0..all).map(names).collect::<String>());
    let document = super::document(&with_schemas(&schemas));
    let told = super::classification(&document, "get").to_string();
    assert!(told.len() < 200_000, "{}", told.len());
    assert!(document.fields(super::route("get", "/"), &[]).unwrap().is_cut);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn a_long_chain_of_references_needs_no_stack() {
    let chain: String = (0..50_000).map(|n| format!("A{n}: {{ $ref: '#/components/schemas/A{}' }}\n", n + 1)).collect();
    let found =
        super::fields(&format!("Root: {{ $ref: '#/components/schemas/A0' }}\n{chain}A50000: {{ x-pii: true }}\n"));
    assert_eq!(found, ["200 body $ PII confidential"], "a chain is one shape");
}

/// What documents are made of, so that random ones get past the first complaint.
const WORDS: [&str; 48] = [
    "openapi: 3.1.0\n",
    "paths:\n",
    "components:\n",
    "schemas:\n",
    "  ",
    "    ",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    ": ",
    ", ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<",
    "? ",
    "| ",
    "$ref",
    "'#/components/schemas/A'",
    "'#/'",
    "x-pii",
    "true",
    "x-data-classification",
    "restricted",
    "properties",
    "items",
    "allOf",
    "additionalProperties",
    "A",
    "/a",
    "get",
    "responses",
    "200",
    "content",
    "application/json",
    "schema",
    "parameters",
    "in",
    "query",
    "name",
    "discriminator",
    "é",
];

proptest! {
    #[test]
    fn no_text_makes_it_panic(words in proptest::collection::vec(0..WORDS.len(), 0..60), is_json in any::<bool>()) {
        let text: String = words.into_iter().map(|at| WORDS[at]).collect();
        let file = if is_json { "a.json" } else { "a.yaml" };
        for text in [text.clone(), format!("openapi: 3.0.0\ncomponents:\n  schemas:\n    A: {{ {text} }}\n"), with_schemas(&format!("Root: {{ {text} }}"))] {
            check(file, &text);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in ".{0,60}") {
        check("a.yaml", &text);
        check("a.json", &text);
    }
}

/// A document is read, or has faults that say something.
fn check(file: &str, text: &str) {
    match read(&[(file, text)]) {
        Ok(document) => {
            let told = document.classification(&["get", "a"].map(|name| super::route(name, "/{*rest}")), &[]);
            let shapes = told["shapes"].as_array().unwrap().len();
            let is_known = |shape: &serde_json::Value| shape.as_u64().unwrap() < shapes as u64;
            for shape in told["shapes"].as_array().unwrap() {
                assert!(["items", "rest", "embedded"].iter().filter_map(|key| shape.get(key)).all(is_known));
                assert!(shape.get("also").and_then(|also| also.as_array()).into_iter().flatten().all(is_known));
            }
        }
        Err(faults) => {
            assert!(!faults.is_empty() && faults.iter().all(|it| !it.reason.is_empty() && !it.advice.is_empty()))
        }
    }
}
