//! What paths, shapes and allow-lists have in common: a graph whose nodes say what is selected, and where to go on.

use super::path::{Items, Path, Segment, Selector};
use super::shapes::{NoSuchShape, Shape, Shapes};
use rustc_hash::FxHashMap;

/// How far a rule reaches that selects a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It selects the value as a whole, and nothing inside.
    Here,
    /// It selects the value and all that is inside, however deep: the scalars of an object or array one by one.
    Below,
}

/// Where a node stands in a graph.
pub(super) type NodeId = u32;
/// Which of the names that a graph knows.
pub(super) type NameId = u16;

/// How many names a graph can know: one id stands for none.
pub(super) const MOST_NAMES: usize = NameId::MAX as usize;

/// One of the things that hold at the place of a value, and what follows from it for the values inside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Node {
    pub(super) role: Role,
    /// Whether it holds inside as well, however deep.
    pub(super) stays: bool,
    /// What holds for members by their name, ascending.
    pub(super) names: Vec<(NameId, NodeId)>,
    /// What holds for every member.
    pub(super) members: Vec<NodeId>,
    /// What holds for members that are not in `names`.
    pub(super) others: Option<NodeId>,
    pub(super) items: Vec<(Items, NodeId)>,
    /// What holds at the same place.
    pub(super) also: Vec<NodeId>,
}

impl Node {
    /// Leads where the other does, too; neither leads by `others`.
    fn extend(&mut self, other: &Self) {
        self.names.extend(&other.names);
        self.members.extend(&other.members);
        self.items.extend(&other.items);
    }

    fn sort(&mut self) {
        self.names.sort_unstable();
        self.names.dedup();
        self.members.sort_unstable();
        self.members.dedup();
    }
}

/// What a node means for the value where it holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Role {
    /// Nothing: it only leads on.
    #[default]
    Leads,
    /// The rule selects it.
    Selects(u16),
    /// Its members are listed by this and by the others of the group. What holds for those that are not, if any.
    Lists { group: u32, unlisted: Option<NodeId> },
    /// The rule selects it unless a node of the group holds, too; `below` is what then holds instead.
    Denies { group: u32, rule: u16, below: NodeId },
    /// It is on the way to what the group allows.
    Leaves { group: u32 },
    /// The group allows it, and all that is inside.
    Allows { group: u32 },
}

/// The nodes, and the names that they know.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    pub(super) names: Vec<Box<str>>,
    by_content: FxHashMap<Node, NodeId>,
    by_name: FxHashMap<Box<str>, NameId>,
    groups: u32,
    has_too_many_names: bool,
}

impl Graph {
    /// How large it is, in nodes and in what leads from them.
    pub(super) fn size(&self) -> usize {
        self.nodes.iter().map(|node| 1 + node.names.len() + node.items.len() + node.also.len()).sum()
    }

    pub(super) fn has_too_many_names(&self) -> bool {
        self.has_too_many_names
    }

    /// What selects a value by the rule, as far as that reaches.
    pub(super) fn selects(&mut self, rule: u16, reach: Reach) -> NodeId {
        self.shared(Node { role: Role::Selects(rule), stays: reach == Reach::Below, ..Node::default() })
    }

    /// What leads along the path, to what holds at its end.
    pub(super) fn path(&mut self, path: &Path, end: NodeId) -> NodeId {
        self.path_as(Role::Leads, path, end)
    }

    /// What selects all that none of the paths allows.
    pub(super) fn allow(&mut self, paths: &[Path], rule: u16) -> Vec<NodeId> {
        let group = self.group();
        let below = self.selects(rule, Reach::Below);
        let denies = Role::Denies { group, rule, below };
        let mut roots = vec![self.shared(Node { role: denies, stays: true, ..Node::default() })];
        let end = self.shared(Node { role: Role::Allows { group }, ..Node::default() });
        // A path that never selects anything has no way there.
        let leading = paths.iter().filter(|path| path.segments.iter().all(|segment| !segment.selectors.is_empty()));
        roots.extend(leading.map(|path| self.path_as(Role::Leaves { group }, path, end)));
        roots
    }

