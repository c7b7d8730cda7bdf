//! What a policy says it needs (`lifecycle.interest`), and whether the operator granted it.

use std::collections::HashSet;
use std::hash::Hash;

use serde::{Deserialize, Serialize};

use super::bindings::exports::lockgate::policy::lifecycle as wit;
use crate::config::{BodyAccess as Access, Direction, Grant};

/// Names in one list of an interest, and bytes of each.
const MAX_NAMES: usize = 256;
const MAX_NAME: usize = 256;

/// The declared needs of one configured policy. Names are as the guest wrote them, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interest {
    pub(crate) request_read: Vec<String>,
    pub(crate) request_write: Vec<String>,
    pub(crate) response_read: Vec<String>,
    pub(crate) response_write: Vec<String>,
    pub(crate) attributes_read: Vec<String>,
    pub(crate) attributes_write: Vec<String>,
    pub(crate) may_respond: bool,
    pub(crate) may_set_target: bool,
    pub(crate) may_set_status: bool,
    pub(crate) request_body: Option<BodyInterest>,
    pub(crate) response_body: Option<BodyInterest>,
    pub(crate) keys: Vec<String>,
    /// Store names, and whether they are written.
    pub(crate) stores: Vec<(String, bool)>,
    /// Services.
    pub(crate) egress: Vec<String>,
}

/// How the bodies of one direction are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BodyInterest {
    /// Whole, before the head is sent on; otherwise piece by piece.
    pub(crate) buffered: bool,
    /// Bytes may change.
    pub(crate) edit: bool,
    pub(crate) max_bytes: u64,
    /// Media types, possibly with `*` for a part.
    pub(crate) content_types: Vec<String>,
    /// Other media types are refused instead of passing unread.
    pub(crate) refuse_others: bool,
}

impl Interest {
    /// The grants, as the operator writes them, that are needed and not there.
    pub(crate) fn missing(&self, grants: &[Grant]) -> Vec<String> {
        let mut missing = Vec::new();
        let mut need = |granted: bool, word: String| {
            if !granted && !missing.contains(&word) {
                missing.push(word);
            }
        };
        for name in self.request_read.iter().chain(&self.response_read) {
            let granted = grants.iter().any(|grant| matches!(grant, Grant::Read(pattern) if pattern.covers(name)));
            need(granted, format!("read:{name}"));
        }
        for name in self.request_write.iter().chain(&self.response_write) {
            let granted = grants.iter().any(|grant| matches!(grant, Grant::Write(pattern) if pattern.covers(name)));
            need(granted, format!("write:{name}"));
        }
        for name in &self.attributes_read {
            let granted =
                grants.iter().any(|grant| matches!(grant, Grant::AttributeRead(pattern) if pattern.covers(name)));
            need(granted, format!("attribute-read:{name}"));
        }
        for name in &self.attributes_write {
            let granted =
                grants.iter().any(|grant| matches!(grant, Grant::AttributeWrite(pattern) if pattern.covers(name)));
            need(granted, format!("attribute-write:{name}"));
        }
        need(!self.may_respond || grants.contains(&Grant::Respond), "respond".into());
        need(!self.may_set_target || grants.contains(&Grant::Target), "target".into());
        need(!self.may_set_status || grants.contains(&Grant::Status), "status".into());
        for (direction, body) in [(Direction::Request, &self.request_body), (Direction::Response, &self.response_body)]
        {
            let Some(body) = body else { continue };
            let (wanted, word) = if body.edit { (Access::Edit, "edit") } else { (Access::Inspect, "inspect") };
            let granted = grants.iter().any(|grant| {
                matches!(grant, Grant::Body { direction: at, access }
                    if *at == direction && (*access == wanted || *access == Access::Edit))
            });
            let at = if direction == Direction::Request { "request" } else { "response" };
            need(granted, format!("body:{at}:{word}"));
        }
        for key in &self.keys {
            need(grants.contains(&Grant::Key(key.clone())), format!("key:{key}"));
        }
        for (store, write) in &self.stores {
            let granted = |write| grants.contains(&Grant::Store { name: store.clone(), write });
            need(
                granted(true) || (!write && granted(false)),
                format!("store:{store}:{}", if *write { "write" } else { "read" }),
            );
        }
        for name in &self.egress {
            need(grants.contains(&Grant::Egress(name.clone())), format!("egress:{name}"));
        }
        missing
    }
}

