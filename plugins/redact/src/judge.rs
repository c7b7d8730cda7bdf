//! What becomes of each value of one message, for whoever asks; and how much that was.

use crate::act::token;
use crate::carried::Terms;
use crate::config::{Action, Pseudonyms};
use crate::detect::Found;
use crate::plan::{Detection, Effect, Plan, Rule, RuleId};
use crate::refusal::Refusal;
use lockgate_json::rewrite::{Guide, Replacement, Scalar, Treatment};
use lockgate_json::select::State;
use lockgate_sdk::crypto::{self, Algorithm};
use lockgate_sdk::metrics;
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What stands for a value that nobody may see.
const MASK: &str = "***";

/// Judges the values of one message.
pub(crate) struct Judge<'p> {
    plan: &'p Plan,
    pseudonyms: Option<&'p Pseudonyms>,
    terms: Terms<'p>,
    found: Vec<Found>,
    /// How often a rule was applied.
    applied: Vec<(RuleId, u64)>,
    /// Hashes and pseudonyms that were made, since a value seldom comes alone.
    digests: HashMap<(RuleId, String), String>,
    /// Whether a pseudonym could not be made.
    lacks_key: bool,
}

/// The key of pseudonyms cannot be used.
struct NoKey;

impl<'p> Judge<'p> {
    pub(crate) fn new(plan: &'p Plan, pseudonyms: Option<&'p Pseudonyms>, terms: Terms<'p>) -> Self {
        Self {
            plan,
            pseudonyms,
            terms,
            found: Vec::new(),
            applied: Vec::new(),
            digests: HashMap::new(),
            lacks_key: false,
        }
    }

    /// What becomes of a text that stands under a name: in a field of a head, in a query or a form. What would be `null`
    /// in a document goes there.
    pub(crate) fn named(&mut self, rules: Option<&[RuleId]>, text: &str) -> Replacement {
        match rules.and_then(|rules| self.plan.strictest(rules, self.terms.active)) {
            None => self.looked_at(text),
            Some((id, rule)) => self.made(id, rule, text),
        }
    }

    /// What becomes of a text nobody selected.
    #[inline]
    pub(crate) fn looked_at(&mut self, text: &str) -> Replacement {
        match &self.plan.detection {
            Some(detection) if detection.detectors.may_find(text) => self.looked_into(detection, text),
            _ => Replacement::Keep,
        }
    }

    fn looked_into(&mut self, detection: &Detection, text: &str) -> Replacement {
        let plan = self.plan;
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let active = self.terms.active;
        detection.detectors.find_ranked(text, &mut found, |kind| detection.rule(kind, active));
        let mut made = String::new();
        let mut done = 0;
        let mut whole = None;
        for hit in &found {
            let Some((id, rule)) = detection.rule(hit.kind, self.terms.active).and_then(|id| plan.rule(id)) else {
                continue;
            };
            let Some(piece) = text.get(hit.start..hit.end) else { continue };
            let replaced = match self.made(id, rule, piece) {
                // Of a text the find goes, and the rest of it stays.
                Replacement::Null if rule.effect == Effect::Act(Action::Remove) => Replacement::Text(String::new()),
                replaced => replaced,
            };
            match replaced {
                Replacement::Keep => continue,
                Replacement::Text(new) | Replacement::Number(new) => {
                    made.push_str(&text[done..hit.start]);
                    made.push_str(&new);
                    done = hit.end;
                }
                Replacement::Null => whole = Some(Replacement::Null),
                // Whatever else is found: nothing is stricter.
                Replacement::Block => {
                    whole = Some(Replacement::Block);
                    break;
                }
            }
        }
        self.found = found;
        match whole {
            Some(replaced) => replaced,
            None if done == 0 => Replacement::Keep,
            None => {
                made.push_str(&text[done..]);
                Replacement::Text(made)
            }
        }
    }

    /// What a rule makes of a text.
    fn made(&mut self, id: RuleId, rule: &Rule, text: &str) -> Replacement {
        self.count(id);
        // What was to be read as a document and is none.
        let Effect::Act(action) = &rule.effect else { return Replacement::Text(MASK.to_owned()) };
        Replacement::Text(match action {
            Action::Block => return Replacement::Block,
            Action::Remove | Action::Null => return Replacement::Null,
            Action::Mask => MASK.to_owned(),
            Action::Partial(ends) => ends.partial().mask(text, MASK),
            Action::Truncate(coarse) => coarse.truncate().apply(text, MASK),
            Action::Hash | Action::Pseudonym => match self.digest(id, rule, text) {
                Ok(digest) => digest,
                Err(NoKey) => {
                    self.lacks_key = true;
                    return Replacement::Block;
                }
            },
        })
    }

    fn digest(&mut self, id: RuleId, rule: &Rule, text: &str) -> Result<String, NoKey> {
        let key = (id, text.to_owned());
        if let Some(known) = self.digests.get(&key) {
            return Ok(known.clone());
        }
        let class = &rule.class.0;
        let digest = match rule.effect {
            Effect::Act(Action::Hash) => token::hash(&Sha256::digest(token::input("", class, text)).into()),
            _ => self.pseudonym(class, text)?,
        };
        self.digests.insert(key, digest.clone());
        Ok(digest)
    }

