//! What policies counted in one exchange, for its line in the access log, its explanation and its trace.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Serialize, Serializer};

use super::metrics::{base_name, in_order};

/// Series that are told apart in one exchange; what is counted in more is one sum.
const MAX_SERIES: usize = 16;
/// Bytes of their names and labels, so that a full queue of records stays small.
const MAX_BYTES: usize = 2 * 1024;
const OTHER: &str = "other";

/// The sums of one exchange. Shared by all who call policies for it, on whatever thread they do.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    each: Vec<Count>,
    /// Of names and labels.
    bytes: usize,
    other: u64,
}

/// What a policy added to one of its counters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Count {
    /// None where it is the sum of what is not told apart.
    policy: Option<Arc<str>>,
    name: Box<str>,
    labels: Vec<(Box<str>, Box<str>)>,
    count: u64,
}

impl Counted {
    /// A policy added to one of its counters, and that was in order. The labels may come in any order.
    pub(crate) fn add(&self, policy: &Arc<str>, name: &str, by: u64, mut labels: Vec<(&str, &str)>) {
        if by == 0 {
            return;
        }
        in_order(&mut labels);
        let name = base_name(name);
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = sums.each.iter_mut().find(|known| known.is(policy, name, &labels));
        if let Some(known) = known {
            known.count = known.count.saturating_add(by);
            return;
        }
        let bytes =
            sums.bytes + name.len() + labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if sums.each.len() >= MAX_SERIES || bytes > MAX_BYTES {
            sums.other = sums.other.saturating_add(by);
            return;
        }
        let labels = labels.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        sums.bytes = bytes;
        sums.each.push(Count { policy: Some(policy.clone()), name: name.into(), labels, count: by });
    }

    /// What was counted so far, in an order that does not depend on who was first. A label that says the `route`, as the
    /// exchange itself does, is left out.
    pub(crate) fn counts(&self, route: Option<&str>) -> Vec<Count> {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counts = sums.each.clone();
        for count in &mut counts {
            count.labels.retain(|(name, value)| &**name != "route" || route != Some(&**value));
        }
        counts.sort_unstable();
        if sums.other > 0 {
            counts.push(Count { policy: None, name: OTHER.into(), labels: Vec::new(), count: sums.other });
        }
        counts
    }
}

impl Count {
    fn is(&self, policy: &Arc<str>, name: &str, labels: &[(&str, &str)]) -> bool {
        let own = self.labels.iter().map(|(name, value)| (&**name, &**value));
        self.policy.as_ref() == Some(policy) && *self.name == *name && own.eq(labels.iter().copied())
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut count = serializer.serialize_struct("Count", 4)?;
        count.serialize_field("policy", &self.policy.as_deref())?;
        count.serialize_field("name", &*self.name)?;
        count.serialize_field("labels", &Labels(&self.labels))?;
        count.serialize_field("count", &self.count)?;
        count.end()
    }
}

struct Labels<'a>(&'a [(Box<str>, Box<str>)]);

impl Serialize for Labels<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut labels = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            labels.serialize_entry(&**name, &**value)?;
        }
        labels.end()
    }
}

/// As metrics are written: `redact redacted{action="mask"} 3`.
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(policy) = &self.policy {
            write!(f, "{policy} ")?;
        }
        f.write_str(&self.name)?;
        for (at, (name, value)) in self.labels.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if at == 0 { '{' } else { ',' })?;
        }
        write!(f, "{} {}", if self.labels.is_empty() { "" } else { "}" }, self.count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(counted: &Counted, route: Option<&str>) -> serde_json::Value {
        serde_json::to_value(counted.counts(route)).unwrap()
    }

    #[test]
    fn what_is_counted_again_is_summed_and_told_in_one_order() {
        let (counted, redact, limit) = (Counted::default(), "redact".into(), "limit".into());
        counted.add(&redact, "redacted", 2, vec![("class", "contact"), ("action", "mask")]);
        counted.add(&redact, "refused", 1, vec![]);
        counted.add(&redact, "looked_at", 7, vec![]);
        counted.add(&redact, "redacted_total", 3, vec![("action", "mask"), ("class", "contact")]);
        counted.add(&limit, "refused", u64::MAX, vec![]);
        counted.add(&limit, "refused", 1, vec![]);
        counted.add(&limit, "nothing", 0, vec![]);
        assert_eq!(
            told(&counted, None),
            json!([
                { "policy": "limit", "name": "refused", "labels": {}, "count": u64::MAX },
                { "policy": "redact", "name": "looked_at", "labels": {}, "count": 7 },
                { "policy": "redact", "name": "redacted", "labels": { "action": "mask", "class": "contact" }, "count": 5 },
                { "policy": "redact", "name": "refused", "labels": {}, "count": 1 },
            ])
        );
        let lines: Vec<_> = counted.counts(None).iter().map(ToString::to_string).collect();
        assert_eq!(lines[2..], [r#"redact redacted{action="mask",class="contact"} 5"#, "redact refused 1"]);
    }

    #[test]
    fn a_label_that_says_the_route_is_left_out_and_one_of_another_route_is_not() {
        let (counted, policy) = (Counted::default(), "p".into());
        counted.add(&policy, "n", 1, vec![("route", "orders"), ("class", "a")]);
        assert_eq!(told(&counted, Some("orders"))[0]["labels"], json!({ "class": "a" }));
        assert_eq!(told(&counted, Some("other"))[0]["labels"], json!({ "class": "a", "route": "orders" }));
        assert_eq!(told(&counted, None)[0]["labels"], json!({ "class": "a", "route": "orders" }));
    }

    #[test]
    fn beyond_so_many_series_all_is_one_sum() {
        let (counted, policy) = (Counted::default(), "p".into());
        for n in 0..MAX_SERIES + 4 {
            counted.add(&policy, "n", 2, vec![("l", &format!("{n:02}"))]);
        }
        counted.add(&policy, "n", 1, vec![("l", "00")]);
        let told = told(&counted, None);
        assert_eq!(told.as_array().unwrap().len(), MAX_SERIES + 1);
        assert_eq!((&told[0]["count"], &told[MAX_SERIES - 1]["count"]), (&3.into(), &2.into()));
        assert_eq!(told[MAX_SERIES], json!({ "policy": null, "name": "other", "labels": {}, "count": 8 }));
    }

    #[test]
    fn labels_never_take_much_room() {
        let (counted, policy) = (Counted::default(), "p".into());
        for n in 0..MAX_SERIES {
            let long = format!("{n:0128}");
            counted.add(&policy, "n", 1, vec![("a", &long), ("b", &long), ("c", &"v".repeat(129))]);
        }
        let counts = counted.counts(None);
        let bytes: usize = counts.iter().flat_map(|count| &count.labels).map(|(_, value)| value.len()).sum();
        assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&bytes), "{bytes}");
        assert_eq!(&*counts[0].labels[2].1, "other", "as in metrics");
        assert_eq!(counts.iter().map(|count| count.count).sum::<u64>(), MAX_SERIES as u64);
    }
}
