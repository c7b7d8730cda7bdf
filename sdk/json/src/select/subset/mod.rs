//! From the graph to an automaton: one state for each set of nodes that can hold together.

mod items;

use super::complex::{Limit, TooComplex};
use super::graph::{Graph, NameId, Node, NodeId, Role};
pub(super) use items::Draw;
use std::collections::HashMap;

/// How many states there can be.
const MOST_STATES: usize = 60_000;
/// How much work there can be: some for any selection, and more for what it was given.
const WORK: usize = 150_000;
const WORK_PER_SIZE: usize = 16;
/// What a new state costs, beside its nodes.
const STATE: usize = 8;

/// The number of a state that is not minimised yet.
pub(super) type DraftId = u16;

/// A state that is not minimised yet.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// Where members lead by their name, ascending; not those that lead where all `others` do.
    pub(super) names: Vec<(NameId, DraftId)>,
    pub(super) others: DraftId,
    pub(super) items: Draw<DraftId>,
    pub(super) rules: Rules,
}

/// The rules of a state, each ascending and without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Rules {
    /// Those that select the value.
    pub(super) of_all: Vec<u16>,
    /// Those that select it if it has nothing inside.
    pub(super) of_scalars: Vec<u16>,
}

impl Rules {
    pub(super) fn is_empty(&self) -> bool {
        self.of_all.is_empty() && self.of_scalars.is_empty()
    }
}

/// The states of a graph for each of the roots, the first of them the one where nothing holds.
pub(super) fn drafts(graph: &Graph, roots: &[Vec<NodeId>]) -> Result<(Vec<Draft>, Vec<DraftId>), TooComplex> {
    let work = WORK + WORK_PER_SIZE * graph.size();
    let stamps = vec![0; graph.nodes.len()];
    let mut subsets = Subsets { graph, sets: Vec::new(), known: HashMap::new(), work, stamps, stamp: 0 };
    let mut drafts = Vec::new();
    let mut starts = Vec::with_capacity(roots.len());
    let all = roots.iter().enumerate().map(|(entry, root)| (Some(entry), root.as_slice()));
    for (entry, root) in [(None, [].as_slice())].into_iter().chain(all) {
        let explored = subsets.explore(root.to_vec(), &mut drafts);
        let start = explored.map_err(|limit| TooComplex { entry, limit })?;
        starts.extend(entry.map(|_| start));
    }
    Ok((drafts, starts))
}

struct Subsets<'g> {
    graph: &'g Graph,
    /// The nodes of each state.
    sets: Vec<Box<[NodeId]>>,
    known: HashMap<Box<[NodeId]>, DraftId>,
    /// How much may still be done.
    work: usize,
    /// When each node was last met, by the number of the closing that met it.
    stamps: Vec<u32>,
    stamp: u32,
}

