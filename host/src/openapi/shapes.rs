//! Owns shapes: what there may be in a JSON value, as far as it matters for what is classified in it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::annotation::Class;
use super::fault::Wrong;

/// Names a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ShapeId(pub(super) u32);

/// Names a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClassId(pub(super) u32);

/// What is known of a value. Several may hold of one: what any of them says counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape {
    pub(super) class: Option<ClassId>,
    pub(super) members: BTreeMap<Arc<str>, ShapeId>,
    pub(super) items: Option<ShapeId>,
    /// What holds of members that are not named here.
    pub(super) rest: Option<ShapeId>,
    /// What the value holds, which is a string, as JSON.
    pub(super) embedded: Option<ShapeId>,
    /// Other shapes of the same value.
    pub(super) also: Vec<ShapeId>,
    /// What stands in lists of the same value is this value too: bodies that are a sequence of values.
    pub(super) is_sequence: bool,
    /// The payload of an event is this value too.
    pub(super) is_event: bool,
}

/// All shapes and classes, those too that turn out not to matter.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    all: Vec<Shape>,
    classes: Vec<Class>,
    known_classes: HashMap<String, ClassId>,
    /// What looking through shapes has cost.
    steps: usize,
}

/// Steps of looking through shapes; those of real documents take some thousands.
const MOST_STEPS: usize = 20_000_000;

impl Shapes {
    /// A shape that is put later.
    pub(super) fn add(&mut self, shape: Shape) -> ShapeId {
        // Each is of a node or of an operation, and these are bounded far below.
        let id = ShapeId(u32::try_from(self.all.len()).unwrap_or(u32::MAX));
        self.all.push(shape);
        id
    }

    pub(super) fn put(&mut self, id: ShapeId, shape: Shape) {
        if let Some(place) = self.all.get_mut(id.0 as usize) {
            *place = shape;
        }
    }

    /// One that is all of these.
    pub(super) fn join(&mut self, mut shapes: Vec<ShapeId>) -> Option<ShapeId> {
        match shapes.len() {
            0 | 1 => shapes.pop(),
            _ => Some(self.add(Shape { also: shapes, ..Shape::default() })),
        }
    }

    pub(super) fn class(&mut self, class: Class) -> ClassId {
        let key = format!("{}\0{}\0{:?}", class.category, class.sensitivity, class.masking);
        *self.known_classes.entry(key).or_insert_with(|| {
            self.classes.push(class);
            ClassId(u32::try_from(self.classes.len() - 1).unwrap_or(u32::MAX))
        })
    }

    pub(super) fn get(&self, id: ShapeId) -> Option<&Shape> {
        self.all.get(id.0 as usize)
    }

    /// All shapes that hold of a value besides one, and that one.
    pub(super) fn group(&mut self, id: ShapeId) -> Result<Vec<ShapeId>, Wrong> {
        let (mut group, mut seen, mut next) = (vec![id], BTreeSet::from([id]), 0);
        while let Some(at) = group.get(next).copied() {
            next += 1;
            let also = self.all.get(at.0 as usize).map_or(&[][..], |shape| &shape.also);
            self.steps += 1 + also.len();
            if self.steps > MOST_STEPS {
                return Err(Wrong::new("has schemas too entangled to be followed", "let fewer of them name others"));
            }
            group.extend(also.iter().filter(|id| seen.insert(**id)));
        }
        Ok(group)
    }

    /// Say of bodies that are sequences, and of events, what follows from what stands in them.
    pub(super) fn unfold(&mut self) -> Result<(), Wrong> {
        for id in (0..self.all.len()).filter_map(|at| u32::try_from(at).ok()).map(ShapeId) {
            let Some((is_sequence, is_event)) = self.get(id).map(|shape| (shape.is_sequence, shape.is_event)) else {
                continue;
            };
            if !is_sequence && !is_event {
                continue;
            }
            let group = self.group(id)?;
            let of_group = group.iter().filter_map(|of| self.get(*of));
            let found = of_group.flat_map(|shape| {
                let item = shape.items.filter(|_| is_sequence);
                [item, shape.members.get("data").copied().filter(|_| is_event)]
            });
            let mut found: Vec<_> = found.flatten().collect();
            // The payload of an event that stands in a list of events.
            if is_sequence && is_event {
                found.extend(self.of_all(&found, |shape| shape.members.get("data").copied())?);
            }
            // The payload is read as what it holds.
            if is_event {
                found.extend(self.of_all(&found, |shape| shape.embedded)?);
            }
            if let Some(shape) = self.all.get_mut(id.0 as usize) {
                shape.also.extend(found);
            }
        }
        Ok(())
    }

    /// What `find` finds in all shapes that hold of some values.
    fn of_all(&mut self, ids: &[ShapeId], find: fn(&Shape) -> Option<ShapeId>) -> Result<Vec<ShapeId>, Wrong> {
        let mut found = Vec::new();
        for id in ids {
            let group = self.group(*id)?;
            found.extend(group.iter().filter_map(|of| self.get(*of)).filter_map(find));
        }
        Ok(found)
    }

    pub(super) fn all(&self) -> &[Shape] {
        &self.all
    }

    pub(super) fn classes(&self) -> &[Class] {
        &self.classes
    }
}
