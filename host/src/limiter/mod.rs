//! How often something may happen: limits, what is left of them, and where that is counted.
//!
//! The arithmetic is there once in Rust and once as a script for servers; a property test holds both against a model.

mod calendar;
mod hold;
mod keeper;
#[cfg(test)]
mod model;
mod redis;
mod rule;
mod shared;
mod table;

use std::sync::Arc;

pub(crate) use hold::Hold;
pub(crate) use rule::{Rule, Standing, Unusable};
pub(crate) use shared::{Asked, Settings, Shared};
pub(crate) use table::Table;

/// Demands that can be made together.
pub(crate) const MAX_DEMANDS: usize = 16;
/// Longest key, in bytes.
const MAX_KEY: usize = 1024;
/// Units of a limit on how many at once that can be held by one exchange: a store keeps each of them.
const MAX_HELD: u32 = 64;

/// Units wanted of one limit, for one of those it counts apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Who or what it is counted for.
    pub(crate) key: Box<[u8]>,
    pub(crate) rule: Rule,
    /// 0 only looks.
    pub(crate) cost: u32,
}

/// What came of demands that were made together: all of them are taken, or none.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    /// How each stands now, in the order of the demands.
    pub(crate) standings: Vec<Standing>,
    /// What is given back when nobody has this any more.
    pub(crate) hold: Option<Arc<Hold>>,
}

impl Demand {
    /// Whether it can be made: its key is short enough, and there is not too much to hold.
    pub(crate) fn is_possible(&self) -> bool {
        self.key.len() <= MAX_KEY && (!self.rule.is_held() || self.cost <= MAX_HELD)
    }

    /// Whether both would be counted as one, and so neither could be judged without the other.
    pub(crate) fn is_counted_with(&self, other: &Self) -> bool {
        self.rule.series() == other.rule.series() && self.key == other.key
    }
}

impl Outcome {
    fn new(standings: Vec<Standing>) -> Self {
        Self { standings, hold: None }
    }

    fn holding(self, hold: Option<Hold>) -> Self {
        Self { hold: hold.map(Arc::new), ..self }
    }

    /// Whether what was demanded was taken.
    pub(crate) fn admits(&self) -> bool {
        self.standings.iter().all(|standing| standing.has_room)
    }
}

/// A limiter as one policy has it; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Limiter {
    here: Arc<Table>,
    shared: Option<Space>,
}

/// What one policy, or several that share a name, count in a shared store.
#[derive(Debug, Clone)]
pub(crate) struct Space {
    store: Arc<Shared>,
    name: Arc<str>,
}

impl Limiter {
    /// Counts in `here`, or, if there is a store that others share, there under a name.
    pub(crate) fn new(here: Arc<Table>, shared: Option<(Arc<Shared>, Arc<str>)>) -> Self {
        Self { here, shared: shared.map(|(store, name)| Space { store, name }) }
    }

    pub(crate) fn shared(&self) -> Option<&Space> {
        self.shared.as_ref()
    }

    /// Take what is demanded of what this process counts by itself. `now` in milliseconds since 1970.
    pub(crate) fn take_here(&self, now: u64, demands: &[Demand]) -> Outcome {
        self.here.take(now, demands)
    }
}

impl Space {
    /// Have what is demanded taken in the store; none where it is known not to answer, or too many ask. `now` in
    /// milliseconds since 1970.
    pub(crate) fn ask(&self, now: u64, demands: &[Demand]) -> Option<Asked> {
        self.store.ask(&self.name, demands, now)
    }
}
