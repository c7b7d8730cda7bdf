//! Where the items of an array lead, by their index.

use super::super::complex::Limit;
use super::super::graph::{Node, NodeId};
use super::super::path::{ENDLESS, Items};

/// How many different steps can meet: there is a target for each of their combinations.
const MOST_STEPS: usize = 6;

/// Tells what state a set of nodes is.
type StateOf<'s> = dyn FnMut(&mut dyn Iterator<Item = NodeId>) -> Result<u16, Limit> + 's;

/// Where the items of an array lead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::select) enum ByIndex<T> {
    /// All to the same.
    Same(T),
    /// By the stretch that the index is in: from its start to that of the next, the first from 0.
    By(Vec<Stretch<T>>),
}

/// A part of an array in which the same selectors select, each in steps of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::select) struct Stretch<T> {
    pub(in crate::select) start: u32,
    /// What an index must leave when divided by a step, to be met by it.
    pub(in crate::select) steps: Box<[Step]>,
    /// Where an index leads, by the set of steps that meet it: the first has bit 0.
    pub(in crate::select) targets: Box<[T]>,
}

/// Every so many items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::select) struct Step {
    pub(in crate::select) size: u32,
    pub(in crate::select) rest: u32,
}

impl<T: Default> Default for ByIndex<T> {
    fn default() -> Self {
        Self::Same(T::default())
    }
}

impl<T: Copy + PartialEq> ByIndex<T> {
    /// Where the item leads.
    pub(in crate::select) fn to(&self, index: u32) -> Option<T> {
        match self {
            Self::Same(to) => Some(*to),
            Self::By(stretches) => {
                let behind = stretches.partition_point(|stretch| stretch.start <= index);
                let stretch = stretches.get(behind.checked_sub(1)?)?;
                let meets = |step: &Step| usize::from(index % step.size == step.rest);
                let met = stretch.steps.iter().rev().fold(0, |met, step| met << 1 | meets(step));
                stretch.targets.get(met).copied()
            }
        }
    }

    /// All that items lead to.
    pub(in crate::select) fn targets(&self) -> impl Iterator<Item = T> {
        let (same, by) = match self {
            Self::Same(to) => (Some(*to), [].as_slice()),
            Self::By(stretches) => (None, stretches.as_slice()),
        };
        same.into_iter().chain(by.iter().flat_map(|stretch| stretch.targets.iter().copied()))
    }

    /// The same with other targets, and no longer than these need.
    pub(in crate::select) fn map<U: Copy + PartialEq>(&self, to: impl Fn(T) -> U) -> ByIndex<U> {
        let mut stretches: Vec<Stretch<U>> = Vec::new();
        match self {
            Self::Same(same) => return ByIndex::Same(to(*same)),
            Self::By(by) => {
                for stretch in by {
                    let targets: Box<[U]> = stretch.targets.iter().map(|target| to(*target)).collect();
                    let is_plain = targets.iter().all(|target| targets.first() == Some(target));
                    let targets = if is_plain { targets.first().copied().into_iter().collect() } else { targets };
                    let steps = if is_plain { [].into() } else { stretch.steps.clone() };
                    if !stretches.last().is_some_and(|last| last.steps == steps && last.targets == targets) {
                        stretches.push(Stretch { start: stretch.start, steps, targets });
                    }
                }
            }
        }
        match stretches.as_slice() {
            [Stretch { steps, targets, .. }] if steps.is_empty() && targets.len() == 1 => {
                targets.first().map_or(ByIndex::By(Vec::new()), |to| ByIndex::Same(*to))
            }
            _ => ByIndex::By(stretches),
        }
    }
}

/// Where the items lead for which these nodes hold.
pub(super) fn by_index(nodes: &[(NodeId, &Node)], state: &mut StateOf<'_>) -> Result<ByIndex<u16>, Limit> {
    let staying = nodes.iter().filter(|(_, node)| node.stays).map(|(id, _)| *id);
    let (every, mut some): (Vec<_>, Vec<_>) =
        nodes.iter().flat_map(|(_, node)| node.items.iter().copied()).partition(|(items, _)| *items == Items::EVERY);
    let always: Vec<NodeId> = staying.chain(every.into_iter().map(|(_, to)| to)).collect();
    if some.is_empty() {
        return state(&mut always.into_iter()).map(ByIndex::Same);
    }
    some.sort_unstable_by_key(|(items, to)| (items.start, items.end, items.step, *to));
    let mut bounds: Vec<u32> = some.iter().flat_map(|(items, _)| [items.start, items.end]).chain([0]).collect();
    bounds.sort_unstable();
    bounds.dedup();
    let mut coming = some.into_iter().peekable();
    let mut active: Vec<(Items, NodeId)> = Vec::new();
    let mut stretches = Vec::with_capacity(bounds.len());
    for start in bounds {
        active.retain(|(items, _)| items.end > start || items.end == ENDLESS);
        while let Some(edge) = coming.next_if(|(items, _)| items.start == start) {
            active.push(edge);
        }
        stretches.push(stretch(start, &always, &active, state)?);
    }
    Ok(ByIndex::By(stretches))
}

/// The stretch from `start`, in which the items of `active` are.
fn stretch(
    start: u32,
    always: &[NodeId],
    active: &[(Items, NodeId)],
    state: &mut StateOf<'_>,
) -> Result<Stretch<u16>, Limit> {
    // What is not counted any more is met by all steps.
    let step_of = |items: &Items| {
        let step = Step { size: items.step, rest: items.start.checked_rem(items.step).unwrap_or(0) };
        (items.step > 1 && start < ENDLESS).then_some(step)
    };
    let mut steps: Vec<Step> = active.iter().filter_map(|(items, _)| step_of(items)).collect();
    steps.sort_unstable_by_key(|step| (step.size, step.rest));
    steps.dedup();
    if steps.len() > MOST_STEPS {
        return Err(Limit::Steps);
    }
    let is_met = |items: &Items, met: u32| {
        step_of(items)
            .is_none_or(|step| steps.iter().position(|known| *known == step).is_some_and(|at| met >> at & 1 == 1))
    };
    let targets = (0..1u32 << steps.len()).map(|met| {
        let holding = active.iter().filter(|(items, _)| is_met(items, met)).map(|(_, to)| *to);
        state(&mut always.iter().copied().chain(holding))
    });
    let targets = targets.collect::<Result<_, _>>()?;
    Ok(Stretch { start, steps: steps.into(), targets })
}
