//! Rules of the house, as tests.

mod limits;
mod rooms;

use std::fs;
use std::path::{Path, PathBuf};

use lockgate_tests::guests::workspace;

const MOST_LINES: usize = 400;

#[test]
fn every_source_file_says_first_what_it_owns() {
    for (name, text) in sources(&["host", "sdk", "plugins", "tests"]) {
        assert!(text.starts_with("//! "), "{name} does not begin with `//!` and a sentence");
    }
}

#[test]
fn no_source_file_is_longer_than_anyone_reads() {
    let long: Vec<_> = sources(&["host", "sdk", "plugins", "tests"])
        .into_iter()
        .map(|(name, text)| (text.lines().count(), name))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:?}");
}

#[test]
fn only_the_sandbox_knows_the_engine() {
    for (name, text) in sources(&["host"]) {
        if name.starts_with("host/src/sandbox/") {
            continue;
        }
        let line = text.lines().position(|line| line.contains("wasmtime::"));
        assert!(line.is_none(), "{name}:{} names the engine", line.unwrap_or_default() + 1);
    }
}

#[test]
fn no_todo_is_left() {
    let mark = ["TO", "DO"].concat();
    for (name, text) in sources(&["host", "sdk", "plugins", "tests"]) {
        assert!(!text.contains(&mark), "{name} has a {mark}");
    }
}

/// What the environment decides is documented, and nothing else is: a switch of whoever measured something does not
/// stay.
#[test]
fn few_files_read_the_environment() {
    let may = [
        "host/src/cli/policy/password.rs",
        "host/src/config/reference.rs",
        "host/src/contract.rs",
        "host/src/generation/material.rs",
        "host/src/keys/vectors.rs",
        "host/src/openapi/tests/corpora.rs",
        "host/src/state.rs",
        "host/src/telemetry/log.rs",
    ];
    let read = sources(&["host/src"]).into_iter().filter(|(_, text)| text.contains("env::var"));
    let read: Vec<_> = read.map(|(name, _)| name).collect();
    assert_eq!(read, may);
}

/// A link that leads nowhere is noticed by those who need it.
#[test]
fn links_between_documents_lead_somewhere() {
    for folder in ["", "host", "wit", "sdk", "plugins", "tests/fuzz", "tests/soak", "tests/peers"] {
        for entry in fs::read_dir(workspace().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            for target in targets.filter(|target| !target.contains("://") && !target.contains(' ')) {
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let led = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
                assert!(led.exists(), "{} links to {target}", path.display());
                if !anchor.is_empty() {
                    let heads = fs::read_to_string(&led).unwrap();
                    let found = heads.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
                    assert!(found, "{} links to {target}, and no heading is called that", path.display());
                }
            }
        }
    }
}

/// As pages of repositories name headings.
fn slug(heading: &str) -> String {
    let plain = heading.trim_start_matches('#').trim().to_lowercase();
    let letters = plain.chars().filter(|letter| letter.is_alphanumeric() || "-_ ".contains(*letter));
    letters.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
}

#[test]
fn every_policy_has_its_papers() {
    let plugins = fs::read_dir(workspace().join("plugins")).unwrap();
    for plugin in plugins.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for file in ["Cargo.toml", "plugin.toml", "README.md", "src/lib.rs"] {
            assert!(plugin.join(file).is_file(), "{} has no {file}", plugin.display());
        }
        assert!(plugin.join("tests").is_dir(), "{} has no tests", plugin.display());
    }
}

#[test]
fn the_top_level_is_what_the_readme_shows() {
    let expected = ["Cargo.toml", "host", "wit", "plugins", "sdk", "policies", "tests", "README.md"];
    let allowed = [
        "Cargo.lock",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "clippy.toml",
        "deny.toml",
        "rust-toolchain.toml",
        "SECURITY.md",
        "target",
    ];
    let entries = fs::read_dir(workspace()).unwrap();
    let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    for name in expected {
        assert!(names.iter().any(|found| found == name), "{name} is missing");
    }
    for name in &names {
        let known = expected.contains(&name.as_str()) || allowed.contains(&name.as_str()) || name.starts_with('.');
        assert!(known, "{name} does not belong there");
    }
}

#[test]
fn each_property_that_is_promised_names_tests_that_exist() {
    let security = fs::read_to_string(workspace().join("SECURITY.md")).unwrap();
    let provided = security.split("\n## ").find(|section| section.starts_with("What is provided")).unwrap();
    let sources = sources(&["host", "sdk", "plugins", "tests"]);
    let rows: Vec<_> = provided.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| **")).collect();
    assert!(rows.len() > 20, "the table is not where it was");
    for row in &rows[1..] {
        let proofs: Vec<_> = row.rsplit("| ").next().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!proofs.is_empty(), "nothing proves {row}");
        for proof in proofs {
            let found = sources.iter().any(|(_, text)| is_test(proof, text));
            assert!(found, "there is no test {proof}, which is said to prove {row}");
        }
    }
}

/// Whether a text has a test of this name that is not left out.
fn is_test(name: &str, text: &str) -> bool {
    let before = text.split_once(&format!("async fn {name}(")).or_else(|| text.split_once(&format!("fn {name}(")));
    let Some((before, _)) = before else { return false };
    let attributes = before.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let attributes: Vec<_> = attributes.take_while(|line| line.starts_with("#[")).collect();
    attributes.iter().any(|it| *it == "#[test]" || it.starts_with("#[tokio::test"))
        && !attributes.iter().any(|it| it.starts_with("#[ignore") || it.starts_with("#[cfg"))
}

/// Every source file below these folders: name relative to the repository, and text.
pub(crate) fn sources(folders: &[&str]) -> Vec<(String, String)> {
    let root = workspace();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    let mut sources = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("target") {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push((relative(&path, &root), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(sources.len() > 10, "the sources are not where they were");
    sources.sort();
    sources
}

fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().to_owned()
}
