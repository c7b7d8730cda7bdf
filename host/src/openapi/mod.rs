//! Owns what an OpenAPI document says about personal data: reads documents of version 3.0 to 3.2, finds what is classified in which operation.

mod annotation;
mod carried;
mod classification;
mod fault;
mod fields;
#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;
mod graph;
mod json;
mod media;
mod nodes;
mod operation;
mod read;
mod routes;
mod schema;
mod shapes;
mod sweep;
mod yaml;

use std::path::{Path, PathBuf};

pub(crate) use annotation::Sensitivity;
use carried::{Finder, Operation};
pub(crate) use fault::Fault;
use fault::Wrong;
pub(crate) use fields::{Field, Fields, Part};
use graph::Graph;
use nodes::{Id, Nodes, Value};
pub(crate) use read::Find;
use read::{Files, short};
pub(crate) use routes::RouteView;
use schema::Schemas;
use shapes::Shapes;

/// More faults than this help nobody.
const MOST_FAULTS: usize = 20;

/// What a document says, as far as it matters for personal data.
#[derive(Debug, PartialEq)]
pub(crate) struct Document {
    files: Vec<PathBuf>,
    graph: Graph,
    operations: Vec<Operation>,
    /// Paths of its servers, before those of operations; the empty one among them.
    bases: Vec<String>,
}

impl Document {
    /// Read a document and the files it names.
    ///
    /// # Errors
    /// All that is wrong with it, at least one fault: an annotation that is not understood protects nothing.
    pub(crate) fn read(path: &Path, content: &[u8], find: &Find<'_>) -> Result<Self, Vec<Fault>> {
        let mut files = Files::new(find);
        let Some(root) = files.open(path, content) else { return Err(files.faults) };
        if let Err((at, wrong)) = check_version(&files.nodes, root) {
            return Err(vec![files.nodes.fault(at, wrong)]);
        }
        let bases = bases(&files.nodes, root);
        let mut schemas = Schemas::new(files, root);
        let written = schemas.operations(root);
        schemas.finish();
        schemas.sweep(root);
        let Schemas { mut files, shapes, .. } = schemas;
        let paths = files.paths();
        let compiled = compile(shapes, written);
        match compiled {
            Ok((graph, operations)) if files.faults.is_empty() => Ok(Self { files: paths, graph, operations, bases }),
            Ok(_) => Err(bounded(files.faults)),
            Err(wrong) => {
                files.fault(root, wrong);
                Err(bounded(files.faults))
            }
        }
    }

    /// All files it is read from.
    pub(crate) fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Whether it says anything of a route among those of its API.
    pub(crate) fn knows(&self, route: RouteView<'_>, routes: &[RouteView<'_>]) -> bool {
        !self.operations_of(route, routes).is_empty()
    }
}

fn compile(mut shapes: Shapes, written: Vec<operation::Written>) -> Result<(Graph, Vec<Operation>), Wrong> {
    shapes.unfold()?;
    let graph = Graph::of(&shapes);
    let mut finder = Finder { shapes: &mut shapes, graph: &graph };
    let operations = written.into_iter().map(|written| finder.operation(written)).collect::<Result<_, _>>()?;
    Ok((graph, operations))
}

fn bounded(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    let more = faults.len().saturating_sub(MOST_FAULTS);
    faults.truncate(MOST_FAULTS);
    if let Some(last) = faults.last_mut().filter(|_| more > 0) {
        last.advice.push_str(&format!("; there are {more} more faults"));
    }
    faults
}

fn check_version(nodes: &Nodes, root: Id) -> Result<(), (Id, Wrong)> {
    const ADVICE: &str = "write a document of OpenAPI 3.0, 3.1 or 3.2";
    if nodes.member(root, "swagger").is_some() {
        let advice = "convert it to OpenAPI 3: converters do so without loss, and the annotations stay where they are";
        return Err((root, Wrong::new("is OpenAPI 2.0 (Swagger), which is not read", advice)));
    }
    let Some(at) = nodes.member(root, "openapi") else {
        return Err((root, Wrong::new("is no OpenAPI document: it has no `openapi`", ADVICE)));
    };
    let version = match nodes.value(at) {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let is_known = ["3.0", "3.1", "3.2"].iter().any(|known| {
        version.strip_prefix(known).is_some_and(|patch| patch.is_empty() || patch.starts_with(['.', '-']))
    });
    match is_known {
        true => Ok(()),
        false => Err((at, Wrong::new(format!("is the version `{}`, which is not known", short(&version)), ADVICE))),
    }
}

/// The paths of the servers of a document, as far as they are the same for everybody.
fn bases(nodes: &Nodes, root: Id) -> Vec<String> {
    let mut bases = vec![String::new()];
    let servers = nodes.member(root, "servers").map(|id| nodes.value(id));
    let Some(Value::List(servers)) = servers else { return bases };
    for url in servers.iter().filter_map(|server| nodes.text_of(*server, "url")).filter(|url| !url.contains('{')) {
        let after = url.split_once("://").map_or(url, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let path = format!("/{}", after.trim_matches('/'));
        if path.len() > 1 && !bases.contains(&path) {
            bases.push(path);
        }
    }
    bases
}

#[cfg(test)]
mod tests;
