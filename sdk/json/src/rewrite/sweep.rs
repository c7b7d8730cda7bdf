//! The fast way through objects and arrays of which all that is inside has one state and stays, but for members by some names.

use super::level::{Kind, Level};
use super::lex::{self, Ended, Literal, Number, white};
use super::limits::WHITE;
use super::pass::{Pass, Stretch};
use super::position::Step;
use super::{Guide, Replacement, Stop};
use crate::select::State;
use std::ops::Range;

/// A member or item of which everything is plain.
struct Plain {
    /// With its quotation marks; empty for an item.
    name: Range<usize>,
    value: Value,
}

/// What it is.
enum Value {
    /// It begins before this offset.
    Container(Kind, usize),
    Text(Range<usize>),
    Number(Range<usize>),
    /// Ends there.
    Literal(usize),
}

impl<G: Guide> Pass<'_, G> {
    /// Read on from `at` as far as everything is plain, and say how far that is. Whatever is not (a name that leads elsewhere, an
    /// escape where somebody looks, a token that is cut or wrong) is left to the walk, from the comma before it on.
    #[inline]
    pub(super) fn sweep(&mut self, stretch: Stretch<'_>, at: usize) -> Result<usize, Stop> {
        let position = &*self.position;
        let is_between = match (position.step, position.levels.last()) {
            (Step::After, Some(level)) => level.is_begun && self.guide.is_even(level.state),
            (Step::FirstName | Step::FirstItem, Some(level)) => self.guide.is_even(level.state),
            _ => false,
        };
        if is_between && !position.is_owed { self.sweep_on(stretch, at) } else { Ok(at) }
    }

    fn sweep_on(&mut self, stretch: Stretch<'_>, mut at: usize) -> Result<usize, Stop> {
        while let Some(level) = self.position.levels.last().copied() {
            let start = white(stretch.bytes(), at);
            if self.is_end(stretch, start, level) {
                // Where the one around it is another thing, the walk goes on.
                let around = self.position.levels.len().checked_sub(2);
                let around = around.and_then(|around| self.position.levels.get(around));
                if around.is_none_or(|around| around.state != level.state) {
                    break;
                }
                self.position.levels.pop();
                self.position.step = Step::After;
                at = start + 1;
                continue;
            }
            let Some(plain) = self.plain(stretch, start, level) else { break };
            if let Some(level) = self.position.levels.last_mut() {
                level.is_begun = true;
            }
            at = self.pass(stretch, plain, level.state)?;
        }
        Ok(at)
    }

    /// Let it pass, unless something is found in it, and say where it ends or what is in it begins.
    #[inline(always)]
    fn pass(&mut self, stretch: Stretch<'_>, Plain { name, value }: Plain, state: State) -> Result<usize, Stop> {
        if self.inspects && !name.is_empty() {
            match self.guide.inspect(stretch.within(&name)) {
                Replacement::Keep => {}
                replacement => self.put_name(replacement, name.start, name.end)?,
            }
        }
        self.position.step = Step::After;
        match value {
            Value::Container(kind, begun) => {
                self.position.levels.push(Level { kind, state, is_begun: false, index: 0 });
                self.position.step = if kind == Kind::Object { Step::FirstName } else { Step::FirstItem };
                Ok(begun)
            }
            Value::Text(text) => self.inspected(text.clone(), stretch.within(&text)),
            Value::Number(number) => {
                let digits = stretch.text.get(number.clone()).unwrap_or_default();
                self.inspected(number, digits)
            }
            Value::Literal(end) => Ok(end),
        }
    }

    /// Let a scalar pass, unless something is found in it.
    #[inline(always)]
    fn inspected(&mut self, scalar: Range<usize>, content: &str) -> Result<usize, Stop> {
        if self.inspects {
            match self.guide.inspect(content) {
                Replacement::Keep => {}
                replacement => {
                    self.put(replacement, scalar.start, scalar.end)?;
                }
            }
        }
        Ok(scalar.end)
    }

    /// Whether the innermost container ends here.
    #[inline(always)]
    fn is_end(&self, stretch: Stretch<'_>, at: usize, level: Level) -> bool {
        matches!((level.kind, stretch.bytes().get(at)), (Kind::Object, Some(b'}')) | (Kind::Array, Some(b']')))
    }

    /// The member or item that begins here, or behind the comma that stands here.
    #[inline(always)]
    fn plain(&self, stretch: Stretch<'_>, start: usize, level: Level) -> Option<Plain> {
        let bytes = stretch.bytes();
        let begun = match (self.position.step, bytes.get(start)) {
            (Step::After, Some(b',')) => white(bytes, start + 1),
            (Step::FirstName | Step::FirstItem, _) => start,
            _ => return None,
        };
        if begun - start > 1 + WHITE {
            return None;
        }
        match level.kind {
            Kind::Object => {
                let name = self.plain_name(stretch, begun, level.state)?;
                let colon = white(bytes, name.end);
                let value = white(bytes, colon + 1);
                (bytes.get(colon) == Some(&b':')).then_some(())?;
                Some(Plain { name, value: self.plain_value(stretch, value)? })
            }
            Kind::Array => Some(Plain { name: begun..begun, value: self.plain_value(stretch, begun)? }),
        }
    }

    /// A name that leads nowhere else.
    #[inline(always)]
    fn plain_name(&self, stretch: Stretch<'_>, start: usize, state: State) -> Option<Range<usize>> {
        let bytes = stretch.bytes();
        if bytes.get(start) != Some(&b'"') {
            return None;
        }
        let (end, ended) = lex::text(bytes, start + 1);
        let name = stretch.text.get(start + 1..end)?;
        let is_plain = ended == Ended::Plain && name.len() <= usize::from(self.limits.name);
        (is_plain && self.guide.member(state, name) == state).then_some(start..end + 1)
    }

    #[inline(always)]
    fn plain_value(&self, stretch: Stretch<'_>, at: usize) -> Option<Value> {
        let bytes = stretch.bytes();
        match *bytes.get(at)? {
            b'"' => {
                let (end, ended) = lex::text(bytes, at + 1);
                let is_plain = match ended {
                    Ended::Plain => !self.inspects || end - at <= usize::from(self.limits.value),
                    Ended::Escaped => !self.inspects,
                    Ended::Open | Ended::Bad => false,
                };
                is_plain.then_some(Value::Text(at..end + 1))
            }
            byte @ (b'{' | b'[') => {
                let has_room = self.position.levels.len() < usize::from(self.limits.depth);
                let kind = if byte == b'{' { Kind::Object } else { Kind::Array };
                has_room.then_some(Value::Container(kind, at + 1))
            }
            byte => match Number::begin(byte) {
                Some(number) => {
                    let (end, number) = number.read(bytes, at + 1);
                    let is_short = !self.inspects || end - at <= usize::from(self.limits.value);
                    let is_whole = number.is_whole() && (end < stretch.end() || stretch.is_closed);
                    (is_short && is_whole).then_some(Value::Number(at..end))
                }
                None => match lex::literal(bytes, at) {
                    Literal::Whole(length) => Some(Value::Literal(at + length)),
                    Literal::Cut | Literal::None(_) => None,
                },
            },
        }
    }
}

impl<'a> Stretch<'a> {
    /// What stands between quotation marks.
    #[inline(always)]
    fn within(&self, token: &Range<usize>) -> &'a str {
        self.text.get(token.start + 1..token.end - 1).unwrap_or_default()
    }
}
