//! What a policy says it needs (`lifecycle.interest`), and whether the operator granted it.

use std::collections::HashSet;
use std::hash::Hash;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::bindings::exports::lockgate::policy::lifecycle as wit;
use crate::config::{BodyAccess as Access, Direction, Grant, Pattern};

/// Names in one list of an interest, and bytes of each.
const MAX_NAMES: usize = 256;
const MAX_NAME: usize = 256;
/// What can be most of a piece of a body: a call for each few bytes would cost whoever sends nothing and the worker much.
const PIECES: RangeInclusive<u32> = 1024..=64 * 1024;
/// Words that stand for nothing, and are told of.
const MAX_UNKNOWN: usize = 8;

/// The declared needs of one configured policy. Names are as the guest wrote them, lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interest {
    pub(crate) request_read: Vec<String>,
    pub(crate) request_write: Vec<String>,
    pub(crate) response_read: Vec<String>,
    pub(crate) response_write: Vec<String>,
    pub(crate) attributes_read: Vec<String>,
    pub(crate) attributes_write: Vec<String>,
    /// Columns of records.
    pub(crate) records_read: Vec<String>,
    pub(crate) records_write: Vec<String>,
    pub(crate) may_respond: bool,
    pub(crate) may_set_target: bool,
    pub(crate) may_set_status: bool,
    pub(crate) request_body: Option<BodyInterest>,
    pub(crate) response_body: Option<BodyInterest>,
    /// Exported, but not to be called.
    pub(crate) idle_on_request: bool,
    pub(crate) idle_on_response: bool,
    /// To verify with, to sign with and to seal with.
    pub(crate) keys: Vec<String>,
    pub(crate) signs: Vec<String>,
    pub(crate) seals: Vec<String>,
    /// Store names, and whether they are written.
    pub(crate) stores: Vec<(String, bool)>,
    /// Services.
    pub(crate) egress: Vec<String>,
    pub(crate) limiters: Vec<String>,
    /// Asking whose key something is.
    pub(crate) consumers: bool,
}

/// How the bodies of one direction are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BodyInterest {
    /// Whole, before the head is sent on; otherwise piece by piece.
    pub(crate) buffered: bool,
    /// Bytes may change.
    pub(crate) edit: bool,
    pub(crate) max_bytes: u64,
    /// Most new bytes of a piece.
    pub(crate) max_piece: u32,
    /// Media types, possibly with `*` for a part.
    pub(crate) content_types: Vec<String>,
    /// Other media types are refused instead of passing unread.
    pub(crate) refuse_others: bool,
}

impl Interest {
    /// The grants, as the operator writes them, that are needed and not there.
    pub(crate) fn missing(&self, grants: &[Grant]) -> Vec<String> {
        let mut missing: Vec<Grant> = self.needed();
        missing.retain(|needed| !grants.iter().any(|grant| grant.covers(needed)));
        once(&mut missing);
        missing.iter().map(Grant::to_string).collect()
    }

    /// The grants it needs, each as narrow as it can be.
    fn needed(&self) -> Vec<Grant> {
        fn exact(grant: fn(Pattern) -> Grant) -> impl Fn(&String) -> Grant {
            move |name| grant(Pattern::Exact(name.clone()))
        }
        fn named(grant: fn(String) -> Grant) -> impl Fn(&String) -> Grant {
            move |name| grant(name.clone())
        }
        let mut needed = Vec::new();
        needed.extend(self.request_read.iter().chain(&self.response_read).map(exact(Grant::Read)));
        needed.extend(self.request_write.iter().chain(&self.response_write).map(exact(Grant::Write)));
        needed.extend(self.attributes_read.iter().map(exact(Grant::AttributeRead)));
        needed.extend(self.attributes_write.iter().map(exact(Grant::AttributeWrite)));
        needed.extend(self.records_read.iter().map(named(Grant::RecordRead)));
        needed.extend(self.records_write.iter().map(named(Grant::RecordWrite)));
        needed.extend(self.may_respond.then_some(Grant::Respond));
        needed.extend(self.may_set_target.then_some(Grant::Target));
        needed.extend(self.may_set_status.then_some(Grant::Status));
        for (direction, body) in [(Direction::Request, &self.request_body), (Direction::Response, &self.response_body)]
        {
            let access = body.as_ref().map(|body| if body.edit { Access::Edit } else { Access::Inspect });
            needed.extend(access.map(|access| Grant::Body { direction, access }));
        }
        needed.extend(self.keys.iter().map(named(Grant::Key)));
        needed.extend(self.signs.iter().map(named(Grant::Sign)));
        needed.extend(self.seals.iter().map(named(Grant::Seal)));
        needed.extend(self.stores.iter().map(|(name, write)| Grant::Store { name: name.clone(), write: *write }));
        needed.extend(self.egress.iter().map(named(Grant::Egress)));
        needed.extend(self.limiters.iter().map(named(Grant::Limiter)));
        needed.extend(self.consumers.then_some(Grant::Consumers));
        needed
    }
}

