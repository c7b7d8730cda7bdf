//! Lists what is classified in the messages of a route, each with its place, as people write and read that.

use std::collections::HashSet;

use super::Document;
use super::annotation::Class;
use super::carried::{Message, Names};
use super::routes::{RouteView, renamed};
use super::shapes::{ClassId, ShapeId};

/// Fields of one route that are listed, and steps that are made to find them: schemas may name each other in circles.
const MOST_FIELDS: usize = 1_000;
const MOST_STEPS: usize = 50_000;
const LONGEST_WAY: usize = 32;

/// Something classified that a route carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// None on the way to the upstream, else the status: `200`, `4XX`, `default`.
    pub(crate) status: Option<String>,
    pub(crate) part: Part,
    /// `$.owner.email` in a body, else a name.
    pub(crate) at: String,
    pub(crate) class: &'a Class,
}

/// Where in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Body,
    Form,
    Query,
    Path,
    Header,
    Cookie,
}

impl Part {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Form => "form",
            Self::Query => "query",
            Self::Path => "path",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// All that is classified in the messages of a route.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<'a> {
    pub(crate) fields: Vec<Field<'a>>,
    /// Media types of bodies with something classified that nobody can find there; the status as in [`Field`].
    pub(crate) unread: Vec<(Option<String>, String)>,
    /// There are more.
    pub(crate) is_cut: bool,
}

impl Document {
    /// What is classified in the messages of a route among those of its API; none where the document says nothing of it.
    pub(crate) fn fields(&self, route: RouteView<'_>, routes: &[RouteView<'_>]) -> Option<Fields<'_>> {
        let operations = self.operations_of(route, routes);
        let (found, listed) = (Fields::default(), HashSet::new());
        let mut lister = Lister { document: self, found, listed, steps: 0 };
        for operation in operations.iter().map(|it| renamed(it, route.path)) {
            lister.names(None, Part::Path, &operation.parameters);
            lister.names(None, Part::Query, &operation.query);
            lister.names(None, Part::Cookie, &operation.cookies);
            lister.message(None, &operation.request);
            for (status, message) in &operation.responses {
                lister.message(Some(status), message);
            }
        }
        (!operations.is_empty()).then_some(lister.found)
    }
}

struct Lister<'a> {
    document: &'a Document,
    found: Fields<'a>,
    /// Bodies that were gone through: several operations may have the same one.
    listed: HashSet<(Option<String>, ShapeId)>,
    steps: usize,
}

impl Lister<'_> {
    fn message(&mut self, status: Option<&str>, message: &Message) {
        self.names(status, Part::Header, &message.headers);
        self.names(status, Part::Form, &message.form);
        for body in &message.bodies {
            if self.listed.insert((status.map(str::to_owned), *body)) {
                self.body(status, *body, "$".to_owned(), &mut Vec::new());
            }
        }
        for media in &message.unread {
            let unread = (status.map(str::to_owned), media.to_string());
            if !self.found.unread.contains(&unread) {
                self.found.unread.push(unread);
            }
        }
    }

    fn names(&mut self, status: Option<&str>, part: Part, names: &Names) {
        for (name, class) in names {
            self.add(status, part, name.to_string(), *class);
        }
    }

    fn add(&mut self, status: Option<&str>, part: Part, at: String, class: ClassId) {
        let Some(class) = self.document.graph.class(class) else { return };
        let field = Field { status: status.map(str::to_owned), part, at, class };
        if self.found.fields.contains(&field) {
            return;
        }
        if self.found.fields.len() >= MOST_FIELDS {
            self.found.is_cut = true;
        } else {
            self.found.fields.push(field);
        }
    }

    /// Go through a shape, but for those it stands in: what a circle says was said.
    fn body(&mut self, status: Option<&str>, at: ShapeId, path: String, above: &mut Vec<ShapeId>) {
        self.steps += 1;
        let is_over = self.steps > MOST_STEPS || above.len() > LONGEST_WAY || self.found.is_cut;
        let Some(node) = self.document.graph.node(at).filter(|_| !above.contains(&at)) else { return };
        if is_over {
            self.found.is_cut = true;
            return;
        }
        if let Some(class) = node.class {
            self.add(status, Part::Body, path.clone(), class);
        }
        above.push(at);
        for also in &node.also {
            self.body(status, *also, path.clone(), above);
        }
        for (name, member) in &node.members {
            self.body(status, *member, format!("{path}{}", step(name)), above);
        }
        let others = [(node.items, "[*]"), (node.rest, ".*"), (node.embedded, "")];
        for (inner, step) in others.into_iter().filter_map(|(inner, step)| Some((inner?, step))) {
            self.body(status, inner, format!("{path}{step}"), above);
        }
        above.pop();
    }
}

/// A member in a path (RFC 9535 section 2.5.1).
fn step(name: &str) -> String {
    let is_plain = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_plain { format!(".{name}") } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}
