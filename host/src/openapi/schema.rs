//! Makes shapes of schemas (JSON Schema as OpenAPI 3.0 to 3.2 has it). Where it is open what holds, more is taken to be classified rather than less.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::annotation;
use super::fault::Wrong;
use super::nodes::{Id, Value};
use super::read::Files;
use super::shapes::{ClassId, Shape, ShapeId, Shapes};

/// Keywords with a schema, and with a list of them, of the same value. What a condition asks for is taken to be so.
const SAME: [&str; 3] = ["if", "then", "else"];
const SAME_LISTS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords with a schema, or a list of them, of what stands in a list.
const ITEMS: [&str; 5] = ["items", "prefixItems", "additionalItems", "contains", "unevaluatedItems"];
/// Keywords with a schema of members that are not named.
const REST: [&str; 2] = ["additionalProperties", "unevaluatedProperties"];
/// References that lead to another place with each use.
const DYNAMIC: [&str; 2] = ["$dynamicRef", "$recursiveRef"];

/// Makes shapes of the schemas that are asked for, and of those they name.
pub(super) struct Schemas<'a> {
    pub(super) files: Files<'a>,
    pub(super) shapes: Shapes,
    known: HashMap<Id, ShapeId>,
    /// Known, and not looked at yet.
    queue: Vec<(Id, ShapeId)>,
    /// Those that name the schema of the key as one of all that hold.
    heirs: HashMap<Id, Vec<Id>>,
    /// Where annotations were looked for.
    pub(super) annotated: HashSet<Id>,
    /// Objects whose members have names of the author.
    pub(super) named: HashSet<Id>,
    root: Id,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(files: Files<'a>, root: Id) -> Self {
        let (shapes, known, queue, heirs, annotated, named) = Default::default();
        let mut schemas = Self { files, shapes, known, queue, heirs, annotated, named, root };
        schemas.find_heirs();
        schemas
    }

    /// The shape of a schema. What it says is known after [`Schemas::finish`].
    pub(super) fn shape(&mut self, schema: Id) -> ShapeId {
        if let Some(known) = self.known.get(&schema) {
            return *known;
        }
        let id = self.shapes.add(Shape::default());
        self.known.insert(schema, id);
        self.queue.push((schema, id));
        id
    }

    /// Look at all schemas that were asked for.
    pub(super) fn finish(&mut self) {
        while let Some((schema, id)) = self.queue.pop() {
            let shape = self.read(schema);
            self.shapes.put(id, shape);
        }
    }

    /// The class of an object, by its annotations.
    pub(super) fn class(&mut self, at: Id) -> Option<ClassId> {
        self.annotated.insert(at);
        let class = annotation::class(&self.files.nodes, at, &mut self.files.faults)?;
        Some(self.shapes.class(class))
    }

    fn read(&mut self, at: Id) -> Shape {
        let mut shape = Shape::default();
        match self.files.nodes.value(at) {
            Value::Map(_) => {}
            Value::Bool(_) => return shape,
            _ => {
                self.mistaken(at, "a schema, which is an object");
                return shape;
            }
        }
        shape.class = self.class(at);
        for keyword in DYNAMIC {
            if let Some(id) = self.files.nodes.member(at, keyword) {
                let advice = "write `$ref` with the way to it, \"#/components/schemas/Pet\"";
                self.files.fault(id, Wrong::new("is not followed", advice));
            }
        }
        if let Some(reference) = self.files.nodes.member(at, "$ref") {
            let found = self.files.follow(reference);
            shape.also.extend(found.map(|found| self.shape(found)));
        }
        for keyword in SAME {
            let schema = self.files.nodes.member(at, keyword);
            shape.also.extend(schema.map(|schema| self.shape(schema)));
        }
        for keyword in SAME_LISTS {
            let schemas = self.list(at, keyword);
            shape.also.extend(schemas);
        }
        let dependent = self.named(at, "dependentSchemas").into_iter().map(|(_, shape)| shape);
        shape.also.extend(dependent);
        shape.also.extend(self.heirs(at));
        shape.members = self.named(at, "properties").into_iter().collect();
        shape.items = self.items(at);
        shape.rest = self.rest(at);
        shape.also.extend(self.patterns(at));
        shape.embedded = self.files.nodes.member(at, "contentSchema").map(|schema| self.shape(schema));
        shape
    }

    fn items(&mut self, at: Id) -> Option<ShapeId> {
        let mut all = Vec::new();
        for keyword in ITEMS {
            match self.files.nodes.member(at, keyword).map(|id| (id, self.files.nodes.value(id))) {
                Some((_, Value::List(_))) => all.extend(self.list(at, keyword)),
                Some((id, _)) => all.push(self.shape(id)),
                None => {}
            }
        }
        self.shapes.join(all)
    }

    fn rest(&mut self, at: Id) -> Option<ShapeId> {
        let all = REST.map(|keyword| self.files.nodes.member(at, keyword).map(|schema| self.shape(schema)));
        self.shapes.join(all.into_iter().flatten().collect())
    }

    /// Patterns are not read: what one of them says may hold of any member, of those too that have names.
    fn patterns(&mut self, at: Id) -> Option<ShapeId> {
        let all = self.named(at, "patternProperties").into_iter().map(|(_, shape)| shape).collect();
        let rest = self.shapes.join(all)?;
        Some(self.shapes.add(Shape { rest: Some(rest), ..Shape::default() }))
    }

    /// What a value may be besides that has a discriminator: what the mapping names, and what builds on the schema.
    fn heirs(&mut self, at: Id) -> Vec<ShapeId> {
        let Some(discriminator) = self.files.nodes.member(at, "discriminator") else { return Vec::new() };
        let mut heirs = self.heirs.get(&at).cloned().unwrap_or_default();
        let mapping = self.files.nodes.member(discriminator, "mapping");
        for (_, target) in mapping.map(|mapping| self.files.nodes.members(mapping)).unwrap_or_default().iter() {
            let named = self.files.nodes.text(*target).and_then(|name| self.component(name));
            heirs.extend(named.or_else(|| self.files.follow(*target)));
        }
        heirs.into_iter().map(|heir| self.shape(heir)).collect()
    }

    /// The schema of a name.
    fn component(&self, name: &str) -> Option<Id> {
        let nodes = &self.files.nodes;
        nodes.member(nodes.member(nodes.member(self.root, "components")?, "schemas")?, name)
    }

    /// Find which schemas of the document build on which by `allOf`.
    fn find_heirs(&mut self) {
        let nodes = &self.files.nodes;
        let schemas = nodes.member(self.root, "components").and_then(|it| nodes.member(it, "schemas"));
        for (_, heir) in schemas.map(|schemas| nodes.members(schemas)).unwrap_or_default().iter() {
            let Some(Value::List(all)) = self.files.nodes.member(*heir, "allOf").map(|id| self.files.nodes.value(id))
            else {
                continue;
            };
            for part in all.clone().iter() {
                let text = self.files.nodes.text_of(*part, "$ref");
                // What leads elsewhere is followed, and complained of, with the schema it stands in.
                let name = text.and_then(|text| text.strip_prefix("#/components/schemas/"));
                if let Some(of) = name.and_then(|name| self.component(name)) {
                    self.heirs.entry(of).or_default().push(*heir);
                }
            }
        }
    }

    /// The schemas of a list.
    fn list(&mut self, at: Id, keyword: &str) -> Vec<ShapeId> {
        let Some(id) = self.files.nodes.member(at, keyword) else { return Vec::new() };
        let Value::List(items) = self.files.nodes.value(id) else {
            self.mistaken(id, "a list of schemas");
            return Vec::new();
        };
        items.clone().iter().map(|item| self.shape(*item)).collect()
    }

    /// The schemas of an object whose names are the author's.
    fn named(&mut self, at: Id, keyword: &str) -> Vec<(Arc<str>, ShapeId)> {
        let Some(id) = self.files.nodes.member(at, keyword) else { return Vec::new() };
        self.named.insert(id);
        if !self.files.nodes.is_map(id) {
            self.mistaken(id, "an object, each member a schema");
        }
        self.files.nodes.members(id).iter().map(|(name, schema)| (name.clone(), self.shape(*schema))).collect()
    }

    pub(super) fn mistaken(&mut self, at: Id, expected: &str) {
        let reason = format!("is {}", self.files.nodes.kind(at));
        self.files.fault(at, Wrong::new(reason, format!("write {expected}")));
    }
}
