//! The list of what a component is built from, in the form of `cargo auditable`, for tools that look for known vulnerabilities.

use crate::BuildError;
use crate::project::{Metadata, Package};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

/// The custom section tools look for.
const SECTION: &str = ".dep-v0";

/// The module with one more section, which lists the packages it is built from.
pub(crate) fn listed(mut module: Vec<u8>, metadata: &Metadata, root: &str) -> Result<Vec<u8>, BuildError> {
    let json = serde_json::to_vec(&List { packages: packages(metadata, root) });
    let json = json.map_err(|source| BuildError::Metadata { source })?;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(&json).and_then(|()| encoder.finish());
    let packed = packed.map_err(BuildError::writing(SECTION))?;
    let content = [length(SECTION.len()), SECTION.as_bytes().to_vec(), packed].concat();
    module.push(0);
    module.extend(length(content.len()));
    module.extend(content);
    Ok(module)
}

#[derive(Serialize)]
struct List<'a> {
    packages: Vec<Listed<'a>>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Listed<'a> {
    name: &'a str,
    version: &'a str,
    source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Positions in the list.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dependencies: Vec<usize>,
    #[serde(skip_serializing_if = "is_false")]
    root: bool,
}

/// All packages that take part, in the order of their names; what runs only while others are built says so.
fn packages<'a>(metadata: &'a Metadata, root: &str) -> Vec<Listed<'a>> {
    let known: BTreeMap<_, _> = metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let runs =
        |package: &Package| !package.targets.iter().any(|target| target.kind.iter().any(|kind| kind == "proc-macro"));
    let inside = reached(metadata, root, |kind, to| kind.is_none() && known.get(to).is_some_and(|it| runs(it)));
    let all = reached(metadata, root, |kind, _| kind != Some("dev"));
    let mut order: Vec<_> = all.iter().filter_map(|id| known.get(id).copied()).collect();
    order.sort_by_key(|package| (&package.name, &package.version, &package.id));
    let position = |id: &str| order.iter().position(|package| package.id == id);
    let listed = order.iter().map(|package| {
        let edges = metadata.edges(&package.id).filter(|(_, kind)| *kind != Some("dev"));
        let dependencies: BTreeSet<_> = edges.filter_map(|(to, _)| position(to)).collect();
        Listed {
            name: &package.name,
            version: &package.version,
            source: source(package.source.as_deref()),
            kind: (!inside.contains(package.id.as_str())).then_some("build"),
            dependencies: dependencies.into_iter().collect(),
            root: package.id == root,
        }
    });
    listed.collect()
}

/// Everything that is met from `root` on along edges that count.
fn reached<'a>(
    metadata: &'a Metadata,
    root: &'a str,
    counts: impl Fn(Option<&str>, &str) -> bool,
) -> BTreeSet<&'a str> {
    let (mut met, mut open) = (BTreeSet::from([root]), vec![root]);
    while let Some(from) = open.pop() {
        for (to, kind) in metadata.edges(from) {
            if counts(kind, to) && met.insert(to) {
                open.push(to);
            }
        }
    }
    met
}

fn source(source: Option<&str>) -> &'static str {
    match source {
        None => "local",
        Some(source) if source.contains("//github.com/rust-lang/crates.io-index") => "crates.io",
        Some(source) if source.starts_with("git+") => "git",
        Some(_) => "registry",
    }
}

/// A number in the variable-length form of WebAssembly.
fn length(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use wasmparser::{Parser, Payload};

    fn metadata() -> Metadata {
        let package = |name: &str, source: serde_json::Value, kind: &str| {
            json!({ "id": name, "name": name, "version": "1.0.0", "source": source, "manifest_path": "/x",
                "targets": [{ "name": name, "kind": [kind], "crate_types": [kind] }] })
        };
        let registry = json!("registry+https://github.com/rust-lang/crates.io-index");
        let edge = |to: &str, kind: serde_json::Value| json!({ "pkg": to, "dep_kinds": [{ "kind": kind }] });
        let metadata = json!({ "target_directory": "/t", "packages": [
            package("mine", json!(null), "cdylib"), package("serde", registry.clone(), "lib"), package("derive", registry.clone(), "proc-macro"),
            package("syn", registry.clone(), "lib"), package("cc", json!("git+https://x"), "lib"), package("proptest", registry, "lib"),
        ], "resolve": { "nodes": [
            { "id": "mine", "deps": [edge("serde", json!(null)), edge("proptest", json!("dev")), edge("cc", json!("build"))] },
            { "id": "serde", "deps": [edge("derive", json!(null))] },
            { "id": "derive", "deps": [edge("syn", json!(null))] },
        ] } });
        serde_json::from_value(metadata).unwrap()
    }

    #[test]
    fn what_runs_inside_and_what_builds_it_are_told_apart_and_tests_are_left_out() {
        let metadata = metadata();
        let packages = packages(&metadata, "mine");
        let shown: Vec<_> = packages.iter().map(|package| (package.name, package.source, package.kind)).collect();
        let expected = [
            ("cc", "git", Some("build")),
            ("derive", "crates.io", Some("build")),
            ("mine", "local", None),
            ("serde", "crates.io", None),
            ("syn", "crates.io", Some("build")),
        ];
        assert_eq!(shown, expected);
        assert_eq!((packages[2].root, &packages[2].dependencies), (true, &vec![0, 3]));
    }

    #[test]
    fn the_list_is_a_section_of_its_own() {
        let module = listed(b"\0asm\x01\0\0\0".to_vec(), &metadata(), "mine").unwrap();
        let sections: Vec<_> = Parser::new(0).parse_all(&module).map(Result::unwrap).collect();
        assert!(matches!(&sections[1], Payload::CustomSection(custom) if custom.name() == SECTION));
        for (value, bytes) in [(0, vec![0]), (127, vec![127]), (128, vec![0x80, 1]), (300, vec![0xac, 2])] {
            assert_eq!(length(value), bytes);
        }
    }
}
