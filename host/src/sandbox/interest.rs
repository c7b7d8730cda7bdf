//! What a policy says it needs (`lifecycle.interest`), and whether the operator granted it.

use serde::{Deserialize, Serialize};

use super::bindings::exports::lockgate::policy::lifecycle as wit;
use crate::config::{BodyAccess as Access, Direction, Grant};

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

impl From<wit::Interest> for Interest {
    fn from(wit: wit::Interest) -> Self {
        Self {
            request_read: wit.request_read,
            request_write: wit.request_write,
            response_read: wit.response_read,
            response_write: wit.response_write,
            attributes_read: wit.attributes_read,
            attributes_write: wit.attributes_write,
            may_respond: wit.may_respond,
            may_set_target: wit.may_set_target,
            may_set_status: wit.may_set_status,
            request_body: wit.request_body.map(Into::into),
            response_body: wit.response_body.map(Into::into),
            keys: wit.keys,
            stores: wit.stores.into_iter().map(|store| (store.name, store.write)).collect(),
            egress: wit.egress,
        }
    }
}

impl From<wit::BodyInterest> for BodyInterest {
    fn from(wit: wit::BodyInterest) -> Self {
        Self {
            buffered: wit.mode == wit::BodyMode::Buffered,
            edit: wit.access == wit::BodyAccess::Edit,
            max_bytes: wit.max_bytes,
            content_types: wit.content_types,
            refuse_others: wit.other == wit::OtherTypes::Refuse,
        }
    }
}
