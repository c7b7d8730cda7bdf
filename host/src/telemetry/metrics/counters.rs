//! Counters that policies keep themselves (`metrics.wit`), bounded so that no policy can fill memory or the answer.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use thiserror::Error;

use super::series::Series;

const MAX_NAMES: usize = 16;
const MAX_LABELS: usize = 4;
const MAX_SETS: usize = 256;
const MAX_NAME: usize = 64;
/// A longer label value is counted as [`OTHER`]; else 256 sets could hold any amount of memory.
const MAX_LABEL_VALUE: usize = 128;
const OTHER: &str = "other";
/// With the prefix these would be numbers of the host.
const RESERVED_NAMES: [&str; 2] = ["calls", "instances"];
/// Set by the host.
const RESERVED_LABELS: [&str; 2] = ["api", "policy"];

/// Why a call was refused; a fault of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum CounterFault {
    #[error("a name is not [a-z][a-z0-9_]* of at most {MAX_NAME} bytes")]
    Name,
    #[error("the names `calls` and `instances` and the labels `api` and `policy` belong to the host")]
    Reserved,
    #[error("a label is given twice")]
    Duplicate,
    #[error("more than {MAX_LABELS} labels")]
    TooManyLabels,
    #[error("more than {MAX_NAMES} names")]
    TooManyNames,
}

/// The counters of one policy in its use by one API; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct PolicyCounters {
    names: Arc<Names>,
}

impl PolicyCounters {
    /// Counters nobody is told of.
    pub(crate) fn apart() -> Self {
        Self { names: Arc::default() }
    }

    /// Add to the counter of that name and label set, in whatever order the labels come. Known ones cost a shared lock
    /// and an add.
    ///
    /// `_total` at the end of a name is left out, since the text format adds it.
    pub(crate) fn count(&self, name: &str, by: u64, labels: &[(&str, &str)]) -> Result<(), CounterFault> {
        if labels.len() > MAX_LABELS {
            return Err(CounterFault::TooManyLabels);
        }
        let mut sorted = [("", ""); MAX_LABELS];
        let sorted = &mut sorted[..labels.len()];
        sorted.copy_from_slice(labels);
        in_order(sorted);
        let key = key(sorted);
        // A key that is found was checked when it was made.
        if self.names.add(name, &key, by) {
            return Ok(());
        }
        let name = checked_name(name)?;
        check_labels(sorted)?;
        self.names.insert(name, key, sorted, by)
    }
}

impl PolicyCounters {
    /// What was counted so far: names with their labels, as metrics are written, and sums.
    pub(crate) fn totals(&self) -> Vec<(String, u64)> {
        let names = self.names.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let all = names.iter().flat_map(|(name, sets)| {
            sets.totals().map(move |(labels, count)| {
                let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
                (format!("{name}{labels}"), count)
            })
        });
        all.collect()
    }
}

#[derive(Debug, Default)]
struct Names {
    by_name: RwLock<HashMap<Box<str>, Sets>>,
}

/// The label sets of one name.
#[derive(Debug, Default)]
struct Sets {
    by_key: HashMap<Box<[u8]>, Set>,
    /// Where sets beyond the limit are counted; one, whatever labels they have, or their names alone could grow without
    /// end.
    other: Option<Set>,
}

#[derive(Debug)]
struct Set {
    labels: Vec<(Box<str>, Box<str>)>,
    count: AtomicU64,
}

impl Set {
    fn new(labels: &[(&str, &str)], count: u64) -> Self {
        let owned = labels.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { labels: owned.collect(), count: AtomicU64::new(count) }
    }
}

impl Names {
    fn add(&self, name: &str, key: &[u8], by: u64) -> bool {
        if name.len() > MAX_NAME {
            return false;
        }
        let names = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        let set = names.get(base_name(name)).and_then(|sets| sets.by_key.get(key));
        if let Some(set) = set {
            set.count.fetch_add(by, Relaxed);
        }
        set.is_some()
    }

    fn insert(&self, name: &str, key: Vec<u8>, labels: &[(&str, &str)], by: u64) -> Result<(), CounterFault> {
        let mut names = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(name) && names.len() >= MAX_NAMES {
            return Err(CounterFault::TooManyNames);
        }
        let sets = names.entry(name.into()).or_default();
        // The set without labels is one at most, and has no value that could say `other`.
        let full = sets.by_key.len() >= MAX_SETS && !labels.is_empty();
        // Another thread may have made the set since it was looked for.
        let set = match sets.by_key.get(key.as_slice()) {
            None if full => {
                let others: Vec<_> = labels.iter().map(|(name, _)| (*name, OTHER)).collect();
                sets.other.get_or_insert_with(|| Set::new(&others, 0))
            }
            _ => sets.by_key.entry(key.into_boxed_slice()).or_insert_with(|| Set::new(labels, 0)),
        };
        set.count.fetch_add(by, Relaxed);
        Ok(())
    }
}

