//! What is known of the code of policies that has not always served: whether it was proven, failed, was wanted or not.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::config::{ConfigFault, Place};
use crate::content::Digest;

/// Components of one policy that are remembered.
const MOST_OF_POLICY: usize = 64;
/// Policies that are not declared any more, and of which that is remembered.
const MOST_FORMER: usize = 256;

/// By the name of the policy and its code.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Marks(BTreeMap<String, BTreeMap<Digest, Mark>>);

/// What is known of some code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) is: Standing,
    /// Since when, in seconds since 1970.
    at: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// It served without a fault that anybody knows of, and needs no proof.
    Served,
    /// It ran in the shadow of other code, and never served.
    Unproven,
    /// The same, and it did not always say the same: it never serves by itself.
    Differed,
    /// It served and failed again and again, last with this class of fault.
    TakenBack(String),
    /// An operator said no.
    Aborted,
    /// An operator said yes, or it was proven; as long as it does not serve yet.
    Promoted,
}

impl Marks {
    pub(super) fn get(&self, policy: &str, code: Digest) -> Option<&Mark> {
        self.0.get(policy)?.get(&code)
    }

    /// The code of a policy of which something is known.
    pub(super) fn of(&self, policy: &str) -> impl Iterator<Item = Digest> {
        self.0.get(policy).into_iter().flat_map(|own| own.keys().copied())
    }

    pub(super) fn put(&mut self, policy: &str, code: Digest, is: Standing, now: SystemTime) {
        let at = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let own = self.0.entry(policy.to_owned()).or_default();
        own.insert(code, Mark { is, at });
        while own.len() > MOST_OF_POLICY {
            // What is bad is remembered longest.
            let oldest = own.iter().min_by_key(|(_, mark)| (mark.is.is_bad(), mark.at)).map(|(code, _)| *code);
            oldest.map(|code| own.remove(&code));
        }
    }

    pub(super) fn remove(&mut self, policy: &str, code: Digest) {
        if let Some(own) = self.0.get_mut(policy) {
            own.remove(&code);
        }
        self.0.retain(|_, own| !own.is_empty());
    }

    /// Names come and go; that many are not remembered for ever.
    pub(super) fn forget_former(&mut self, is_declared: impl Fn(&str) -> bool) {
        let former = self.0.keys().filter(|policy| !is_declared(policy));
        let former: Vec<_> = former.skip(MOST_FORMER).cloned().collect();
        self.0.retain(|policy, _| !former.contains(policy));
    }
}

impl Mark {
    /// What is wrong with code of a policy that is declared at `place`, and does not serve for this.
    pub(super) fn fault(&self, policy: &str, code: Digest, place: &Place) -> ConfigFault {
        let reason = match &self.is {
            Standing::TakenBack(class) => format!("failed again and again ({class}) and was taken back"),
            Standing::Aborted => "was not wanted: its rollout was aborted".into(),
            Standing::Differed => "was not the same as the one that serves, and waits for a decision".into(),
            Standing::Served | Standing::Unproven | Standing::Promoted => "does not serve yet".into(),
        };
        let advice = format!("put another there, or take it all the same with `lockgate rollout promote {policy}`");
        place.below("source").fault(format!("the component {code} {reason}"), advice)
    }
}

impl Standing {
    /// Whether it serves only if an operator says so.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::TakenBack(_) | Self::Aborted)
    }
}