impl Interest {
    /// What a guest said, or all that is wrong with it. Each name costs something with each request, so there are not
    /// too many, and each counts once.
    pub(super) fn of(said: wit::Interest) -> Result<Self, Vec<String>> {
        let (mut interest, mut faults) = (Self::default(), Vec::new());
        let mut unknown = said.powers.iter().filter(|word| !interest.add(word));
        faults.extend(unknown.by_ref().take(MAX_UNKNOWN).map(|word| {
            let word: String = word.chars().take(MAX_NAME).collect();
            format!("its interest asks for `{word}`, and this gateway knows no such power")
        }));
        let more = unknown.count();
        if more > 0 {
            faults.push(format!("its interest asks for {more} more powers that this gateway does not know"));
        }
        for (what, names) in [
            ("request-read", &mut interest.request_read),
            ("request-write", &mut interest.request_write),
            ("response-read", &mut interest.response_read),
            ("response-write", &mut interest.response_write),
            ("attribute-read", &mut interest.attributes_read),
            ("attribute-write", &mut interest.attributes_write),
            ("record-read", &mut interest.records_read),
            ("record-write", &mut interest.records_write),
            ("key", &mut interest.keys),
            ("sign", &mut interest.signs),
            ("seal", &mut interest.seals),
            ("egress", &mut interest.egress),
            ("limiter", &mut interest.limiters),
        ] {
            once(names);
            faults.extend(wrong(what, &*names));
        }
        once(&mut interest.stores);
        faults.extend(wrong("store", interest.stores.iter().map(|(name, _)| name)));
        interest.request_body = said.request_body.map(|body| BodyInterest::of(body, &mut faults));
        interest.response_body = said.response_body.map(|body| BodyInterest::of(body, &mut faults));
        interest.idle_on_request = said.idle.contains(wit::HeadHooks::REQUEST);
        interest.idle_on_response = said.idle.contains(wit::HeadHooks::RESPONSE);
        if faults.is_empty() { Ok(interest) } else { Err(faults) }
    }

    /// Add the power a word stands for; false where it stands for none.
    fn add(&mut self, word: &str) -> bool {
        match word {
            "respond" => self.may_respond = true,
            "target" => self.may_set_target = true,
            "status" => self.may_set_status = true,
            "consumers" => self.consumers = true,
            word => match word.split_once(':').filter(|(_, name)| !name.is_empty()) {
                Some(("request-read", name)) => self.request_read.push(name.to_owned()),
                Some(("request-write", name)) => self.request_write.push(name.to_owned()),
                Some(("response-read", name)) => self.response_read.push(name.to_owned()),
                Some(("response-write", name)) => self.response_write.push(name.to_owned()),
                Some(("attribute-read", name)) => self.attributes_read.push(name.to_owned()),
                Some(("attribute-write", name)) => self.attributes_write.push(name.to_owned()),
                Some(("record-read", name)) => self.records_read.push(name.to_owned()),
                Some(("record-write", name)) => self.records_write.push(name.to_owned()),
                Some(("key", name)) => self.keys.push(name.to_owned()),
                Some(("sign", name)) => self.signs.push(name.to_owned()),
                Some(("seal", name)) => self.seals.push(name.to_owned()),
                Some(("egress", name)) => self.egress.push(name.to_owned()),
                Some(("limiter", name)) => self.limiters.push(name.to_owned()),
                Some(("store", name)) => match name.rsplit_once(':').filter(|(name, _)| !name.is_empty()) {
                    Some((name, "read")) => self.stores.push((name.to_owned(), false)),
                    Some((name, "write")) => self.stores.push((name.to_owned(), true)),
                    _ => return false,
                },
                _ => return false,
            },
        }
        true
    }
}

impl BodyInterest {
    fn of(said: wit::BodyInterest, faults: &mut Vec<String>) -> Self {
        let mut content_types = said.content_types;
        once(&mut content_types);
        faults.extend(wrong("content-types", &content_types));
        let (max_piece, buffered) = (said.max_piece, said.mode == wit::BodyMode::Buffered);
        if !(buffered || PIECES.contains(&max_piece)) {
            let (least, most) = (PIECES.start(), PIECES.end());
            faults.push(format!("its interest wants pieces of {max_piece} B, and can have {least} to {most}"));
        }
        Self {
            buffered,
            edit: said.access == wit::BodyAccess::Edit,
            max_bytes: said.max_bytes,
            max_piece,
            content_types,
            refuse_others: said.other == wit::OtherTypes::Refuse,
        }
    }
}