impl Interest {
    /// What a guest said, or all that is wrong with it. Each name costs something with each request, so there are not too many, and
    /// each counts once.
    pub(super) fn of(said: wit::Interest) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut names = |what: &str, names: Vec<String>| {
            let names = distinct(names);
            faults.extend(wrong(what, &names));
            names
        };
        let interest = Self {
            request_read: names("request-read", said.request_read),
            request_write: names("request-write", said.request_write),
            response_read: names("response-read", said.response_read),
            response_write: names("response-write", said.response_write),
            attributes_read: names("attributes-read", said.attributes_read),
            attributes_write: names("attributes-write", said.attributes_write),
            may_respond: said.may_respond,
            may_set_target: said.may_set_target,
            may_set_status: said.may_set_status,
            request_body: said.request_body.map(|body| BodyInterest::of(body, &mut names)),
            response_body: said.response_body.map(|body| BodyInterest::of(body, &mut names)),
            keys: names("keys", said.keys),
            stores: distinct(said.stores.into_iter().map(|store| (store.name, store.write)).collect()),
            egress: names("egress", said.egress),
        };
        names("stores", interest.stores.iter().map(|(name, _)| name.clone()).collect());
        if faults.is_empty() { Ok(interest) } else { Err(faults) }
    }
}

impl BodyInterest {
    fn of(said: wit::BodyInterest, names: &mut impl FnMut(&str, Vec<String>) -> Vec<String>) -> Self {
        Self {
            buffered: said.mode == wit::BodyMode::Buffered,
            edit: said.access == wit::BodyAccess::Edit,
            max_bytes: said.max_bytes,
            content_types: names("content-types", said.content_types),
            refuse_others: said.other == wit::OtherTypes::Refuse,
        }
    }
}

/// What there is, once each, in the order it was said in.
fn distinct<T: Clone + Eq + Hash>(mut list: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    list.retain(|one| seen.insert(one.clone()));
    list
}

/// What is wrong with a list of names.
fn wrong(what: &str, names: &[String]) -> Option<String> {
    if names.len() > MAX_NAMES {
        return Some(format!("its interest has {} names in {what}, and can have {MAX_NAMES}", names.len()));
    }
    let long = names.iter().map(String::len).find(|length| *length > MAX_NAME)?;
    Some(format!("its interest has a name of {long} B in {what}, and one can have {MAX_NAME} B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(request_read: Vec<String>) -> wit::Interest {
        wit::Interest {
            request_read,
            request_write: Vec::new(),
            response_read: Vec::new(),
            response_write: Vec::new(),
            attributes_read: Vec::new(),
            attributes_write: Vec::new(),
            may_respond: false,
            may_set_target: false,
            may_set_status: false,
            request_body: None,
            response_body: None,
            keys: Vec::new(),
            stores: Vec::new(),
            egress: Vec::new(),
        }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|n| format!("x-{n}")).collect()
    }

    #[test]
    fn a_name_that_is_said_again_and_again_counts_once() {
        let again = ["x-a", "x-b"].repeat(50_000).into_iter().map(str::to_owned).collect();
        assert_eq!(Interest::of(said(again)).unwrap().request_read, ["x-a", "x-b"]);
        let store = |write| wit::StoreInterest { name: "s".into(), write };
        let stores = wit::Interest { stores: vec![store(false), store(true), store(false)], ..said(Vec::new()) };
        assert_eq!(Interest::of(stores).unwrap().stores, [("s".into(), false), ("s".into(), true)]);
    }

    #[test]
    fn names_that_are_too_many_or_too_long_are_refused() {
        assert!(Interest::of(said(names(MAX_NAMES))).is_ok());
        let faults = Interest::of(wit::Interest { keys: names(300), ..said(names(MAX_NAMES + 1)) }).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].contains("257 names in request-read") && faults[1].contains("300 names in keys"),
            "{faults:?}"
        );
        let faults = Interest::of(said(vec!["x".repeat(MAX_NAME), "y".repeat(MAX_NAME + 1)])).unwrap_err();
        assert!(faults[0].contains("257 B"), "{faults:?}");
    }
}