/// All uses of policies, by API and policy name.
#[derive(Debug, Default)]
pub(super) struct Uses {
    series: Series<(Arc<str>, Arc<str>), Names>,
}

impl Uses {
    pub(super) fn handle(&self, api: &str, policy: &str) -> PolicyCounters {
        let names = self.series.cell((api.into(), policy.into()));
        PolicyCounters { names }
    }

    pub(super) fn retain(&self, live: impl Fn(&str, &str) -> bool) {
        self.series.retain(|(api, policy)| live(api, policy));
    }

    /// One family per name, whichever policies share it, for a name may be described only once.
    pub(super) fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut families: BTreeMap<String, Vec<Sample>> = BTreeMap::new();
        for ((api, policy), names) in self.series.all() {
            let names = names.by_name.read().unwrap_or_else(PoisonError::into_inner);
            for (name, sets) in names.iter() {
                let family = families.entry(format!("policy_{name}")).or_default();
                family.extend(sets.totals().map(|(labels, count)| {
                    let host = [("api", &*api), ("policy", &*policy)];
                    let all = host.into_iter().chain(labels);
                    let owned = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
                    Sample { labels: owned.collect(), count }
                }));
            }
        }
        for (name, samples) in families {
            let help = "Counted by policies";
            let mut family = encoder.encode_descriptor(&name, help, None, MetricType::Counter)?;
            for Sample { labels, count } in samples {
                family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
            }
        }
        Ok(())
    }
}

/// A label set, those of the host included, and its count.
struct Sample {
    labels: Vec<(String, String)>,
    count: u64,
}

impl Sets {
    /// Labels and counts. A set that calls itself `other` and the one for what is beyond the limit may be the same in
    /// the answer, which must then hold their sum.
    fn totals(&self) -> impl Iterator<Item = (Vec<(&str, &str)>, u64)> {
        let mut totals: BTreeMap<Vec<(&str, &str)>, u64> = BTreeMap::new();
        for set in self.by_key.values().chain(&self.other) {
            let labels = set.labels.iter().map(|(name, value)| (&**name, &**value));
            let total = totals.entry(labels.collect()).or_default();
            *total = total.wrapping_add(set.count.load(Relaxed));
        }
        totals.into_iter()
    }
}

/// The name without what the text format adds to it.
pub(crate) fn base_name(name: &str) -> &str {
    name.strip_suffix("_total").unwrap_or(name)
}

/// Labels in the one order in which they are compared, without values that are too long.
pub(crate) fn in_order(labels: &mut [(&str, &str)]) {
    labels.sort_unstable();
    for (_, value) in labels {
        if value.len() > MAX_LABEL_VALUE {
            *value = OTHER;
        }
    }
}

fn checked_name(name: &str) -> Result<&str, CounterFault> {
    if !is_name(name) {
        return Err(CounterFault::Name);
    }
    let name = base_name(name);
    if RESERVED_NAMES.contains(&name) {
        return Err(CounterFault::Reserved);
    }
    Ok(name)
}

fn check_labels(sorted: &[(&str, &str)]) -> Result<(), CounterFault> {
    for (name, _) in sorted {
        if !is_name(name) {
            return Err(CounterFault::Name);
        }
        if RESERVED_LABELS.contains(name) {
            return Err(CounterFault::Reserved);
        }
    }
    let twice = sorted.windows(2).any(|pair| pair[0].0 == pair[1].0);
    if twice { Err(CounterFault::Duplicate) } else { Ok(()) }
}

fn is_name(name: &str) -> bool {
    let rest = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.len() <= MAX_NAME && name.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && name.bytes().all(rest)
}

/// One key per label set. No text holds the octet FF, so it keeps any two sets apart.
fn key(sorted: &[(&str, &str)]) -> Vec<u8> {
    let size = |(name, value): &(&str, &str)| name.len() + value.len() + 2;
    let mut key = Vec::with_capacity(sorted.iter().map(size).sum());
    for part in sorted.iter().flat_map(|(name, value)| [name, value]) {
        key.extend_from_slice(part.as_bytes());
        key.push(0xff);
    }
    key
}
