//! Owns `[analytics]` of gateway.toml: whether requests are kept account of, where policies say who asks, and who looks at records first.

use std::collections::BTreeMap;

use super::chain::{ChainEntry, Link};
use super::fault::Faults;
use super::kinds::{Flag, Kind, List, Shown, read_text};
use super::policy::Policy;
use super::reader::Node;
use super::section::section;

/// Longest name of an attribute, in bytes.
const LONGEST: usize = 128;

/// How requests are kept account of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Analytics {
    /// The attribute that names the consumer.
    pub consumer: String,
    /// The attribute that names the application.
    pub application: String,
    /// Whether metrics have numbers of each consumer.
    pub consumer_metrics: bool,
}

section! {
    /// Account of all requests: how many, how fast, with which errors, by operation and by consumer. Where this table stands,
    /// though it be empty, they are counted in the state directory, and `lockgate report` and `lockgate dashboard` answer questions about them.
    pub(super) struct RawAnalytics = "[analytics]" {
        /// The attribute in which policies say which consumer asks.
        default consumer: Attribute = "auth.consumer".to_owned(),
        /// The attribute in which policies say with which application.
        default application: Attribute = "auth.application".to_owned(),
        /// Whether metrics, for Prometheus and collectors, have requests and times of each consumer of an API, up to a thousand. Their names go
        /// wherever metrics go.
        default consumer_metrics: Flag = false,
        /// Policies that look at records before they are kept, in this order: observers, such as `builtin:analytics`. Where one fails,
        /// `reject` keeps nothing of what it would have written, `skip` keeps that as it was.
        repeated chain: List<Link>,
    }
}

impl RawAnalytics {
    /// How, and who looks at records.
    pub(super) fn resolve(self) -> (Analytics, Vec<ChainEntry>) {
        let Self { consumer, application, consumer_metrics, chain, .. } = self;
        (Analytics { consumer, application, consumer_metrics }, chain)
    }
}

/// Complain about observers whose new versions were to be compared with those that serve: what both would write is nowhere.
pub(super) fn check_observers(chain: &[ChainEntry], policies: &BTreeMap<String, Policy>, faults: &mut Faults) {
    for entry in chain {
        if policies.get(&entry.policy).is_some_and(|policy| policy.rollout.shadow.is_some()) {
            let reason = format!("`{}` has `rollout.shadow`, and observers are not compared", entry.policy);
            faults.push(entry.place.fault(reason, "declare a policy without it for this chain"));
        }
    }
}

/// The name of an attribute.
pub(super) struct Attribute;

impl Kind for Attribute {
    type Out = String;

    fn describe() -> String {
        "the name of an attribute, such as `auth.consumer`: lower-case letters, digits and `._-`".to_owned()
    }

    fn read(node: &Node<'_>, faults: &mut Faults) -> Option<String> {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        read_text(node, &Self::describe(), faults, |text| {
            let is_name = (1..=LONGEST).contains(&text.len()) && text.bytes().all(fine);
            is_name.then(|| text.to_owned())
        })
    }
}

impl Shown for Attribute {
    fn show(value: &String) -> String {
        format!("\"{value}\"")
    }
}
