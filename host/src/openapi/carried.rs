//! Owns what each operation carries of what is classified, and where.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::fault::Wrong;
use super::graph::Graph;
use super::operation::{Body, Carried, Parameter, ParameterPlace, Written};
use super::shapes::{ClassId, ShapeId, Shapes};

/// The form of bodies whose fields have names.
const FORM: &str = "application/x-www-form-urlencoded";

/// Classes by names.
pub(super) type Names = BTreeMap<Arc<str>, ClassId>;

/// One operation, and what is classified in its messages.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Operation {
    pub(super) name: Option<Arc<str>>,
    pub(super) method: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) request: Message,
    pub(super) query: Names,
    pub(super) parameters: Names,
    pub(super) cookies: Names,
    /// By status, `4XX` or `default`.
    pub(super) responses: BTreeMap<Arc<str>, Message>,
}

/// One of the two ways.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Message {
    /// Each may be the one of a body.
    pub(super) bodies: BTreeSet<ShapeId>,
    pub(super) form: Names,
    pub(super) headers: Names,
    /// Media types with something classified of which nobody can tell where it stands.
    pub(super) unread: BTreeSet<Arc<str>>,
}

/// Finds what operations carry.
pub(super) struct Finder<'a> {
    pub(super) shapes: &'a mut Shapes,
    pub(super) graph: &'a Graph,
}

impl Finder<'_> {
    pub(super) fn operation(&mut self, written: Written) -> Result<Operation, Wrong> {
        let Written { name, method, path, parameters, request, responses } = written;
        let mut operation = Operation { name, method, path, request: self.body(&request)?, ..Operation::default() };
        for Parameter { name, place, value, is_deep } in parameters {
            let inner = match (place, value.shape) {
                (ParameterPlace::Query | ParameterPlace::QueryString, Some(shape)) => self.members(shape)?,
                _ => Names::new(),
            };
            let inner = inner.into_iter().map(|(member, class)| match is_deep {
                true => (format!("{name}[{member}]").into(), class),
                false => (member, class),
            });
            let whole = self.class(value).map(|class| (name.clone(), class));
            let (names, whole) = match place {
                ParameterPlace::Query => (&mut operation.query, whole),
                ParameterPlace::QueryString => (&mut operation.query, None),
                ParameterPlace::Header => (&mut operation.request.headers, whole.map(lower)),
                ParameterPlace::Path => (&mut operation.parameters, whole),
                ParameterPlace::Cookie => (&mut operation.cookies, whole),
            };
            inner.chain(whole).for_each(|named| put(self.graph, names, named));
        }
        for (status, response) in responses {
            let mut message = self.body(&response.body)?;
            // Nobody reads forms that are answers.
            if !message.form.is_empty() {
                message.unread.insert(FORM.into());
            }
            let headers = response.headers.into_iter();
            let headers = headers.filter_map(|(name, value)| Some(lower((name, self.class(value)?))));
            headers.for_each(|named| put(self.graph, &mut message.headers, named));
            operation.responses.insert(status, message);
        }
        Ok(operation)
    }

    fn body(&mut self, body: &Body) -> Result<Message, Wrong> {
        let matters = |shape: &ShapeId| self.graph.worst(*shape).is_some();
        let bodies = body.json.iter().copied().filter(matters).collect();
        let unread = body.others.iter().filter(|(_, shape)| matters(shape)).map(|(media, _)| media.clone()).collect();
        let mut message = Message { bodies, unread, ..Message::default() };
        for shape in body.forms.iter().copied().filter(matters).collect::<Vec<_>>() {
            for named in self.members(shape)? {
                put(self.graph, &mut message.form, named);
            }
            // Fields without names, or all of them at once.
            let group = self.shapes.group(shape)?;
            let mut of_group = group.iter().filter_map(|id| self.shapes.get(*id));
            if of_group.any(|shape| shape.class.is_some() || shape.rest.is_some_and(|rest| matters(&rest))) {
                message.unread.insert(FORM.into());
            }
        }
        Ok(message)
    }

    /// The classified members of a value.
    fn members(&mut self, shape: ShapeId) -> Result<Names, Wrong> {
        let (group, mut names) = (self.shapes.group(shape)?, Names::new());
        for (name, member) in group.iter().filter_map(|id| self.shapes.get(*id)).flat_map(|shape| &shape.members) {
            if let Some(class) = self.graph.worst(*member) {
                put(self.graph, &mut names, (name.clone(), class));
            }
        }
        Ok(names)
    }

    /// What is classified in a value, as one.
    fn class(&self, value: Carried) -> Option<ClassId> {
        self.graph.stronger(value.class, value.shape.and_then(|shape| self.graph.worst(shape)))
    }
}

/// Of two classes of a name the stronger one counts.
pub(super) fn put(graph: &Graph, names: &mut Names, (name, class): (Arc<str>, ClassId)) {
    let known = names.get(&name).copied();
    names.extend(graph.stronger(known, Some(class)).map(|class| (name, class)));
}

/// Fields have names in any case.
fn lower((name, class): (Arc<str>, ClassId)) -> (Arc<str>, ClassId) {
    (name.to_ascii_lowercase().into(), class)
}
