//! Values where the guide is asked: which are looked at, and what takes their place.

use super::level::Kind;
use super::lex::{self, Ended, Number};
use super::pass::{Pass, Progress, Stretch};
use super::position::Mode;
use super::skip::Token;
use super::{Guide, Replacement, Scalar, Stop, Treatment, escape};

/// A token to look at, with where it ends.
pub(super) enum Looked<T> {
    Whole((T, usize)),
    /// More of it is to come.
    Cut,
    TooLong,
}

/// A string that has been read whole.
pub(super) enum Text<'a> {
    Plain(&'a str),
    /// With its escapes undone, in the scratch space.
    Undone,
}

impl<'a> Text<'a> {
    pub(super) fn as_str(&self, scratch: &'a str) -> &'a str {
        match self {
            Self::Plain(text) => text,
            Self::Undone => scratch,
        }
    }
}

impl<G: Guide> Pass<'_, G> {
    /// Read the value that begins at an offset, or its beginning if it is an object or array.
    pub(super) fn value(&mut self, stretch: Stretch<'_>, at: usize, byte: u8) -> Result<Progress, Stop> {
        let state = self.position.at;
        let treatment = if !self.inspects && self.guide.is_quiet(state) {
            if matches!(byte, b'{' | b'[') {
                self.leave(Mode::Passing);
                return Ok(Progress::On(at));
            }
            Treatment::Keep
        } else {
            self.guide.treatment(state)
        };
        match (treatment, byte) {
            // Of members and items that was decided before; what is left is the value of the document.
            (Treatment::Remove | Treatment::Null, _) => {
                self.guide.took(state);
                Ok(self.drop_for(at, |out| out.extend(b"null")))
            }
            (Treatment::Block, _) => Err(Stop::Blocked),
            (_, b'{') => self.enter_level(Kind::Object, at),
            (_, b'[') => self.enter_level(Kind::Array, at),
            (Treatment::Keep, b'"') if self.inspects => self.rewrite_text(stretch, at, treatment),
            (Treatment::Rewrite | Treatment::Embedded, b'"') => self.rewrite_text(stretch, at, treatment),
            (Treatment::Keep, b'-' | b'0'..=b'9') if self.inspects => self.rewrite_number(stretch, at, byte, treatment),
            (Treatment::Rewrite | Treatment::Embedded, b'-' | b'0'..=b'9') => {
                self.rewrite_number(stretch, at, byte, treatment)
            }
            (Treatment::Rewrite | Treatment::Embedded, b't' | b'f') => self.rewrite_bool(stretch, at, byte),
            (Treatment::Keep | Treatment::Rewrite | Treatment::Embedded, _) => match self.scalar(stretch, at, byte)? {
                Token::Whole(end) => {
                    self.position.complete();
                    Ok(Progress::On(end))
                }
                Token::Cut(end, inside) => {
                    self.leave(Mode::Passing);
                    self.position.inside = inside;
                    Ok(Progress::Held(end))
                }
            },
        }
    }

    /// Read a string of at most so many bytes.
    #[inline(always)]
    pub(super) fn look<'s>(&mut self, stretch: Stretch<'s>, start: usize, most: u16) -> Result<Looked<Text<'s>>, Stop> {
        let bytes = stretch.bytes();
        let from = start + 1;
        // What is further on must not matter, since it may not have come.
        let horizon = from + usize::from(most) + 1;
        let (end, ended) = lex::text(bytes.get(..horizon).unwrap_or(bytes), from);
        let raw = stretch.text.get(from..end).unwrap_or_default();
        let text = match ended {
            Ended::Plain => Text::Plain(raw),
            Ended::Escaped => {
                escape::undo(raw, self.scratch);
                Text::Undone
            }
            Ended::Open if bytes.len() >= horizon => return Ok(Looked::TooLong),
            Ended::Open if !stretch.is_closed => return Ok(Looked::Cut),
            Ended::Open => return Err(self.malformed(bytes.len())),
            Ended::Bad => return Err(self.malformed(end)),
        };
        Ok(Looked::Whole((text, end + 1)))
    }

    fn rewrite_text(&mut self, stretch: Stretch<'_>, at: usize, treatment: Treatment) -> Result<Progress, Stop> {
        let (text, end) = match self.look(stretch, at, self.limits.value)? {
            Looked::Whole(text) => text,
            Looked::Cut => return Ok(Progress::Held(at)),
            Looked::TooLong => return self.too_long(at),
        };
        let state = self.position.at;
        let text = text.as_str(self.scratch);
        let replacement = match treatment {
            Treatment::Keep => self.guide.inspect(text),
            Treatment::Embedded => {
                let (limits, embedded) = (self.limits, self.embedded);
                super::embedded::rewrite(limits, embedded, self.guide, state, text)?
            }
            _ => self.guide.rewrite(state, Scalar::Text(text)),
        };
        self.put(replacement, at, end)
    }

    fn rewrite_number(
        &mut self,
        stretch: Stretch<'_>,
        at: usize,
        byte: u8,
        treatment: Treatment,
    ) -> Result<Progress, Stop> {
        let bytes = stretch.bytes();
        let horizon = at + usize::from(self.limits.value) + 1;
        let seen = bytes.get(..horizon).unwrap_or(bytes);
        let Some(number) = Number::begin(byte) else { return Err(self.malformed(at)) };
        let (end, number) = number.read(seen, at + 1);
        if end == seen.len() {
            if end == horizon {
                return self.too_long(at);
            }
            if !stretch.is_closed {
                return Ok(Progress::Held(at));
            }
        }
        if !number.is_whole() {
            return Err(self.malformed(end));
        }
        let raw = stretch.text.get(at..end).unwrap_or_default();
        let replacement = match treatment {
            Treatment::Keep => self.guide.inspect(raw),
            _ => self.guide.rewrite(self.position.at, Scalar::Number(raw)),
        };
        self.put(replacement, at, end)
    }

    fn rewrite_bool(&mut self, stretch: Stretch<'_>, at: usize, byte: u8) -> Result<Progress, Stop> {
        match self.scalar(stretch, at, byte)? {
            Token::Whole(end) => {
                let replacement = self.guide.rewrite(self.position.at, Scalar::Bool(byte == b't'));
                self.put(replacement, at, end)
            }
            Token::Cut(..) => Ok(Progress::Held(at)),
        }
    }

    /// The guide says what takes the place of a value of which it sees nothing.
    fn too_long(&mut self, at: usize) -> Result<Progress, Stop> {
        match self.guide.rewrite(self.position.at, Scalar::TooLong) {
            Replacement::Keep => {
                self.leave(Mode::Passing);
                Ok(Progress::On(at))
            }
            Replacement::Null => Ok(self.drop_for(at, |out| out.extend(b"null"))),
            Replacement::Text(text) => Ok(self.drop_for(at, |out| escape::write(&text, out))),
            Replacement::Number(digits) => Ok(self.drop_for(at, |out| out.extend(digits.bytes()))),
            Replacement::Block => Err(Stop::Blocked),
        }
    }

    /// Drop the value that begins at an offset, as it comes, for what is written.
    fn drop_for(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) -> Progress {
        self.replace(at, at, write);
        self.leave(Mode::Dropping);
        Progress::On(at)
    }
}