impl Subsets<'_> {
    /// Drafts all states that are new below what `root` holds.
    fn explore(&mut self, root: Vec<NodeId>, drafts: &mut Vec<Draft>) -> Result<DraftId, Limit> {
        let start = self.state(root)?;
        while let Some(set) = self.sets.get(drafts.len()).cloned() {
            let draft = self.draft(&set)?;
            drafts.push(draft);
        }
        Ok(start)
    }

    fn draft(&mut self, set: &[NodeId]) -> Result<Draft, Limit> {
        let graph = self.graph;
        let nodes: Vec<(NodeId, &Node)> =
            set.iter().filter_map(|id| Some((*id, graph.nodes.get(*id as usize)?))).collect();
        let others = self.state(member(&nodes, None))?;
        let mut names: Vec<NameId> =
            nodes.iter().flat_map(|(_, node)| node.names.iter().map(|(name, _)| *name)).collect();
        names.sort_unstable();
        names.dedup();
        let mut edges = Vec::with_capacity(names.len());
        for name in names {
            self.charge(nodes.len())?;
            let to = self.state(member(&nodes, Some(name)))?;
            if to != others {
                edges.push((name, to));
            }
        }
        let items = items::draw(&nodes, &mut |holds| self.state(holds))?;
        Ok(Draft { names: edges, others, items, rules: rules(&nodes) })
    }

    /// The state of all that follows from these nodes.
    fn state(&mut self, mut nodes: Vec<NodeId>) -> Result<DraftId, Limit> {
        self.close(&mut nodes);
        self.charge(nodes.len() + 1)?;
        self.settle(&mut nodes);
        nodes.sort_unstable();
        nodes.dedup();
        if let Some(known) = self.known.get(nodes.as_slice()) {
            return Ok(*known);
        }
        if self.sets.len() == MOST_STATES {
            return Err(Limit::States);
        }
        self.charge(STATE)?;
        let next = DraftId::try_from(self.sets.len()).map_err(|_| Limit::States)?;
        let nodes = nodes.into_boxed_slice();
        self.sets.push(nodes.clone());
        self.known.insert(nodes, next);
        Ok(next)
    }

    /// Adds what holds at the same place.
    fn close(&mut self, nodes: &mut Vec<NodeId>) {
        self.stamp += 1;
        let stamp = self.stamp;
        let stamps = &mut self.stamps;
        let mut is_new =
            |node: &NodeId| stamps.get_mut(*node as usize).is_some_and(|met| std::mem::replace(met, stamp) != stamp);
        nodes.retain(&mut is_new);
        let mut next = 0;
        while let Some(node) = nodes.get(next) {
            if let Some(node) = self.graph.nodes.get(*node as usize) {
                nodes.extend(node.also.iter().filter(|node| is_new(node)));
            }
            next += 1;
        }
    }

    /// Decides what allow-lists have decided by now: nothing of them remains where they allow, and nothing but the rule
    /// where they never will.
    fn settle(&self, nodes: &mut Vec<NodeId>) {
        let role = |node: &NodeId| self.graph.nodes.get(*node as usize).map_or(Role::Leads, |node| node.role);
        let denying: Vec<_> = nodes.iter().map(role).filter(|role| matches!(role, Role::Denies { .. })).collect();
        for denies in denying {
            let Role::Denies { group, below, .. } = denies else { continue };
            let is_allowed = nodes.iter().any(|node| role(node) == Role::Allows { group });
            let is_left = nodes.iter().any(|node| role(node) == Role::Leaves { group });
            if is_allowed || !is_left {
                nodes.retain(|node| role(node).group() != Some(group));
            }
            if !is_allowed && !is_left {
                nodes.push(below);
            }
        }
    }

    fn charge(&mut self, work: usize) -> Result<(), Limit> {
        self.work = self.work.checked_sub(work).ok_or(Limit::Work)?;
        Ok(())
    }
}

impl Role {
    /// Which allow-list it belongs to.
    fn group(self) -> Option<u32> {
        match self {
            Self::Denies { group, .. } | Self::Leaves { group } | Self::Allows { group } => Some(group),
            Self::Leads | Self::Selects(_) | Self::Lists { .. } => None,
        }
    }
}

/// What holds for a member of this name, or of a name that none of the nodes knows.
fn member(nodes: &[(NodeId, &Node)], name: Option<NameId>) -> Vec<NodeId> {
    let mut holds = Vec::new();
    // Groups that miss the name, and those that have it.
    let (mut missing, mut listing) = (Vec::new(), Vec::new());
    for (id, node) in nodes {
        holds.extend(node.stays.then_some(*id));
        holds.extend(node.members);
        let named = name.map_or([].as_slice(), |name| node.named(name));
        holds.extend(named.iter().map(|(_, to)| *to));
        if named.is_empty() {
            holds.extend(node.others);
        }
        match node.role {
            Role::Lists { group, .. } if !named.is_empty() => listing.push(group),
            Role::Lists { group, unlisted: Some(unlisted) } => missing.push((group, unlisted)),
            _ => {}
        }
    }
    holds.extend(missing.iter().filter(|(group, _)| !listing.contains(group)).map(|(_, unlisted)| *unlisted));
    holds
}

impl Node {
    /// What it says of members of this name.
    fn named(&self, name: NameId) -> &[(NameId, NodeId)] {
        let start = self.names.partition_point(|(known, _)| *known < name);
        let end = start + self.names.get(start..).map_or(0, |rest| rest.partition_point(|(known, _)| *known == name));
        self.names.get(start..end).unwrap_or_default()
    }
}

fn rules(nodes: &[(NodeId, &Node)]) -> Rules {
    let mut rules = Rules::default();
    for (_, node) in nodes {
        match node.role {
            Role::Selects(rule) => rules.of_all.push(rule),
            Role::Denies { rule, .. } => rules.of_scalars.push(rule),
            _ => {}
        }
    }
    for list in [&mut rules.of_all, &mut rules.of_scalars] {
        list.sort_unstable();
        list.dedup();
    }
    rules.of_scalars.retain(|rule| !rules.of_all.contains(rule));
    rules
}
