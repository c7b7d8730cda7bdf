//! Reads files into nodes within bounds, and finds what references lead to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::fault::{Fault, Wrong};
use super::nodes::{Id, Nodes, Value};
use super::{json, yaml};
use crate::content::Content;

/// Of all files of a document.
const MOST_BYTES: usize = 8 << 20;
const MOST_FILES: usize = 64;
/// Of all files, whatever aliases name counted as often as they do.
const MOST_NODES: u32 = 1 << 20;
/// Values within values.
pub(super) const DEEPEST: usize = 128;
/// References that lead to references.
const MOST_STEPS: usize = 32;

/// Finds a file that a file names: the folder of the one, and the text. None where there is none, or it may not be read.
pub(crate) type Find<'a> = dyn Fn(&Path, &str) -> Option<(PathBuf, Content)> + 'a;

/// What may still be read.
#[derive(Debug)]
pub(super) struct Budget {
    bytes: usize,
    nodes: u32,
}

/// Why a text is not read, and the line if that is known.
pub(super) struct Unreadable {
    pub(super) line: Option<u32>,
    pub(super) wrong: Wrong,
}

/// The files of a document, read as references lead to them.
pub(super) struct Files<'a> {
    find: &'a Find<'a>,
    pub(super) nodes: Nodes,
    /// By path; none where one cannot be read, which was said.
    roots: HashMap<PathBuf, Option<Id>>,
    budget: Budget,
    pub(super) faults: Vec<Fault>,
}

impl Budget {
    /// Take nodes; an error where there are not so many left.
    pub(super) fn take(&mut self, nodes: u32) -> Result<(), Wrong> {
        let left = self.nodes.checked_sub(nodes).ok_or_else(|| {
            Wrong::new(format!("has more than {MOST_NODES} values, aliases resolved"), "split the document, or the API")
        })?;
        self.nodes = left;
        Ok(())
    }

    pub(super) fn left(&self) -> u32 {
        self.nodes
    }
}

impl<'a> Files<'a> {
    pub(super) fn new(find: &'a Find<'a>) -> Self {
        let budget = Budget { bytes: MOST_BYTES, nodes: MOST_NODES };
        Self { find, nodes: Nodes::default(), roots: HashMap::new(), budget, faults: Vec::new() }
    }