/// Keep what there is once each, in the order it was said in.
fn once<T: Clone + Eq + Hash>(list: &mut Vec<T>) {
    let mut seen = HashSet::new();
    list.retain(|one| seen.insert(one.clone()));
}

/// What is wrong with a list of names.
fn wrong<'a>(what: &str, names: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let lengths: Vec<_> = names.into_iter().map(String::len).collect();
    if lengths.len() > MAX_NAMES {
        return Some(format!("its interest has {} names of {what}, and can have {MAX_NAMES}", lengths.len()));
    }
    let long = lengths.into_iter().find(|length| *length > MAX_NAME)?;
    Some(format!("its interest has a name of {long} B of {what}, and one can have {MAX_NAME} B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(powers: Vec<String>) -> wit::Interest {
        wit::Interest { powers, request_body: None, response_body: None, idle: wit::HeadHooks::empty() }
    }

    fn names(kind: &str, count: usize) -> Vec<String> {
        (0..count).map(|n| format!("{kind}:x-{n}")).collect()
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn each_word_is_a_power() {
        let interest = Interest::of(said(words(&[
            "request-read::param.*",
            "response-write:x-a",
            "attribute-read:auth.*",
            "respond",
            "store:a:b:write",
            "record-read:client",
            "record-write:client",
            "key:idp",
            "sign:own",
            "seal:session",
            "egress:idp",
            "limiter:calls",
            "consumers",
        ])));
        let wanted = Interest {
            request_read: words(&[":param.*"]),
            response_write: words(&["x-a"]),
            attributes_read: words(&["auth.*"]),
            may_respond: true,
            stores: vec![("a:b".into(), true)],
            records_read: words(&["client"]),
            records_write: words(&["client"]),
            keys: words(&["idp"]),
            signs: words(&["own"]),
            seals: words(&["session"]),
            egress: words(&["idp"]),
            limiters: words(&["calls"]),
            consumers: true,
            ..Interest::default()
        };
        assert_eq!(interest.unwrap(), wanted);
    }

    #[test]
    fn a_word_that_is_no_power_is_refused_by_name() {
        for word in ["", "teleport", "teleport:x", "respond:", "key:", "store:a", "store:a:delete", "Respond"] {
            let faults = Interest::of(said(words(&["respond", word]))).unwrap_err();
            assert!(faults[0].contains(&format!("`{word}`")), "{faults:?}");
        }
        let faults = Interest::of(said(names("teleport", 100))).unwrap_err();
        assert_eq!(faults.len(), MAX_UNKNOWN + 1);
    }

    #[test]
    fn a_name_that_is_said_again_and_again_counts_once() {
        let again = ["request-read:x-a", "request-read:x-b"].repeat(50_000).into_iter().map(str::to_owned).collect();
        assert_eq!(Interest::of(said(again)).unwrap().request_read, ["x-a", "x-b"]);
        let stores = words(&["store:s:read", "store:s:write", "store:s:read"]);
        assert_eq!(Interest::of(said(stores)).unwrap().stores, [("s".into(), false), ("s".into(), true)]);
    }

    #[test]
    fn pieces_are_neither_too_small_nor_too_large_and_whole_bodies_have_none() {
        let body = |mode, max_piece| wit::BodyInterest {
            mode,
            access: wit::BodyAccess::Inspect,
            max_bytes: 0,
            max_piece,
            content_types: Vec::new(),
            other: wit::OtherTypes::Pass,
        };
        let of = |mode, max_piece| {
            Interest::of(wit::Interest { request_body: Some(body(mode, max_piece)), ..said(Vec::new()) })
        };
        for wrong in [0, PIECES.start() - 1, PIECES.end() + 1] {
            let faults = of(wit::BodyMode::Chunked, wrong).unwrap_err();
            assert!(faults[0].contains(&format!("pieces of {wrong} B")), "{faults:?}");
            assert!(of(wit::BodyMode::Buffered, wrong).is_ok());
        }
        assert_eq!(of(wit::BodyMode::Chunked, 1024).unwrap().request_body.unwrap().max_piece, 1024);
    }

    #[test]
    fn names_that_are_too_many_or_too_long_are_refused() {
        assert!(Interest::of(said(names("request-read", MAX_NAMES))).is_ok());
        let many = [names("request-read", MAX_NAMES + 1), names("key", 300)].concat();
        let faults = Interest::of(said(many)).unwrap_err();
        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].contains("257 names of request-read") && faults[1].contains("300 names of key"),
            "{faults:?}"
        );
        let long = [MAX_NAME, MAX_NAME + 1].map(|length| format!("key:{}", "x".repeat(length)));
        let faults = Interest::of(said(long.to_vec())).unwrap_err();
        assert!(faults[0].contains("257 B"), "{faults:?}");
    }
}
