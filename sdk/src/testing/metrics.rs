//! What a policy counted.

use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    static COUNTS: RefCell<Vec<Count>> = const { RefCell::new(Vec::new()) };
}

struct Count {
    name: String,
    by: u64,
    labels: Vec<(String, String)>,
}

/// The sum of a counter over all its labels. Name it without a trailing `_total`, which is the host's to add.
pub fn total(name: &str) -> u64 {
    sum(|count| count.name == name)
}

/// The sum of a counter where a label has this value.
pub fn total_where(name: &str, label: &str, value: &str) -> u64 {
    sum(|count| count.name == name && count.labels.iter().any(|(found, has)| found == label && has == value))
}

pub(crate) struct Label<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
}

pub(crate) fn count(name: &str, by: u64, labels: &[Label<'_>]) {
    super::refuse_while_configuring("metrics");
    assert!(is_name(name), "metrics: {name:?} is no name of the form [a-z][a-z0-9_]*");
    let name = name.strip_suffix("_total").unwrap_or(name);
    assert!(!["calls", "instances"].contains(&name), "metrics: the name {name:?} is the host's");
    assert!(labels.len() <= 4, "metrics: at most 4 labels; more is a plugin fault");
    for (at, label) in labels.iter().enumerate() {
        assert!(is_name(label.name), "metrics: {:?} is no label name", label.name);
        assert!(!["api", "policy"].contains(&label.name), "metrics: the label {:?} is the host's", label.name);
        let twice = labels[..at].iter().any(|earlier| earlier.name == label.name);
        assert!(!twice, "metrics: the label {:?} is given twice", label.name);
    }
    let labels = labels.iter().map(|label| (label.name.to_owned(), label.value.to_owned())).collect();
    COUNTS.with_borrow_mut(|counts| {
        counts.push(Count { name: name.to_owned(), by, labels });
        let names: BTreeSet<_> = counts.iter().map(|count| &count.name).collect();
        assert!(names.len() <= 16, "metrics: at most 16 names; more is a plugin fault");
    });
}

pub(super) fn reset() {
    COUNTS.with_borrow_mut(Vec::clear);
}

fn sum(matches: impl Fn(&Count) -> bool) -> u64 {
    COUNTS.with_borrow(|counts| {
        let matching = counts.iter().filter(|count| matches(count));
        matching.map(|count| count.by).sum()
    })
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics;

    #[test]
    fn counts_are_summed_by_name_and_label() {
        metrics::count("refused", 1, &[("why", "origin")]);
        metrics::count("refused", 2, &[("why", "method")]);
        assert_eq!(total("refused"), 3);
        assert_eq!(total_where("refused", "why", "method"), 2);
        assert_eq!(total("other"), 0);
    }

    #[test]
    fn what_the_gateway_would_refuse_panics() {
        let refused = |name: &'static str, labels: &'static [(&str, &str)]| {
            std::panic::catch_unwind(|| metrics::count(name, 1, labels)).is_err()
        };
        assert!(refused("Refused", &[]));
        assert!(refused("calls_total", &[]));
        assert!(refused("refused", &[("api", "x")]));
        assert!(refused("refused", &[("why", "x"), ("why", "y")]));
        assert!(refused("refused", &[("a", ""), ("b", ""), ("c", ""), ("d", ""), ("e", "")]));
        assert!(!refused("refused_total", &[("why", "x")]));
        assert_eq!(total("refused"), 1);
    }
}
