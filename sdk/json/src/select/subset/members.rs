//! Where the members of an object lead, by their name.

use super::super::graph::{NameId, Node, NodeId, Role};

/// What some nodes say of the members of the object where they hold.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// What holds for every member.
    every: Vec<NodeId>,
    /// What holds by name, ascending: all of one name in a row.
    pub(super) names: Vec<Named>,
    /// What holds for the names that a node does not know.
    others: Vec<(NodeId, NodeId)>,
    /// What holds for the names that no node of a group lists.
    unlisted: Vec<(u32, NodeId)>,
}

/// What a node says of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    pub(super) name: NameId,
    to: NodeId,
    by: NodeId,
    /// The group that lists it so.
    group: Option<u32>,
}

impl Members {
    pub(super) fn of(nodes: &[(NodeId, &Node)]) -> Self {
        let mut all = Self::default();
        for (id, node) in nodes {
            let (group, unlisted) = match node.role {
                Role::Lists { group, unlisted } => (Some(group), unlisted),
                _ => (None, None),
            };
            all.every.extend(node.stays.then_some(*id));
            all.every.extend(&node.members);
            all.names.extend(node.names.iter().map(|(name, to)| Named { name: *name, to: *to, by: *id, group }));
            all.others.extend(node.others.map(|to| (*id, to)));
            all.unlisted.extend(group.zip(unlisted));
        }
        all.names.sort_unstable();
        all.unlisted.sort_unstable();
        all.unlisted.dedup();
        all
    }

    /// How much it takes to tell what holds for a name.
    pub(super) fn work(&self, named: &[Named]) -> usize {
        self.every.len() + named.len() * (self.others.len() + self.unlisted.len())
    }

    /// What holds for a member of the name that all of these are about.
    pub(super) fn named<'s>(&'s self, named: &'s [Named]) -> impl Iterator<Item = NodeId> + 's {
        let is_known_by = move |node: NodeId| named.iter().any(|named| named.by == node);
        let is_listed_by = move |group: u32| named.iter().any(|named| named.group == Some(group));
        let others = self.others.iter().filter(move |(by, _)| !is_known_by(*by)).map(|(_, to)| *to);
        let unlisted = self.unlisted.iter().filter(move |(group, _)| !is_listed_by(*group)).map(|(_, to)| *to);
        let named = named.iter().map(|named| named.to);
        self.every.iter().copied().chain(named).chain(others).chain(unlisted)
    }

    /// What holds for a member of any name that is not among these.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = NodeId> {
        self.named(&[])
    }
}
