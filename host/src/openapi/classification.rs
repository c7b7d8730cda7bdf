//! Writes what policies are told of a document: classes, shapes and operations as JSON, with numbers of its own and nothing that is not named.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

use super::Document;
use super::annotation::Class;
use super::carried::{Message, Names, Operation};
use super::graph::Node;
use super::routes::RouteView;
use super::shapes::{ClassId, ShapeId};

impl Document {
    /// What the document says of some of the routes of its API, by their names. Of a route it says nothing of nothing is
    /// written.
    pub(crate) fn classification(&self, some: &[RouteView<'_>], routes: &[RouteView<'_>]) -> Value {
        let mut writer =
            Writer { document: self, shapes: Numbers::default(), joined: Vec::new(), classes: Numbers::default() };
        let mut operations = Map::new();
        for route in some {
            if let Some(operation) = self.carried(*route, routes) {
                operations.insert(route.name.to_owned(), writer.operation(&operation));
            }
        }
        let shapes = writer.shapes();
        let classes: Vec<_> =
            writer.classes.order.iter().filter_map(|id| self.graph.class(*id)).map(class_json).collect();
        json!({ "classes": classes, "shapes": shapes, "operations": operations })
    }
}

fn class_json(class: &Class) -> Value {
    let mut members = Map::new();
    members.insert("category".into(), Value::from(&*class.category));
    members.insert("sensitivity".into(), Value::from(class.sensitivity.as_str()));
    members.extend(class.masking.as_ref().map(|masking| ("masking".to_owned(), masking.clone())));
    Value::Object(members)
}

/// Numbers what is named, in the order in which that happens first.
struct Numbers<T> {
    of: HashMap<T, usize>,
    order: Vec<T>,
}

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self { of: HashMap::new(), order: Vec::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Numbers<T> {
    fn number(&mut self, id: T) -> usize {
        *self.of.entry(id).or_insert_with(|| {
            self.order.push(id);
            self.order.len() - 1
        })
    }
}

/// A shape of the document, or what several bodies of one operation are together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Named {
    Shape(ShapeId),
    Joined(usize),
    /// Nothing is classified.
    Nothing,
}

struct Writer<'a> {
    document: &'a Document,
    shapes: Numbers<Named>,
    joined: Vec<Vec<ShapeId>>,
    classes: Numbers<ClassId>,
}

impl Writer<'_> {
    fn operation(&mut self, operation: &Operation) -> Value {
        let mut members = Map::new();
        let Operation { request, query, parameters, cookies, responses, .. } = operation;
        self.body(&mut members, "request", request);
        let names = [
            ("form", &request.form),
            ("query", query),
            ("headers", &request.headers),
            ("path", parameters),
            ("cookies", cookies),
        ];
        for (key, names) in names {
            put(&mut members, key, self.names(names));
        }
        put(&mut members, "unread", unread(request));
        let by_status = |has: fn(&Message) -> bool, value: &mut dyn FnMut(&Message) -> Value| {
            let values = responses.iter().map(|(status, message)| (status.to_string(), value(message)));
            // A status that is not named is not described, so that what others say counts for it.
            if responses.values().any(has) { Value::Object(values.collect()) } else { Value::Null }
        };
        let bodies = by_status(|message| !message.bodies.is_empty(), &mut |message| match self.shape_of(message) {
            Value::Null => self.shapes.number(Named::Nothing).into(),
            shape => shape,
        });
        let headers = by_status(|message| !message.headers.is_empty(), &mut |message| self.names(&message.headers));
        put(&mut members, "responses", bodies);
        put(&mut members, "response_headers", headers);
        put(&mut members, "response_unread", by_status(|message| !message.unread.is_empty(), &mut unread));
        Value::Object(members)
    }

    fn body(&mut self, members: &mut Map<String, Value>, key: &str, message: &Message) {
        let shape = self.shape_of(message);
        put(members, key, shape);
    }

    /// The number of the shape of a body; null where nothing is classified in it.
    fn shape_of(&mut self, message: &Message) -> Value {
        let bodies: Vec<_> = message.bodies.iter().copied().collect();
        match bodies.as_slice() {
            [] => Value::Null,
            [one] => self.shapes.number(self.end(*one)).into(),
            _ => {
                let known = self.joined.iter().position(|known| *known == bodies);
                let at = known.unwrap_or_else(|| {
                    self.joined.push(bodies);
                    self.joined.len() - 1
                });
                self.shapes.number(Named::Joined(at)).into()
            }
        }
    }

    /// Past a shape that says only that another holds.
    fn end(&self, id: ShapeId) -> Named {
        Named::Shape(self.document.graph.node(id).and_then(Node::only).unwrap_or(id))
    }

    fn names(&mut self, names: &Names) -> Value {
        let classes = names.iter().map(|(name, class)| (name.to_string(), self.classes.number(*class).into()));
        Value::Object(classes.collect())
    }

    /// All shapes that were named, and those they name.
    fn shapes(&mut self) -> Vec<Value> {
        let mut shapes = Vec::new();
        while let Some(named) = self.shapes.order.get(shapes.len()).copied() {
            let shape = match named {
                Named::Nothing => None,
                Named::Shape(id) => self.document.graph.node(id).map(|node| self.shape(node)),
                Named::Joined(at) => {
                    let all = self.joined.get(at).cloned().unwrap_or_default();
                    let also: Vec<_> = all.into_iter().map(|id| self.shapes.number(self.end(id))).collect();
                    Some(json!({ "also": also }))
                }
            };
            shapes.push(shape.unwrap_or_else(|| json!({})));
        }
        shapes
    }

    fn shape(&mut self, node: &Node) -> Value {
        let mut members = Map::new();
        members.extend(node.class.map(|class| ("class".to_owned(), self.classes.number(class).into())));
        let mut number = |id: &ShapeId| self.shapes.number(Named::Shape(*id));
        let named: BTreeMap<&str, usize> = node.members.iter().map(|(name, id)| (&**name, number(id))).collect();
        put(&mut members, "members", json!(named));
        put(&mut members, "items", node.items.as_ref().map(&mut number).into());
        put(&mut members, "rest", node.rest.as_ref().map(&mut number).into());
        put(&mut members, "embedded", node.embedded.as_ref().map(&mut number).into());
        put(&mut members, "also", node.also.iter().map(number).collect());
        if node.is_closed {
            members.insert("closed".into(), true.into());
        }
        put(&mut members, "listed", node.listed.iter().map(|name| Value::from(&**name)).collect());
        Value::Object(members)
    }
}

fn unread(message: &Message) -> Value {
    message.unread.iter().map(|media| Value::from(&**media)).collect()
}

fn put(members: &mut Map<String, Value>, key: &str, value: Value) {
    if !is_empty(&value) {
        members.insert(key.to_owned(), value);
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
