//! The policy as its README has it, on a whole document in memory.

use crate::action::{Action, MASK, replaced};
use crate::config::{Config, Detect, Handling, Rule, Who};
use crate::dom::{Child, Children, Document, Node, decoded, is_scalar};
use crate::path::Step;
use crate::select::Select;
use lockgate_plugin_redact::detect::{Detectors, Kind};
use lockgate_sdk::Direction;

/// Bytes of a string or number that is still looked at.
const LONGEST: usize = 16 * 1024;
/// Strings in strings that are still read as JSON.
const DEEPEST: usize = 4;

/// The message does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Blocked;

/// What of a configuration applies to whoever asks, strictest first.
pub(crate) struct Policy<'c> {
    rules: Vec<About<'c>>,
    detect: Vec<&'c Detect>,
    embedded: &'c [Select],
    /// For whom pseudonyms are made, where they are of one consumer.
    consumer: &'c str,
    /// What may not be read in what passes, with escapes undone.
    pub(crate) hidden: Vec<String>,
}

/// A rule, about what is selected or about what is not.
#[derive(Clone, Copy)]
enum About<'c> {
    Selected(&'c Rule),
    NotAllowed(&'c Rule),
}

/// What becomes of a text nobody selected.
enum Seen {
    Kept,
    Null,
    Changed(String),
}

impl<'c> Policy<'c> {
    /// None where no rule applies: then the message is not looked at.
    pub(crate) fn of(config: &'c Config, direction: Direction, who: &Who) -> Option<Self> {
        let applies = |handling: &Handling| handling.applies(direction, who, config.separator);
        let rules = config.rules.iter().map(About::Selected).chain(config.allow.iter().map(About::NotAllowed));
        let mut rules: Vec<_> = rules.filter(|rule| applies(rule.handling())).collect();
        rules.sort_by_key(|rule| rule.handling().action.leniency());
        let mut detect: Vec<_> = config.detect.iter().filter(|detect| applies(&detect.handling)).collect();
        detect.sort_by_key(|detect| detect.handling.action.leniency());
        let consumer = who.iter().find(|(name, _)| *name == "auth.consumer" && config.per_consumer);
        let consumer = consumer.map_or("", |(_, consumer)| consumer);
        let is_looked_at = !(rules.is_empty() && detect.is_empty());
        is_looked_at.then(|| Self { rules, detect, embedded: &config.embedded, consumer, hidden: Vec::new() })
    }

    /// What becomes of a document.
    pub(crate) fn document(&mut self, document: &Document) -> Result<Document, Blocked> {
        let value = self.value(&document.value, &mut Vec::new(), 0)?.unwrap_or(Node::Null);
        Ok(Document { value, ..document.clone() })
    }

    /// What becomes of a value, in a string in so many strings; none where it goes.
    fn value(&mut self, value: &Node, place: &mut Vec<Step>, strings: usize) -> Result<Option<Node>, Blocked> {
        match self.strictest(place, false).map(|handling| &handling.action) {
            Some(Action::Block) => return Err(Blocked),
            Some(Action::Remove) => {
                self.hidden.extend(value.texts());
                return Ok(None);
            }
            Some(Action::Null) => {
                self.hidden.extend(value.texts());
                return Ok(Some(Node::Null));
            }
            _ => {}
        }
        Ok(Some(match value {
            Node::Array(children) => Node::Array(self.children(children, place, strings)?),
            Node::Object(children) => Node::Object(self.children(children, place, strings)?),
            Node::Scalar(raw) => self.scalar(raw, place, strings)?,
            _ => panic!("nothing that was read"),
        }))
    }

    fn children(&mut self, children: &Children, place: &mut Vec<Step>, strings: usize) -> Result<Children, Blocked> {
        let mut left = Children { all: Vec::new(), ..children.clone() };
        for (index, child) in children.all.iter().enumerate() {
            place.push(match &child.name {
                Some((Node::Scalar(raw), _)) => Step::Member(decoded(raw)),
                _ => Step::Item(index),
            });
            match self.value(&child.value, place, strings)? {
                Some(value) => {
                    let name = match &child.name {
                        Some((name, colon)) => Some((self.name(name)?, colon.clone())),
                        None => None,
                    };
                    left.all.push(Child { name, value, ..child.clone() });
                }
                None => {
                    self.hidden.extend(child.name.iter().flat_map(|(name, _)| name.texts()));
                    left.some_went = true;
                }
            }
            place.pop();
        }
        Ok(left)
    }

    fn name(&mut self, name: &Node) -> Result<Node, Blocked> {
        Ok(match self.looked_at(&name.texts().concat())? {
            Seen::Kept => name.clone(),
            Seen::Null => Node::Text(String::new()),
            Seen::Changed(text) => Node::Text(text),
        })
    }

    fn scalar(&mut self, raw: &str, place: &mut Vec<Step>, strings: usize) -> Result<Node, Blocked> {
        let as_it_was = || Node::Scalar(raw.to_owned());
        let text = decoded(raw);
        let (is_text, is_bool) = (raw.starts_with('"'), raw == "true" || raw == "false");
        let is_long = raw.len() - if is_text { 2 } else { 0 } > LONGEST;
        let is_embedded = self.embedded.iter().any(|select| select.selects(place));
        if raw == "null" {
            return Ok(as_it_was());
        }
        let may_be_document = is_text && is_embedded && strings < DEEPEST && !is_long;
        if self.strictest(place, false).is_none()
            && may_be_document
            && let Some(document) = Document::read(&text).filter(|document| holds_strings(&document.value))
        {
            let left = self.value(&document.value, place, strings + 1)?.unwrap();
            let is_same = left == document.value;
            let left = Document { value: left, ..document };
            return Ok(if is_same { as_it_was() } else { Node::Embedded(Box::new(left)) });
        }
        let Some(Handling { action, class, .. }) = self.strictest(place, true) else {
            if is_embedded && (is_text || is_long) || is_long && !self.detect.is_empty() {
                self.hidden.push(text);
                return Ok(Node::Text(MASK.to_owned()));
            }
            return Ok(match self.looked_at(if is_bool { "" } else { &text })? {
                Seen::Kept => as_it_was(),
                Seen::Null => Node::Null,
                Seen::Changed(text) => Node::Text(text),
            });
        };
        Ok(match action {
            Action::Block => return Err(Blocked),
            // On the way to what is allowed, where nothing can be inside.
            Action::Remove | Action::Null => {
                self.hidden.push(text);
                Node::Null
            }
            action => {
                let action = if is_long { &Action::Mask } else { action };
                let new = replaced(action, class, self.consumer, &text);
                self.hides(action, &text, &new);
                // With an exponent cut off or short it would be another number.
                let is_coarser = matches!(action, Action::Truncate(_)) && !new.contains(['e', 'E']);
                let is_number = is_coarser && !is_text && !is_bool && is_scalar(&new);
                if is_number { Node::Number(new) } else { Node::Text(new) }
            }
        })
    }

    /// What becomes of a text nobody selected: what is found in it is replaced.
    fn looked_at(&mut self, text: &str) -> Result<Seen, Blocked> {
        // From, to, and which of the detections.
        let mut finds: Vec<(usize, usize, usize)> = Vec::new();
        for kind in Kind::ALL {
            let Some(strictest) = self.detect.iter().position(|detect| detect.kinds.contains(kind)) else { continue };
            let mut found = Vec::new();
            Detectors::new([*kind].into_iter().collect()).find(text, &mut found);
            finds.extend(found.iter().map(|found| (found.start, found.end, strictest)));
        }
        finds.sort_unstable();
        let mut joined: Vec<(usize, usize, usize)> = Vec::new();
        for (from, to, detect) in finds {
            match joined.last_mut().filter(|(_, end, _)| from < *end) {
                Some(last) => *last = (last.0, to.max(last.1), detect.min(last.2)),
                None => joined.push((from, to, detect)),
            }
        }
        let action = |detect: usize| &self.detect[detect].handling.action;
        if joined.iter().any(|find| matches!(action(find.2), Action::Block)) {
            return Err(Blocked);
        }
        if joined.iter().any(|find| matches!(action(find.2), Action::Null)) {
            self.hidden.push(text.to_owned());
            return Ok(Seen::Null);
        }
        let mut new = text.to_owned();
        for (from, to, detect) in joined.iter().rev() {
            let action = &self.detect[*detect].handling.action;
            let piece = match action {
                Action::Remove => String::new(),
                action => replaced(action, "detected", self.consumer, &text[*from..*to]),
            };
            self.hides(action, &text[*from..*to], &piece);
            new.replace_range(from..to, &piece);
        }
        Ok(if joined.is_empty() { Seen::Kept } else { Seen::Changed(new) })
    }

    /// Nothing of a text may be left, unless the action leaves some of it.
    fn hides(&mut self, action: &Action, text: &str, new: &str) {
        if !matches!(action, Action::Truncate(_) | Action::Partial { .. }) || new == MASK {
            self.hidden.push(text.to_owned());
        }
    }

    /// The strictest rule for a value; `is_scalar` where it is known to be no object or array.
    fn strictest(&self, place: &[Step], is_scalar: bool) -> Option<&'c Handling> {
        self.rules.iter().find(|rule| rule.covers(place, is_scalar)).map(|rule| rule.handling())
    }
}

impl<'c> About<'c> {
    fn handling(&self) -> &'c Handling {
        let (Self::Selected(rule) | Self::NotAllowed(rule)) = self;
        &rule.handling
    }

    fn covers(&self, place: &[Step], is_scalar: bool) -> bool {
        let is_within = |select: &Select| (0..=place.len()).any(|length| select.selects(&place[..length]));
        match self {
            Self::Selected(rule) if rule.handling.action.is_done_inside() => rule.select.iter().any(is_within),
            Self::Selected(rule) => rule.select.iter().any(|select| select.selects(place)),
            Self::NotAllowed(rule) => {
                let is_on_the_way = || !is_scalar && rule.select.iter().any(|select| select.leads_on(place));
                !rule.select.iter().any(is_within) && !is_on_the_way()
            }
        }
    }
}

/// Whether a document may hold strings: it is an object, an array, or the text of one.
fn holds_strings(value: &Node) -> bool {
    !matches!(value, Node::Scalar(raw) if !raw.starts_with('"'))
}
