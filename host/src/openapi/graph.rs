//! Owns the graph of what matters of all shapes: those in which something classified may stand, and names beside it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::annotation::{Class, Sensitivity};
use super::shapes::{ClassId, Shape, ShapeId, Shapes};

/// Shapes that say the same are found from the inside out, so far.
const MOST_PASSES: usize = 16;

/// What is known of a value, without what leads to nothing.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) class: Option<ClassId>,
    pub(super) members: BTreeMap<Arc<str>, ShapeId>,
    pub(super) items: Option<ShapeId>,
    pub(super) rest: Option<ShapeId>,
    pub(super) embedded: Option<ShapeId>,
    pub(super) also: Vec<ShapeId>,
    /// A member of it is classified, beyond public: others that no shape of the same value names are not known to be
    /// harmless.
    pub(super) is_closed: bool,
    /// Members that nothing classified stands in, where that matters.
    pub(super) listed: Vec<Arc<str>>,
}

/// All shapes that matter, and their classes.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    classes: Vec<Class>,
    /// The strongest class at or below each shape.
    worst: Vec<Option<ClassId>>,
}

impl Graph {
    pub(super) fn of(shapes: &Shapes) -> Self {
        let (shapes, classes) = (shapes.all(), shapes.classes());
        let edges = Edges::of(shapes);
        let worst = worst(shapes, classes, &edges);
        let mut graph = Self { nodes: Vec::new(), classes: classes.to_vec(), worst };
        let is_harmful =
            |shape: &Shape| shape.class.is_some_and(|class| graph.sensitivity(class) > Some(Sensitivity::Public));
        let classed = spread(&edges.same_back, indices(shapes, is_harmful));
        let has = |set: &[bool], id: ShapeId| set.get(id.0 as usize).copied().unwrap_or_default();
        let closed: Vec<bool> =
            shapes.iter().map(|shape| shape.members.values().any(|member| has(&classed, *member))).collect();
        // Names count beside a closed shape: whatever is of a value of which a closed shape is.
        let of_closed = spread(&edges.same_back, positions(&closed));
        let beside = spread(&edges.same, positions(&of_closed));
        let names = shapes.iter().zip(&beside).map(|(shape, beside)| *beside && !shape.members.is_empty());
        let to_names = spread(&edges.same_back, positions(&names.collect::<Vec<_>>()));
        let is_named = |id: ShapeId| has(&beside, id) && has(&to_names, id);
        let node = |(shape, (closed, beside)): (&Shape, (&bool, &bool))| {
            let matters = |id: &ShapeId| graph.worst(*id).is_some();
            let rest = shape.rest.filter(matters);
            let (members, others): (Vec<_>, Vec<_>) = shape.members.iter().partition(|(_, id)| matters(id));
            let is_listing = *beside || rest.is_some();
            Node {
                class: shape.class,
                members: members.into_iter().map(|(name, id)| (name.clone(), *id)).collect(),
                items: shape.items.filter(matters),
                rest,
                embedded: shape.embedded.filter(matters),
                also: shape.also.iter().copied().filter(|id| matters(id) || is_named(*id)).collect(),
                is_closed: *closed,
                listed: others.into_iter().map(|(name, _)| name.clone()).filter(|_| is_listing).collect(),
            }
        };
        graph.nodes = shapes.iter().zip(closed.iter().zip(&beside)).map(node).collect();
        graph.shorten();
        graph
    }

