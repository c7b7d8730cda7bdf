//! Questions about finished requests, as people write them, and their answers.

mod answer;
mod compare;
mod condition;
mod csv;
mod dimension;
mod fault;
mod filter;
mod overlap;
mod read;
mod samples;
mod sum;
#[cfg(test)]
mod tests;
mod time;

use std::time::SystemTime;

use super::rollup::Axis;
use super::span::{AHEAD, Unit};
use condition::Condition;
use dimension::Dimension;

pub(crate) use answer::{Answer, Point, Row, Table, answer};
pub(crate) use compare::{Compared, compare};
pub(crate) use fault::QueryFault;
pub(crate) use filter::Filter;
pub(crate) use samples::{Pick, Samples, named, samples};
pub(crate) use sum::{Figures, Part, Total};
pub(crate) use time::show as show_span;

/// What is asked for where nothing is said.
const DEFAULT_FROM: &str = "-24h";
const DEFAULT_LIMIT: usize = 10;
const MOST_ROWS: usize = 10_000;
/// Of a series of points.
const MOST_POINTS: u64 = 500;
/// By the range they are chosen for where nothing is said, at most.
const STEPS: [(u64, u64); 5] =
    [(60, 2 * 3_600), (300, 6 * 3_600), (3_600, 8 * 86_400), (6 * 3_600, 31 * 86_400), (86_400, 366 * 86_400)];
const LONGEST_STEP: u64 = 7 * 86_400;

/// A question as it was written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// Dimensions, also several in one, with commas.
    pub(crate) by: Vec<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) step: Option<String>,
    /// `dimension=value`, also several values, with commas.
    pub(crate) conditions: Vec<String>,
    pub(crate) limit: Option<String>,
}

/// A question that can be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Query {
    by: Vec<Dimension>,
    /// In seconds since 1970, and whole steps.
    from: u64,
    to: u64,
    step: u64,
    /// Whose rows it is answered from.
    unit: Unit,
    now: u64,
    conditions: Vec<Condition>,
    limit: usize,
}

impl Query {
    /// All faults at once.
    pub(crate) fn parse(asked: &Asked, now: SystemTime) -> Result<Self, Vec<QueryFault>> {
        Self::parse_of(asked, now, together)
    }

    /// The same about samples alone, of each of which all is known: it may ask about operation and consumer together.
    pub(crate) fn parse_of_samples(asked: &Asked, now: SystemTime) -> Result<Self, Vec<QueryFault>> {
        Self::parse_of(asked, now, |_, _, _| {})
    }

    fn parse_of(
        asked: &Asked,
        now: SystemTime,
        together: fn(&[Dimension], &[Condition], &mut Vec<QueryFault>),
    ) -> Result<Self, Vec<QueryFault>> {
        let now = super::span::seconds(now);
        let mut faults = Vec::new();
        let conditions = condition::parse(&asked.conditions, &mut faults);
        let by = by(&asked.by, &mut faults);
        together(&by, &conditions, &mut faults);
        let limit = limit(asked.limit.as_deref(), &mut faults);
        let range = range(asked, now, &mut faults);
        let step = match (range, asked.step.as_deref()) {
            (Some(range), written) => step(written, range, now, &mut faults),
            // What is no step in any range is told of all the same.
            (None, written) => written.and_then(|text| step_of(text, &mut faults)),
        };
        match (range, step) {
            (Some((from, to)), Some((step, unit))) if faults.is_empty() => {
                let (from, to) = (from - from % step, to.next_multiple_of(step));
                Ok(Self { by, from, to, step, unit, now, conditions, limit })
            }
            _ => Err(faults),
        }
    }

