//! What a configuration comes to: rules in the order of their strictness, and what selects for them.

use crate::config::{Action, Class, On};
use crate::detect::{Detectors, Kind};
use crate::scope::Scopes;
use lockgate_json::select::Selection;
use lockgate_sdk::attributes::{Attributes, Separator};
use lockgate_sdk::{Direction, Head};

/// Rules of which each exchange has a bit.
pub(crate) const MOST_RULES: usize = 64;

/// The number of a rule: the lower, the stricter.
pub(crate) type RuleId = u16;

/// What becomes of what is selected, unless somebody asks who may see it.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) effect: Effect,
    pub(crate) class: Class,
    pub(crate) on: On,
    pub(crate) unless: Attributes,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Act(Action),
    /// A string is read as a document, in which others select.
    Unfold,
}

/// Everything that hooks need to know of the configuration.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) rules: Vec<Rule>,
    pub(crate) selection: Selection,
    pub(crate) scopes: Scopes,
    pub(crate) detection: Option<Detection>,
    /// Which bodies are read.
    pub(crate) bodies: Vec<Direction>,
    pub(crate) separator: Option<Separator>,
}

/// What is looked for in texts, and by which rules.
#[derive(Debug)]
pub(crate) struct Detection {
    pub(crate) detectors: Detectors,
    /// The rules of a kind, strictest first.
    pub(crate) by_kind: Vec<(Kind, RuleId)>,
    /// The bits of all of them.
    pub(crate) rules: u64,
    pub(crate) on: Vec<On>,
    /// Fields of heads that are looked at.
    pub(crate) headers: Vec<(On, String)>,
    pub(crate) queries: bool,
}

impl Plan {
    /// The bits of the rules that apply to a message.
    pub(crate) fn active(&self, head: &Head<'_>, direction: Direction) -> u64 {
        let applies = |rule: &Rule| {
            rule.on.covers(direction) && (rule.unless.is_empty() || !rule.unless.all(head, self.separator))
        };
        let active = self.rules.iter().enumerate().filter(|(_, rule)| applies(rule));
        let (bits, acts) =
            active.fold((0, false), |(bits, acts), (id, rule)| (bits | 1 << id, acts || rule.effect != Effect::Unfold));
        // Where nothing is selected inside, no text needs to be a document.
        if acts { bits } else { 0 }
    }

    /// The strictest of some rules that is active.
    pub(crate) fn strictest(&self, rules: &[RuleId], active: u64) -> Option<(RuleId, &Rule)> {
        self.rule(*rules.iter().find(|id| active >> **id & 1 == 1)?)
    }

    pub(crate) fn rule(&self, id: RuleId) -> Option<(RuleId, &Rule)> {
        self.rules.get(usize::from(id)).map(|rule| (id, rule))
    }

    pub(crate) fn reads_body(&self, direction: Direction) -> bool {
        self.bodies.contains(&direction)
    }

    /// Whether hashes or pseudonyms are made.
    pub(crate) fn digests(&self, direction: Direction) -> bool {
        let is_digest = |rule: &Rule| matches!(rule.effect, Effect::Act(Action::Hash | Action::Pseudonym));
        self.rules.iter().any(|rule| rule.on.covers(direction) && is_digest(rule))
    }

    /// Whether texts nobody selected are looked at.
    pub(crate) fn detects(&self, direction: Direction) -> bool {
        self.detection.as_ref().is_some_and(|detection| detection.on.iter().any(|on| on.covers(direction)))
    }

    /// Fields of heads that are looked at.
    pub(crate) fn looked_at(&self, direction: Direction) -> impl Iterator<Item = &str> {
        let all = self.detection.iter().flat_map(|detection| &detection.headers);
        all.filter(move |(on, _)| on.covers(direction)).map(|(_, name)| &**name)
    }

    pub(crate) fn looks_at_queries(&self) -> bool {
        self.detection.as_ref().is_some_and(|detection| detection.queries)
    }
}

impl Detection {
    /// The strictest active rule for what was found.
    pub(crate) fn rule(&self, kind: Kind, active: u64) -> Option<RuleId> {
        self.by_kind.iter().find(|(other, id)| *other == kind && active >> id & 1 == 1).map(|(_, id)| *id)
    }
}

impl Effect {
    /// The word for it in metrics.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Act(action) => action.word(),
            Self::Unfold => "unfold",
        }
    }
}
