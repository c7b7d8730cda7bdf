//! For build scripts: the SDK as its sources, for gateways to hand to authors.

use crate::{BuildError, component};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Write `out_dir/sdk.rs`, which defines `SDK` as paths and texts of a workspace that holds the SDK and the contract
/// alone, and `LOCK` as the text of a `Cargo.lock` with the versions of the SDK's dependencies that this workspace is
/// tested with. Returns the files and folders the outcome depends on.
///
/// # Errors
/// The first fault met; see [`BuildError`].
pub fn embed_sdk(workspace: &Path, out_dir: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let read = |path: &str| {
        let path = workspace.join(path);
        let text = fs::read_to_string(&path).map_err(BuildError::reading(&path))?;
        text.parse::<Table>().map_err(|source| BuildError::Manifest { path, source })
    };
    let sdk = read("sdk/Cargo.toml")?;
    let alone = out_dir.join("sdk.toml");
    component::write_whole(&alone, standalone(&read("Cargo.toml")?, &sdk).to_string().as_bytes())?;
    let lock = out_dir.join("sdk.lock");
    component::write_whole(&lock, locked(&read("Cargo.lock")?, &sdk).to_string().as_bytes())?;

    let mut files = vec!["sdk/Cargo.toml".into(), "sdk/README.md".into()];
    for folder in ["sdk/src", "wit"] {
        walk(workspace, Path::new(folder), &mut files)?;
    }
    files.sort();
    // Writing to a string cannot fail.
    let mut table = format!("static LOCK: &str = include_str!({lock:?});\n");
    let _ = writeln!(table, "static SDK: &[(&str, &str)] = &[\n    (\"Cargo.toml\", include_str!({alone:?})),");
    for file in &files {
        let _ = writeln!(table, "    ({file:?}, include_str!({:?})),", workspace.join(file));
    }
    table.push_str("];\n");
    component::write_whole(&out_dir.join("sdk.rs"), table.as_bytes())?;
    let inputs = ["sdk/src", "sdk/Cargo.toml", "sdk/README.md", "wit", "Cargo.toml", "Cargo.lock"];
    Ok(inputs.iter().map(|input| workspace.join(input)).collect())
}

/// The manifest of a workspace in which the SDK inherits what it inherits here.
fn standalone(workspace: &Table, sdk: &Table) -> Table {
    let mut inner = workspace.get("workspace").and_then(Value::as_table).cloned().unwrap_or_default();
    let names: Vec<_> = dependencies(sdk).collect();
    if let Some(versions) = inner.get_mut("dependencies").and_then(Value::as_table_mut) {
        versions.retain(|name, _| names.contains(&name));
    }
    for other in ["exclude", "default-members"] {
        inner.remove(other);
    }
    inner.insert("members".to_owned(), vec!["sdk"].into());
    [("workspace".to_owned(), inner.into())].into_iter().collect()
}

/// Names of all dependencies of a manifest, those of its tests and of single targets too.
fn dependencies(manifest: &Table) -> impl Iterator<Item = &str> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = targets.filter_map(Value::as_table).chain([manifest]);
    let sections = tables.flat_map(|table| ["dependencies", "dev-dependencies"].map(|name| table.get(name)));
    sections.flatten().filter_map(Value::as_table).flat_map(Table::keys).map(String::as_str)
}

/// What is left of a lock file for a workspace that depends on the SDK.
fn locked(lock: &Table, sdk: &Table) -> Table {
    let packages = lock.get("package").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let texts = |package: &Value, key: &str| package.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let tests = sdk.get("dev-dependencies").and_then(Value::as_table);
    let mut wanted = vec![texts(&sdk["package"], "name")];
    let mut kept = BTreeSet::new();
    while let Some(entry) = wanted.pop() {
        // `name`, or where there are several `name version`.
        let (name, version) = entry.split_once(' ').unwrap_or((&entry, ""));
        let found = |package: &&Value| texts(package, "name") == name && texts(package, "version").starts_with(version);
        let Some(at) = packages.iter().position(|package| found(&package)) else { continue };
        if kept.insert(at) {
            let more = packages[at].get("dependencies").and_then(Value::as_array).into_iter().flatten();
            let more =
                more.filter_map(Value::as_str).filter(|name| tests.is_none_or(|tests| !tests.contains_key(*name)));
            wanted.extend(more.map(str::to_owned));
        }
    }
    let kept: Vec<_> = kept.into_iter().map(|at| packages[at].clone()).collect();
    let mut left = lock.clone();
    left.insert("package".to_owned(), kept.into());
    left
}

fn walk(workspace: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    let there = workspace.join(folder);
    for entry in fs::read_dir(&there).map_err(BuildError::reading(&there))? {
        let entry = entry.map_err(BuildError::reading(&there))?;
        let path = folder.join(entry.file_name());
        if entry.path().is_dir() {
            walk(workspace, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_sdk_inherits_is_handed_on() {
        let workspace = "[workspace]\nmembers = [\"host\"]\nexclude = [\"x\"]\n[workspace.package]\nversion = \"1.0.0\"\n\
            [workspace.dependencies]\nserde = \"1\"\ntokio = \"1\"\nwit = \"1\"\nproptest = \"1\"\n[profile.release]\ndebug = true\n";
        let sdk = "[package]\nname = \"sdk\"\n[dependencies]\nserde.workspace = true\n[dev-dependencies]\nproptest.workspace = true\n\
            [target.'cfg(wasm)'.dependencies]\nwit.workspace = true\n";
        let alone = standalone(&workspace.parse().unwrap(), &sdk.parse().unwrap());
        let expected = "[workspace]\nmembers = [\"sdk\"]\n[workspace.package]\nversion = \"1.0.0\"\n\
            [workspace.dependencies]\nserde = \"1\"\nwit = \"1\"\nproptest = \"1\"\n";
        assert_eq!(alone, expected.parse().unwrap());
    }

    #[test]
    fn the_lock_keeps_what_the_sdk_needs_and_its_tests_do_not() {
        let lock = "version = 4\n[[package]]\nname = \"sdk\"\ndependencies = [\"a 1.0.0\", \"proptest\"]\n\
            [[package]]\nname = \"a\"\nversion = \"1.0.0\"\ndependencies = [\"b\"]\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n\
            [[package]]\nname = \"b\"\nversion = \"1.0.0\"\ndependencies = [\"a 1.0.0\"]\n[[package]]\nname = \"proptest\"\n";
        let sdk = "[package]\nname = \"sdk\"\n[dev-dependencies]\nproptest = \"1\"\n";
        let left = locked(&lock.parse().unwrap(), &sdk.parse().unwrap());
        let names = left["package"].as_array().unwrap().iter().map(|package| package["name"].as_str().unwrap());
        assert_eq!(names.collect::<Vec<_>>(), ["sdk", "a", "b"]);
        assert_eq!(left["package"][1]["version"].as_str(), Some("1.0.0"));
    }
}