    /// The paths of all that were read.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = self.roots.keys().cloned().collect();
        paths.sort();
        paths
    }

    /// The root of a file; none where it cannot be read, and then a fault says why.
    pub(super) fn open(&mut self, path: &Path, content: &[u8]) -> Option<Id> {
        if let Some(known) = self.roots.get(path) {
            return *known;
        }
        self.nodes.begin_file(path.to_owned());
        let root = self.read(path, content);
        let root = root.map_err(|Unreadable { line, wrong: Wrong { reason, advice } }| {
            self.faults.push(Fault { file: path.to_owned(), line, pointer: String::new(), reason, advice });
        });
        self.roots.insert(path.to_owned(), root.ok());
        root.ok()
    }

    fn read(&mut self, path: &Path, content: &[u8]) -> Result<Id, Unreadable> {
        let whole = |wrong| Unreadable { line: None, wrong };
        self.budget.bytes = self.budget.bytes.checked_sub(content.len()).ok_or_else(|| {
            let most = MOST_BYTES >> 20;
            whole(Wrong::new(format!("makes the document larger than {most} MiB"), "split the document, or the API"))
        })?;
        if self.roots.len() >= MOST_FILES {
            let reason = format!("is one of more than {MOST_FILES} files of a document");
            return Err(whole(Wrong::new(reason, "put more into each file")));
        }
        let text =
            std::str::from_utf8(content).map_err(|_| whole(Wrong::new("is not UTF-8", "save the file as UTF-8")))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("json") => json::read(text, &mut self.nodes, &mut self.budget),
            Some("yaml" | "yml") => yaml::read(text, &mut self.nodes, &mut self.budget),
            _ => Err(whole(Wrong::new(
                "says neither JSON nor YAML by its name",
                "let the name of the file end in `.json`, `.yaml` or `.yml`",
            ))),
        }
    }

    /// What a `$ref` in a node leads to; none where it leads nowhere, which is a fault of the text `at`.
    pub(super) fn follow(&mut self, at: Id) -> Option<Id> {
        let Some(reference) = self.nodes.text(at).map(str::to_owned) else {
            let reason = format!("is {}", self.nodes.kind(at));
            self.fault(at, Wrong::new(reason, "write a reference, \"#/components/schemas/Pet\""));
            return None;
        };
        let (file, fragment) = reference.split_once('#').unwrap_or((&reference, ""));
        // That a file cannot be read was said.
        let found = match self.root_of(at, file) {
            Ok(root) => self.point(root?, fragment),
            Err(wrong) => Err(wrong),
        };
        found.map_err(|wrong| self.fault(at, wrong)).ok()
    }

    /// What stands somewhere once its references are followed, and all the nodes on the way, the last one first. Empty
    /// where one leads nowhere or in a circle.
    pub(super) fn resolve(&mut self, id: Id) -> Vec<Id> {
        let (mut way, mut at) = (vec![id], id);
        while let Some(reference) = self.nodes.member(at, "$ref") {
            if way.len() > MOST_STEPS {
                self.fault(
                    reference,
                    Wrong::new("leads to references without end", "let one of them lead to an object"),
                );
                return Vec::new();
            }
            let Some(next) = self.follow(reference) else { return Vec::new() };
            way.push(next);
            at = next;
        }
        way.reverse();
        way
    }

    pub(super) fn fault(&mut self, at: Id, wrong: Wrong) {
        self.faults.push(self.nodes.fault(at, wrong));
    }

    /// The root of the file that is named in a node; none where that cannot be read.
    fn root_of(&mut self, at: Id, file: &str) -> Result<Option<Id>, Wrong> {
        let own = self.nodes.file(at).to_owned();
        if file.is_empty() {
            return Ok(self.roots.get(&own).copied().flatten());
        }
        if file.contains(':') || file.starts_with('/') {
            return Err(Wrong::new(
                "leads out of the folder of the API: nothing is fetched for a document",
                "copy what it names into the folder, and name the file",
            ));
        }
        let folder = own.parent().unwrap_or(Path::new(""));
        let found = unescape(file).and_then(|file| (self.find)(folder, &file));
        let (path, content) = found.ok_or_else(|| {
            Wrong::new("names no file of the folder of the API", "correct the path, which is relative to this file")
        })?;
        Ok(self.open(&path, &content))
    }

    /// What a JSON pointer leads to.
    fn point(&self, root: Id, fragment: &str) -> Result<Id, Wrong> {
        let pointer = unescape(fragment)
            .ok_or_else(|| Wrong::new("has a `%` that escapes nothing", "write `%25` for the sign itself"))?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let advice = "write the way to it, \"#/components/schemas/Pet\"";
            return Err(Wrong::new("names an anchor, and anchors are not followed", advice));
        }
        let steps = pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~"));
        let mut at = root;
        for step in steps {
            let next = match self.nodes.value(at) {
                Value::List(items) => step.parse().ok().and_then(|index: usize| items.get(index).copied()),
                _ => self.nodes.member(at, &step),
            };
            at = next.ok_or_else(|| {
                let reason = format!("leads nowhere: there is no `{}`", short(&step));
                Wrong::new(reason, "correct it, or add what it names")
            })?;
        }
        Ok(at)
    }
}

/// Text of a document fit for a message.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

/// A part of a URI reference without its escapes (RFC 3986 section 2.1).
fn unescape(text: &str) -> Option<String> {
    let (mut bytes, mut plain) = (text.bytes(), Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(plain).ok()
}
