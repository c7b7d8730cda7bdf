//! Owns the values of documents as they were read, each with its place; whatever was written in JSON or YAML.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Number, Value as Json};

use super::fault::{Fault, Wrong};

/// Names a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// What stands somewhere. Aliases of YAML are no copies: what is named twice is one node.
#[derive(Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text(Arc<str>),
    List(Arc<[Id]>),
    /// Ordered by name, each name once.
    Map(Arc<[(Arc<str>, Id)]>),
}

#[derive(Debug)]
struct Node {
    value: Value,
    /// Counted from 1; none in JSON.
    line: Option<u32>,
    /// None of the root of a file.
    parent: Option<Id>,
}

/// All nodes of all files that were read.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    all: Vec<Node>,
    /// In the order of their first nodes.
    files: Vec<(Id, PathBuf)>,
}

const NOTHING: &Value = &Value::Null;

impl Nodes {
    /// The nodes that follow are of this file.
    pub(super) fn begin_file(&mut self, path: PathBuf) {
        self.files.push((self.next(), path));
    }

    /// A node whose value is put later.
    pub(super) fn add(&mut self, parent: Option<Id>, line: Option<u32>) -> Id {
        let id = self.next();
        self.all.push(Node { value: Value::Null, line, parent });
        id
    }

    pub(super) fn put(&mut self, id: Id, value: Value) {
        if let Some(node) = self.all.get_mut(id.0 as usize) {
            node.value = value;
        }
    }

    pub(super) fn value(&self, id: Id) -> &Value {
        self.all.get(id.0 as usize).map_or(NOTHING, |node| &node.value)
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Of a map; empty for anything else.
    pub(super) fn members(&self, id: Id) -> Arc<[(Arc<str>, Id)]> {
        match self.value(id) {
            Value::Map(members) => members.clone(),
            _ => Arc::default(),
        }
    }

    pub(super) fn member(&self, id: Id, name: &str) -> Option<Id> {
        let Value::Map(members) = self.value(id) else { return None };
        let at = members.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        members.get(at).map(|(_, id)| *id)
    }

    /// The text of a member.
    pub(super) fn text_of(&self, id: Id, name: &str) -> Option<&str> {
        self.text(self.member(id, name)?)
    }

    pub(super) fn is_map(&self, id: Id) -> bool {
        matches!(self.value(id), Value::Map(_))
    }

    /// In words that complete "is ...".
    pub(super) fn kind(&self, id: Id) -> &'static str {
        match self.value(id) {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "an object",
        }
    }

    /// The file a node is of.
    pub(super) fn file(&self, id: Id) -> &Path {
        let after = self.files.partition_point(|(first, _)| *first <= id);
        after.checked_sub(1).and_then(|at| self.files.get(at)).map_or(Path::new(""), |(_, path)| path)
    }

    /// As JSON. Reading has bounded how much that is, aliases counted as copies.
    pub(super) fn json(&self, id: Id) -> Json {
        match self.value(id) {
            Value::Null => Json::Null,
            Value::Bool(flag) => Json::Bool(*flag),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(text.to_string()),
            Value::List(items) => Json::Array(items.iter().map(|item| self.json(*item)).collect()),
            Value::Map(members) => {
                Json::Object(members.iter().map(|(name, value)| (name.to_string(), self.json(*value))).collect())
            }
        }
    }

    /// A fault at a node.
    pub(super) fn fault(&self, id: Id, Wrong { reason, advice }: Wrong) -> Fault {
        let line = self.all.get(id.0 as usize).and_then(|node| node.line);
        Fault { file: self.file(id).to_owned(), line, pointer: self.pointer(id), reason, advice }
    }

    /// Where a node stands. One that has several names in YAML stands where it was written.
    fn pointer(&self, id: Id) -> String {
        let (mut steps, mut at) = (Vec::new(), id);
        while let Some(parent) = self.all.get(at.0 as usize).and_then(|node| node.parent) {
            steps.push(self.step(parent, at));
            at = parent;
        }
        steps.iter().rev().fold("#".to_owned(), |mut pointer, step| {
            // Writing to a string cannot fail.
            let _ = write!(pointer, "/{}", step.replace('~', "~0").replace('/', "~1"));
            pointer
        })
    }

    fn step(&self, parent: Id, child: Id) -> String {
        match self.value(parent) {
            Value::Map(members) => {
                let name = members.iter().find(|(_, id)| *id == child).map(|(name, _)| name.to_string());
                name.unwrap_or_default()
            }
            Value::List(items) => items.iter().position(|id| *id == child).unwrap_or_default().to_string(),
            _ => String::new(),
        }
    }

    /// As many as there are stay far below: see [`super::read::Budget`].
    fn next(&self) -> Id {
        Id(u32::try_from(self.all.len()).unwrap_or(u32::MAX))
    }
}