    /// The same, told apart by those of these dimensions that its conditions allow.
    pub(crate) fn by(mut self, words: &[&'static str]) -> Self {
        let dimensions = words.iter().filter_map(|word| Dimension::parse("by", word).ok());
        let is_allowed = |by: &Dimension| shared_axes(&self.conditions).any(|axis| by.axes().contains(&axis));
        self.by = dimensions.filter(is_allowed).collect();
        self
    }

    /// The same, with so many rows.
    pub(crate) fn rows(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The axis that all figures are answered from that are of several: of requests, unless calls of policies are asked about.
    fn axis(&self) -> Axis {
        let shared = || shared_axes(&self.conditions);
        let wanted = |by: &Dimension| shared().find(|axis| *axis != Axis::Policy && by.axes() == [*axis]);
        self.by.iter().find_map(wanted).or_else(|| shared().next()).unwrap_or(Axis::Operation)
    }

    /// Whether calls of policies are asked about, so that all figures are theirs.
    pub(crate) fn is_of_calls(&self) -> bool {
        self.axis() == Axis::Policy
    }

    /// The axis a dimension is told apart on.
    fn axis_of(&self, dimension: Dimension) -> Axis {
        let (axis, axes) = (self.axis(), dimension.axes());
        if axes.contains(&axis) {
            return axis;
        }
        shared_axes(&self.conditions).find(|axis| axes.contains(axis)).unwrap_or(axis)
    }
}

fn by(written: &[String], faults: &mut Vec<QueryFault>) -> Vec<Dimension> {
    let mut by = Vec::new();
    for word in written.iter().flat_map(|list| list.split(',')).map(str::trim) {
        match Dimension::parse("by", word) {
            Ok(dimension) if by.contains(&dimension) => {}
            Ok(dimension) => by.push(dimension),
            Err(fault) => faults.push(fault),
        }
    }
    by
}

/// The axes all conditions are on; every axis where there are none.
fn shared_axes(conditions: &[Condition]) -> impl Iterator<Item = Axis> {
    let is_shared = |axis: &Axis| conditions.iter().all(|condition| condition.dimension.axes().contains(axis));
    Axis::ALL.into_iter().filter(is_shared)
}

/// Whether there is an axis that all conditions are on, and one of those for each dimension.
fn together(by: &[Dimension], conditions: &[Condition], faults: &mut Vec<QueryFault>) {
    const WHY: &str =
        "requests are counted by operation and by consumer, never by both together, and calls of policies apart";
    let advice = |condition: Dimension| match condition {
        Dimension::Operation => "write `api=` in place of `operation=`, or leave it out",
        _ => "ask by `api` or `version`, or leave the condition out",
    };
    let dimensions = || conditions.iter().map(|condition| condition.dimension);
    let apart = |one: Dimension, other: Dimension| !one.axes().iter().any(|axis| other.axes().contains(axis));
    if shared_axes(conditions).next().is_none() {
        // Three that share no axis are two that share none: each is on one, or on all but that of policies.
        let pair = dimensions().find_map(|one| Some((one, dimensions().find(|other| apart(one, *other))?)));
        if let Some((one, other)) = pair {
            let (name, other) = (one.name(), other.name());
            let reason = format!("`{name}=` and `{other}=` cannot both be asked about: {WHY}");
            faults.push(QueryFault::new("where", reason, advice(one)));
        }
        return;
    }
    for dimension in by {
        if let Some(other) = dimensions().find(|other| apart(*dimension, *other)) {
            let (name, of) = (dimension.name(), other.name());
            let reason = format!("`{name}` cannot be told apart where `{of}=` is given: {WHY}");
            faults.push(QueryFault::new("by", reason, advice(other)));
        }
    }
}

fn limit(written: Option<&str>, faults: &mut Vec<QueryFault>) -> usize {
    let Some(text) = written else { return DEFAULT_LIMIT };
    let number = text.parse().ok().filter(|limit| (1..=MOST_ROWS).contains(limit));
    number.unwrap_or_else(|| {
        let reason = format!("{text:?} is no number of rows");
        faults.push(QueryFault::new("limit", reason, format!("write one from 1 to {MOST_ROWS}")));
        DEFAULT_LIMIT
    })
}

fn range(asked: &Asked, now: u64, faults: &mut Vec<QueryFault>) -> Option<(u64, u64)> {
    const ADVICE: &str = "write `-24h`, `-30m`, `-7d`, `now`, `2026-01-31` or `2026-01-31T12:00:00Z`";
    let mut read = |key, written: Option<&str>, default: &str| {
        let text = written.unwrap_or(default);
        let time = time::time(text, now);
        if time.is_none() {
            faults.push(QueryFault::new(key, format!("{text:?} is no time"), ADVICE));
        }
        time
    };
    let (from, to) = (read("from", asked.from.as_deref(), DEFAULT_FROM), read("to", asked.to.as_deref(), "now"));
    let (from, to) = (from?, to?);
    let (key, reason, advice) = if from >= to {
        ("from", "the range ends before it begins".to_owned(), "have `from` be before `to`")
    } else if from >= now {
        ("from", "nothing of the future is known".to_owned(), "have `from` be in the past")
    } else if to > now + AHEAD {
        ("to", "it is more than a day ahead".to_owned(), "write `now`, or leave it out")
    } else if now - from > Unit::Day.kept() {
        let kept = Unit::Day.kept() / 86_400;
        ("from", format!("nothing is kept for more than {kept} days"), "have it be later")
    } else {
        return Some((from, to));
    };
    faults.push(QueryFault::new(key, reason, advice));
    None
}

/// The longest unit that a step is whole ones of.
fn unit(step: u64) -> Option<Unit> {
    Unit::ALL.into_iter().rev().find(|unit| step.is_multiple_of(unit.seconds()))
}

/// A step as it is written, and whose rows that takes.
fn step_of(text: &str, faults: &mut Vec<QueryFault>) -> Option<(u64, Unit)> {
    let step = time::span(text).filter(|step| *step > 0).and_then(|step| Some((step, unit(step)?)));
    if step.is_none() {
        let reason = format!("{text:?} is no number of whole minutes");
        faults.push(QueryFault::new("step", reason, "write `1m`, `15m`, `1h` or `1d`"));
    }
    step
}

/// How long each point is, and whose rows that takes.
fn step(written: Option<&str>, (from, to): (u64, u64), now: u64, faults: &mut Vec<QueryFault>) -> Option<(u64, Unit)> {
    let (length, age) = (to - from, now - from);
    let is_kept = |unit: Unit| age <= unit.kept();
    let Some(text) = written else {
        let fits = |(step, most): &(u64, u64)| length <= *most && unit(*step).is_some_and(is_kept);
        let step = STEPS.iter().find(|step| fits(step)).map_or(LONGEST_STEP, |(step, _)| *step);
        return unit(step).map(|unit| (step, unit));
    };
    let (step, unit) = step_of(text, faults)?;
    let mut fault = |reason: String, advice: String| {
        faults.push(QueryFault::new("step", reason, advice));
        None
    };
    if step > length {
        let advice = format!("write one of at most {}", time::show(length));
        return fault(format!("{text:?} is longer than the range"), advice);
    }
    let points = length.div_ceil(step);
    if points > MOST_POINTS {
        let least = length.div_ceil(MOST_POINTS);
        let round = [60, 300, 900, 3_600, 6 * 3_600, 86_400].into_iter().find(|round| *round >= least);
        let advice = format!("write `{}` or longer, or a shorter range", time::show(round.unwrap_or(LONGEST_STEP)));
        return fault(format!("{points} points are more than the {MOST_POINTS} an answer may have"), advice);
    }
    if !is_kept(unit) {
        let longer = Unit::ALL.into_iter().find(|unit| is_kept(*unit)).unwrap_or(Unit::Day);
        let reason = format!("{}s are kept for {} only", unit.name(), time::show(unit.kept()));
        return fault(reason, format!("write a multiple of `{}`, or a later `from`", time::show(longer.seconds())));
    }
    Some((step, unit))
}
