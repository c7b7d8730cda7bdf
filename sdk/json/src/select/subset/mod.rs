//! From the graph to an automaton: one state for each set of nodes that can hold together.

mod items;
mod members;

use super::complex::{Limit, TooComplex};
use super::graph::{Graph, NameId, Node, NodeId, Role};
pub(super) use items::ByIndex;
use members::Members;
use rustc_hash::FxHashMap;
use std::rc::Rc;

/// How many states there can be.
const MOST_STATES: usize = 60_000;
/// How much work there can be: some for any selection, and more for what it was given.
const WORK: usize = 60_000;
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
    pub(super) items: ByIndex<DraftId>,
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
    let (sets, known) = (Vec::new(), FxHashMap::default());
    let mut subsets = Subsets { graph, sets, known, work, stamps, stamp: 0, scratch: Vec::new() };
    let mut drafts = Vec::new();
    let mut starts = Vec::with_capacity(roots.len());
    let all = roots.iter().enumerate().map(|(entry, root)| (Some(entry), root.as_slice()));
    for (entry, root) in [(None, [].as_slice())].into_iter().chain(all) {
        let explored = subsets.explore(root, &mut drafts);
        let start = explored.map_err(|limit| TooComplex { entry, limit })?;
        starts.extend(entry.map(|_| start));
    }
    Ok((drafts, starts))
}

struct Subsets<'g> {
    graph: &'g Graph,
    /// The nodes of each state.
    sets: Vec<Rc<[NodeId]>>,
    known: FxHashMap<Rc<[NodeId]>, DraftId>,
    /// How much may still be done.
    work: usize,
    /// When each node was last met, by the number of the closing that met it.
    stamps: Vec<u32>,
    stamp: u32,
    /// Where sets are put together.
    scratch: Vec<NodeId>,
}

impl Subsets<'_> {
    /// Drafts all states that are new below what `root` holds.
    fn explore(&mut self, root: &[NodeId], drafts: &mut Vec<Draft>) -> Result<DraftId, Limit> {
        let start = self.state(root.iter().copied())?;
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
        let members = Members::of(&nodes);
        self.charge(members.names.len())?;
        let others = self.state(members.unnamed())?;
        let mut names = Vec::new();
        for named in members.names.chunk_by(|one, two| one.name == two.name) {
            self.charge(members.work(named))?;
            let to = self.state(members.named(named))?;
            names.extend(named.first().filter(|_| to != others).map(|first| (first.name, to)));
        }
        let items = items::by_index(&nodes, &mut |holds| self.state(holds))?;
        Ok(Draft { names, others, items, rules: rules(&nodes) })
    }

    /// The state of all that follows from these nodes.
    fn state(&mut self, holds: impl Iterator<Item = NodeId>) -> Result<DraftId, Limit> {
        let mut nodes = std::mem::take(&mut self.scratch);
        nodes.clear();
        nodes.extend(holds);
        let closed = self.close(&mut nodes);
        self.settle(&mut nodes);
        nodes.sort_unstable();
        nodes.dedup();
        let state = closed.and_then(|()| self.known_or_new(&nodes));
        self.scratch = nodes;
        state
    }

    fn known_or_new(&mut self, nodes: &[NodeId]) -> Result<DraftId, Limit> {
        self.charge(nodes.len() + 1)?;
        if let Some(known) = self.known.get(nodes) {
            return Ok(*known);
        }
        if self.sets.len() == MOST_STATES {
            return Err(Limit::States);
        }
        self.charge(STATE)?;
        let next = DraftId::try_from(self.sets.len()).map_err(|_| Limit::States)?;
        let nodes: Rc<[NodeId]> = nodes.into();
        self.sets.push(nodes.clone());
        self.known.insert(nodes, next);
        Ok(next)
    }

    /// Adds what holds at the same place.
    fn close(&mut self, nodes: &mut Vec<NodeId>) -> Result<(), Limit> {
        self.stamp += 1;
        let stamp = self.stamp;
        let stamps = &mut self.stamps;
        let mut is_new =
            |node: &NodeId| stamps.get_mut(*node as usize).is_some_and(|met| std::mem::replace(met, stamp) != stamp);
        nodes.retain(&mut is_new);
        let (mut next, mut work) = (0, 0);
        while let Some(node) = nodes.get(next) {
            if let Some(node) = self.graph.nodes.get(*node as usize) {
                nodes.extend(node.also.iter().filter(|node| is_new(node)));
                work += node.also.len();
            }
            next += 1;
        }
        self.charge(work)
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