    fn pseudonym(&self, class: &str, text: &str) -> Result<String, NoKey> {
        let pseudonyms = self.pseudonyms.ok_or(NoKey)?;
        let domain = if pseudonyms.per_consumer { &*self.terms.consumer } else { "" };
        let message = token::input(domain, class, text);
        let mac = crypto::sign(pseudonyms.key.as_str(), Algorithm::Hs256, &message).map_err(|_| NoKey)?;
        Ok(token::pseudonym(&mac.try_into().map_err(|_| NoKey)?))
    }

    fn treatment_of_selected(&self, at: State) -> Treatment {
        let selection = &self.plan.selection;
        let strictest = |rules| self.plan.strictest(rules, self.terms.active);
        match strictest(selection.rules(at)) {
            // What is on the way to something allowed has nothing inside where it is a scalar.
            None if strictest(selection.scalar_rules(at)).is_some() => Treatment::Rewrite,
            None => Treatment::Keep,
            Some((_, rule)) => match &rule.effect {
                Effect::Unfold => Treatment::Embedded,
                Effect::Act(Action::Block) => Treatment::Block,
                Effect::Act(Action::Remove) => Treatment::Remove,
                Effect::Act(Action::Null) => Treatment::Null,
                Effect::Act(_) => Treatment::Rewrite,
            },
        }
    }

    /// Why a message does not go on that is refused.
    pub(crate) fn why(&self, refusal: Refusal) -> Refusal {
        if self.lacks_key { Refusal::Key } else { refusal }
    }

    fn count(&mut self, id: RuleId) {
        match self.applied.iter_mut().find(|(other, _)| *other == id) {
            Some((_, count)) => *count += 1,
            None => self.applied.push((id, 1)),
        }
    }

    /// Add to the gateway's metrics what was done.
    pub(crate) fn report(&self) {
        for (id, count) in &self.applied {
            let Some((_, rule)) = self.plan.rule(*id) else { continue };
            let labels = [
                ("route", self.terms.route),
                ("class", &*rule.class.0),
                ("action", rule.effect.word()),
                ("consumer", &*self.terms.consumer),
            ];
            metrics::count("redacted", *count, &labels);
        }
    }
}

impl Guide for Judge<'_> {
    fn member(&self, at: State, name: &str) -> State {
        self.plan.selection.member(at, name)
    }

    fn item(&self, at: State, index: u32) -> State {
        self.plan.selection.item(at, index)
    }

    fn is_quiet(&self, at: State) -> bool {
        self.plan.selection.is_quiet(at)
    }

    #[inline]
    fn is_even(&self, at: State) -> bool {
        self.plan.selection.is_even(at)
    }

    #[inline]
    fn treatment(&self, at: State) -> Treatment {
        if self.plan.selection.is_plain(at) { Treatment::Keep } else { self.treatment_of_selected(at) }
    }

    fn rewrite(&mut self, at: State, value: Scalar<'_>) -> Replacement {
        let plan = self.plan;
        let both = [plan.selection.rules(at), plan.selection.scalar_rules(at)];
        let strictest = both.into_iter().filter_map(|rules| plan.strictest(rules, self.terms.active));
        match (strictest.min_by_key(|(id, _)| *id), value) {
            // What nobody selected comes here where it is too long to be looked at.
            (None, _) if self.inspects() => Replacement::Text(MASK.to_owned()),
            (None, _) => Replacement::Keep,
            // Where texts are documents a number is none, but it may hold what is looked for.
            (Some((_, rule)), Scalar::Number(digits)) if rule.effect == Effect::Unfold => self.looked_at(digits),
            (Some((_, rule)), Scalar::Bool(_)) if rule.effect == Effect::Unfold => Replacement::Keep,
            (Some((id, rule)), Scalar::Text(text)) => self.made(id, rule, text),
            (Some((id, rule)), Scalar::Number(digits)) => match self.made(id, rule, digits) {
                Replacement::Text(text) if is_number(&text) => Replacement::Number(text),
                replaced => replaced,
            },
            (Some((id, rule)), Scalar::Bool(value)) => self.made(id, rule, if value { "true" } else { "false" }),
            (Some((id, rule)), Scalar::TooLong) => match rule.effect {
                // None of it is left, so it need not be read.
                Effect::Act(Action::Block | Action::Remove | Action::Null) => self.made(id, rule, ""),
                _ => {
                    self.count(id);
                    Replacement::Text(MASK.to_owned())
                }
            },
        }
    }

    fn took(&mut self, at: State) {
        let rules = self.plan.selection.rules(at);
        if let Some((id, _)) = self.plan.strictest(rules, self.terms.active) {
            self.count(id);
        }
    }

    fn inspects(&self) -> bool {
        self.plan.detection.as_ref().is_some_and(|detection| detection.rules & self.terms.active != 0)
    }

    fn inspect(&mut self, text: &str) -> Replacement {
        self.looked_at(text)
    }
}

/// Whether what is left of a number is one: digits were taken from its end, and nothing else was done.
fn is_number(text: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    text.bytes().all(|byte| digit(&byte) || matches!(byte, b'-' | b'.')) && text.as_bytes().last().is_some_and(digit)
}