    pub(super) fn node(&self, id: ShapeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    pub(super) fn class(&self, id: ClassId) -> Option<&Class> {
        self.classes.get(id.0 as usize)
    }

    /// The strongest class of what stands in a value of this shape.
    pub(super) fn worst(&self, id: ShapeId) -> Option<ClassId> {
        self.worst.get(id.0 as usize).copied().flatten()
    }

    /// Of two classes the stronger one.
    pub(super) fn stronger(&self, one: Option<ClassId>, other: Option<ClassId>) -> Option<ClassId> {
        let strength = |class: Option<ClassId>| class.and_then(|class| self.sensitivity(class));
        if strength(other) > strength(one) { other } else { one }
    }

    fn sensitivity(&self, class: ClassId) -> Option<Sensitivity> {
        self.class(class).map(|class| class.sensitivity)
    }

    /// Have every edge lead past shapes that say only that another holds, and to one of those that say the same.
    fn shorten(&mut self) {
        for _ in 0..MOST_PASSES {
            let ends = self.ends();
            self.lead(&ends);
            let twins = self.twins();
            if twins.iter().zip(0..).all(|(twin, at)| *twin == ShapeId(at)) {
                break;
            }
            self.lead(&twins);
        }
    }

    /// Where each shape leads: past all that say only that another holds.
    fn ends(&self) -> Vec<ShapeId> {
        let mut ends: Vec<Option<ShapeId>> = vec![None; self.nodes.len()];
        for start in (0..).take(self.nodes.len()).map(ShapeId) {
            let (mut way, mut at) = (Vec::new(), start);
            let end = loop {
                if let Some(known) = ends.get(at.0 as usize).copied().flatten() {
                    break known;
                }
                way.push(at);
                // A circle of shapes that say nothing is named by none that matters.
                match self.node(at).and_then(Node::only) {
                    Some(next) if way.len() <= self.nodes.len() => at = next,
                    _ => break at,
                }
            };
            for id in way {
                if let Some(known) = ends.get_mut(id.0 as usize) {
                    *known = Some(end);
                }
            }
        }
        ends.into_iter().zip((0..).map(ShapeId)).map(|(end, own)| end.unwrap_or(own)).collect()
    }

    /// The first of all that say the same as each shape.
    fn twins(&self) -> Vec<ShapeId> {
        let mut first = HashMap::new();
        (0..).map(ShapeId).zip(&self.nodes).map(|(id, node)| *first.entry(node).or_insert(id)).collect()
    }

    /// Have edges lead to what stands in for their ends.
    fn lead(&mut self, stand_ins: &[ShapeId]) {
        let lead = |id: &mut ShapeId| *id = stand_ins.get(id.0 as usize).copied().unwrap_or(*id);
        for (node, at) in self.nodes.iter_mut().zip(0..) {
            let inner = node.items.iter_mut().chain(&mut node.rest).chain(&mut node.embedded);
            node.members.values_mut().chain(inner).for_each(lead);
            node.also.iter_mut().for_each(lead);
            node.also.sort();
            node.also.dedup();
            node.also.retain(|id| *id != ShapeId(at));
        }
    }
}

impl Node {
    /// The shape that says all there is to say of this one.
    pub(super) fn only(&self) -> Option<ShapeId> {
        let leads = [self.items, self.rest, self.embedded].iter().any(Option::is_some);
        let says = self.class.is_some() || leads || self.is_closed;
        let is_bare = !says && self.members.is_empty() && self.listed.is_empty();
        match self.also.as_slice() {
            [only] if is_bare => Some(*only),
            _ => None,
        }
    }
}

/// Which shapes name which, both ways.
struct Edges {
    /// Of the same value.
    same: Vec<Vec<u32>>,
    same_back: Vec<Vec<u32>>,
    /// Of the same value and of values in it.
    all_back: Vec<Vec<u32>>,
}

impl Edges {
    fn of(shapes: &[Shape]) -> Self {
        let empty = || vec![Vec::new(); shapes.len()];
        let mut edges = Self { same: empty(), same_back: empty(), all_back: empty() };
        for (shape, from) in shapes.iter().zip(0_u32..) {
            for to in &shape.also {
                push(&mut edges.same, from, to.0);
                push(&mut edges.same_back, to.0, from);
                push(&mut edges.all_back, to.0, from);
            }
            for to in shape.members.values().chain(&shape.items).chain(&shape.rest).chain(&shape.embedded) {
                push(&mut edges.all_back, to.0, from);
            }
        }
        edges
    }
}

fn push(lists: &mut [Vec<u32>], at: u32, value: u32) {
    if let Some(list) = lists.get_mut(at as usize) {
        list.push(value);
    }
}

fn indices(shapes: &[Shape], is_in: impl Fn(&Shape) -> bool) -> Vec<u32> {
    (0..).zip(shapes).filter(|(_, shape)| is_in(shape)).map(|(at, _)| at).collect()
}

fn positions(set: &[bool]) -> Vec<u32> {
    (0..).zip(set).filter(|(_, is_in)| **is_in).map(|(at, _)| at).collect()
}

/// What can be reached from some shapes, and these.
fn spread(edges: &[Vec<u32>], mut left: Vec<u32>) -> Vec<bool> {
    let mut reached = vec![false; edges.len()];
    while let Some(at) = left.pop() {
        let Some(known) = reached.get_mut(at as usize).filter(|known| !**known) else { continue };
        *known = true;
        left.extend(edges.get(at as usize).into_iter().flatten());
    }
    reached
}

/// The strongest class at or below each shape: the strongest classes go first, and what they reach is settled.
fn worst(shapes: &[Shape], classes: &[Class], edges: &Edges) -> Vec<Option<ClassId>> {
    let mut worst = vec![None; shapes.len()];
    let mut own: Vec<(u32, ClassId)> =
        (0..).zip(shapes).filter_map(|(at, shape): (u32, _)| Some((at, shape.class?))).collect();
    let sensitivity = |class: ClassId| classes.get(class.0 as usize).map(|class| class.sensitivity);
    own.sort_by_key(|(_, class)| (std::cmp::Reverse(sensitivity(*class)), *class));
    for (start, class) in own {
        let mut left = vec![start];
        while let Some(at) = left.pop() {
            let Some(known) = worst.get_mut(at as usize).filter(|known| known.is_none()) else { continue };
            *known = Some(class);
            left.extend(edges.all_back.get(at as usize).into_iter().flatten());
        }
    }
    worst
}
