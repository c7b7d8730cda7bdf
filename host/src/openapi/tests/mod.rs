//! What tests of this room share: documents as texts, and what comes of them.

mod annotations;
mod bounds;
mod corpora;
mod documents;
mod references;
mod routes;
mod shapes;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Document, Fault, RouteView};
use crate::content::Content;

/// Read files, of which the first is the document. References may lead to all that lie in its folder.
fn read(files: &[(&str, &str)]) -> Result<Document, Vec<Fault>> {
    let all: BTreeMap<PathBuf, Content> =
        files.iter().map(|(path, text)| (PathBuf::from(path), Content::from(text.as_bytes().to_vec()))).collect();
    let find = |folder: &Path, text: &str| {
        let path = folder.join(text);
        all.get(&path).map(|content| (path.clone(), content.clone()))
    };
    Document::read(Path::new(files[0].0), files[0].1.as_bytes(), &find)
}

/// Read a document in YAML.
#[track_caller]
fn document(text: &str) -> Document {
    read(&[("pets/openapi.yaml", text)]).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

/// A document with these components, and an operation `get` that answers with the schema `Root`.
fn with_schemas(schemas: &str) -> String {
    let schemas: String = schemas.lines().map(|line| format!("    {line}\n")).collect();
    format!(
        "openapi: 3.1.0\npaths:\n  /root:\n    get:\n      operationId: get\n      responses:\n        200:\n          \
         content: {{ application/json: {{ schema: {{ $ref: '#/components/schemas/Root' }} }} }}\ncomponents:\n  schemas:\n{schemas}"
    )
}

/// What is listed of the operation `get` of such a document, `path class` each.
#[track_caller]
fn fields(schemas: &str) -> Vec<String> {
    listed(&document(&with_schemas(schemas)), "get")
}

/// What is listed of a route that is called like an operation: `part path category sensitivity`, with the status before
/// it in an answer.
fn listed(document: &Document, name: &str) -> Vec<String> {
    let fields = document.fields(route(name, "/none"), &[]).unwrap_or_else(|| panic!("{name} is not known"));
    let field = |field: super::Field<'_>| {
        let status = field.status.map(|status| format!("{status} ")).unwrap_or_default();
        let part = field.part.as_str();
        format!("{status}{part} {} {} {}", field.at, field.class.category, field.class.sensitivity)
    };
    fields.fields.into_iter().map(field).collect()
}

fn route<'a>(name: &'a str, path: &'a str) -> RouteView<'a> {
    RouteView { name, methods: &[], path, is_unconditional: true }
}

/// What policies are told of a route that is called like an operation.
fn classification(document: &Document, name: &str) -> Value {
    document.classification(&[route(name, "/none")], &[])
}

/// Faults in the form `file:line pointer: reason; advice`.
#[track_caller]
fn faults(files: &[(&str, &str)]) -> Vec<String> {
    let faults = read(files).map(|_| "no fault").unwrap_err();
    let show = |fault: Fault| {
        let line = fault.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line} {}: {}; {}", fault.file.display(), fault.pointer, fault.reason, fault.advice)
    };
    faults.into_iter().map(show).collect()
}

/// Assert that a document has one fault, and which.
#[track_caller]
fn assert_fault(text: &str, expected: &str) {
    let found = faults(&[("pets/openapi.yaml", text)]);
    assert!(found.len() == 1 && found[0].contains(expected), "expected one fault with {expected:?}, got {found:#?}");
}