    fn path_as(&mut self, role: Role, path: &Path, end: NodeId) -> NodeId {
        path.segments.iter().rev().fold(end, |next, segment| self.segment(role, segment, next))
    }

    fn segment(&mut self, role: Role, segment: &Segment, next: NodeId) -> NodeId {
        let mut node = Node { role, stays: segment.descends, ..Node::default() };
        for selector in &segment.selectors {
            match selector {
                Selector::Every => {
                    node.members.push(next);
                    node.items.push((Items::EVERY, next));
                }
                Selector::Member(name) => node.names.extend(self.name(name).map(|name| (name, next))),
                Selector::Items(items) => node.items.push((*items, next)),
            }
        }
        self.shared(node)
    }

    /// The same as these nodes where all of them hold, but fewer: what only leads on, for as long, is one.
    pub(super) fn together(&mut self, nodes: &[NodeId]) -> Vec<NodeId> {
        let mut kept = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        for id in nodes {
            let Some(node) = self.nodes.get(*id as usize) else { continue };
            if !matches!(node.role, Role::Leads | Role::Leaves { .. }) {
                kept.push(*id);
                continue;
            }
            let alike = merged.iter_mut().find(|known| known.role == node.role && known.stays == node.stays);
            match alike {
                Some(known) => known.extend(node),
                None => merged.push(node.clone()),
            }
        }
        kept.extend(merged.into_iter().map(|node| self.shared(node)));
        kept
    }

    /// The nodes of the shapes, one for each and in their order, of which this gives the first. They select by the
    /// class of the shapes, and what is not listed.
    pub(super) fn shapes(
        &mut self,
        shapes: &Shapes,
        rule_of_class: impl Fn(u16) -> Option<(u16, Reach)>,
        unlisted: Option<u16>,
    ) -> Result<usize, NoSuchShape> {
        let group = self.group();
        let unlisted = unlisted.map(|rule| self.selects(rule, Reach::Below));
        let first = self.nodes.len();
        // Where they stand must be known before what they lead to.
        self.nodes.resize_with(first + shapes.shapes.len(), Node::default);
        for (index, shape) in shapes.shapes.iter().enumerate() {
            let unlisted = unlisted.filter(|_| shape.is_closed);
            let mut node = Node { role: Role::Lists { group, unlisted }, ..self.shape(shape, shapes, first)? };
            if let Some((rule, reach)) = shape.class.and_then(&rule_of_class) {
                node.also.push(self.selects(rule, reach));
            }
            node.sort();
            if let Some(place) = self.nodes.get_mut(first + index) {
                *place = node;
            }
        }
        Ok(first)
    }

    fn shape(&mut self, shape: &Shape, shapes: &Shapes, first: usize) -> Result<Node, NoSuchShape> {
        let node_of = |index: usize| match NodeId::try_from(first + index) {
            Ok(node) if index < shapes.shapes.len() => Ok(node),
            _ => Err(NoSuchShape(index)),
        };
        let mut node = Node::default();
        for (name, member) in &shape.members {
            let member = node_of(*member)?;
            node.names.extend(self.name(name).map(|name| (name, member)));
        }
        node.others = shape.rest.map(node_of).transpose()?;
        node.items.extend(shape.items.map(node_of).transpose()?.map(|item| (Items::EVERY, item)));
        node.also = shape.also.iter().copied().map(node_of).collect::<Result<_, _>>()?;
        Ok(node)
    }

    fn group(&mut self) -> u32 {
        self.groups += 1;
        self.groups
    }

    /// The node of this content, which is there but once.
    fn shared(&mut self, mut node: Node) -> NodeId {
        node.sort();
        let next = NodeId::try_from(self.nodes.len()).unwrap_or(NodeId::MAX);
        *self.by_content.entry(node).or_insert_with_key(|node| {
            self.nodes.push(node.clone());
            next
        })
    }

    fn name(&mut self, name: &str) -> Option<NameId> {
        if let Some(known) = self.by_name.get(name) {
            return Some(*known);
        }
        if self.names.len() == MOST_NAMES {
            self.has_too_many_names = true;
            return None;
        }
        let next = NameId::try_from(self.names.len()).ok()?;
        self.names.push(name.into());
        self.by_name.insert(name.into(), next);
        Some(next)
    }
}
