//! Values nobody is asked about: read for their grammar alone, as fast as can be.

use super::level::{Kind, Nest};
use super::lex::{self, Ended, Literal, Number, white};
use super::pass::{Pass, Progress, Stretch};
use super::position::{Inside, Mode, Step};
use super::{Guide, Limit, Stop};

/// How far a name or scalar went.
pub(super) enum Token {
    /// To its end.
    Whole(usize),
    /// To the end of the bytes, or to where it is to be read on, and as what.
    Cut(usize, Inside),
}

impl<G: Guide> Pass<'_, G> {
    /// Read to the end of the value, which is then complete, or of the bytes.
    pub(super) fn skip(&mut self, stretch: Stretch<'_>, mut at: usize) -> Result<Progress, Stop> {
        let bytes = stretch.bytes();
        let mut step = self.position.step;
        let mut nest = self.position.nest;
        if let Some(token) = self.resume(stretch, at)? {
            match token {
                Token::Whole(end) => at = end,
                Token::Cut(end, inside) => return Ok(self.put_aside(end, step, inside, nest)),
            }
            step = if step == Step::NextName { Step::Colon } else { Step::After };
        }
        loop {
            if step == Step::After {
                let Some(kind) = nest.top() else { break };
                // What follows at once needs no turn of its own, here and below.
                if bytes.get(at) == Some(&b',') {
                    (at, step) = (at + 1, after_comma(kind));
                }
            }
            at = white(bytes, at);
            let Some(byte) = bytes.get(at).copied() else {
                return Ok(self.put_aside(at, step, Inside::Nothing, nest));
            };
            match (step, byte) {
                (Step::FirstName | Step::NextName, b'"') => match self.text(stretch, at + 1)? {
                    Token::Whole(end) if bytes.get(end) == Some(&b':') => (at, step) = (end + 1, Step::Value),
                    Token::Whole(end) => (at, step) = (end, Step::Colon),
                    Token::Cut(end, inside) => return Ok(self.put_aside(end, Step::NextName, inside, nest)),
                },
                (Step::Value | Step::FirstItem, b'{') => (at, step) = (at + 1, self.open(&mut nest, Kind::Object)?),
                (Step::Value | Step::FirstItem, b'[') => (at, step) = (at + 1, self.open(&mut nest, Kind::Array)?),
                (Step::FirstName | Step::After, b'}') => {
                    (at, step) = (self.close(&mut nest, Kind::Object, at)?, Step::After)
                }
                (Step::FirstItem | Step::After, b']') => {
                    (at, step) = (self.close(&mut nest, Kind::Array, at)?, Step::After)
                }
                (Step::Value | Step::FirstItem, _) => match self.scalar(stretch, at, byte)? {
                    Token::Whole(end) => (at, step) = (end, Step::After),
                    Token::Cut(end, inside) => return Ok(self.put_aside(end, Step::Value, inside, nest)),
                },
                (Step::Colon, b':') => (at, step) = (at + 1, Step::Value),
                (Step::After, b',') if let Some(kind) = nest.top() => (at, step) = (at + 1, after_comma(kind)),
                _ => return Err(self.malformed(at)),
            }
        }
        self.position.nest = nest;
        self.position.mode = Mode::Asking;
        self.position.complete();
        Ok(Progress::On(at))
    }

    /// Read the scalar that begins at an offset.
    #[inline(always)]
    pub(super) fn scalar(&self, stretch: Stretch<'_>, at: usize, byte: u8) -> Result<Token, Stop> {
        if byte == b'"' { self.text(stretch, at + 1) } else { self.bare(stretch, at, byte) }
    }

    #[inline(never)]
    fn bare(&self, stretch: Stretch<'_>, at: usize, byte: u8) -> Result<Token, Stop> {
        if let Some(number) = Number::begin(byte) {
            return self.number(stretch, at + 1, number);
        }
        match lex::literal(stretch.bytes(), at) {
            Literal::Whole(length) => Ok(Token::Whole(at + length)),
            Literal::Cut if !stretch.is_closed => Ok(Token::Cut(at, Inside::Nothing)),
            Literal::Cut => Err(self.malformed(stretch.end())),
            Literal::None(length) => Err(self.malformed(at + length)),
        }
    }

    /// Read the rest of a token that was cut.
    fn resume(&mut self, stretch: Stretch<'_>, at: usize) -> Result<Option<Token>, Stop> {
        match std::mem::replace(&mut self.position.inside, Inside::Nothing) {
            Inside::Nothing => Ok(None),
            Inside::Text => self.text(stretch, at).map(Some),
            Inside::Number(number) => self.number(stretch, at, number).map(Some),
        }
    }

    #[inline(always)]
    fn text(&self, stretch: Stretch<'_>, from: usize) -> Result<Token, Stop> {
        match lex::text(stretch.bytes(), from) {
            (at, Ended::Plain | Ended::Escaped) => Ok(Token::Whole(at + 1)),
            (at, Ended::Open) if !stretch.is_closed => Ok(Token::Cut(at, Inside::Text)),
            (_, Ended::Open) => Err(self.malformed(stretch.end())),
            (at, Ended::Bad) => Err(self.malformed(at)),
        }
    }

    #[inline]
    fn number(&self, stretch: Stretch<'_>, from: usize, number: Number) -> Result<Token, Stop> {
        let (at, number) = number.read(stretch.bytes(), from);
        if at == stretch.end() && !stretch.is_closed {
            Ok(Token::Cut(at, Inside::Number(number)))
        } else if number.is_whole() {
            Ok(Token::Whole(at))
        } else {
            Err(self.malformed(at))
        }
    }

    fn open(&self, nest: &mut Nest, kind: Kind) -> Result<Step, Stop> {
        if self.position.levels.len() + usize::from(nest.depth()) >= usize::from(self.limits.depth) {
            return Err(Stop::Beyond(Limit::Depth));
        }
        nest.push(kind);
        Ok(if kind == Kind::Object { Step::FirstName } else { Step::FirstItem })
    }

    fn close(&self, nest: &mut Nest, kind: Kind, at: usize) -> Result<usize, Stop> {
        if nest.top() != Some(kind) {
            return Err(self.malformed(at));
        }
        nest.pop();
        Ok(at + 1)
    }

    fn put_aside(&mut self, at: usize, step: Step, inside: Inside, nest: Nest) -> Progress {
        self.position.nest = nest;
        self.position.step = step;
        self.position.inside = inside;
        Progress::Held(at)
    }
}

fn after_comma(kind: Kind) -> Step {
    if kind == Kind::Object { Step::NextName } else { Step::Value }
}
