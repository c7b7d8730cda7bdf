//! An incremental reader of JSON (RFC 8259) that can be put aside between any two bytes; it checks and counts, and keeps nothing.

use crate::limit::{Limit, Limits};
use crate::refusal::Refusal;
use crate::state::{Kind, Level, Position};
use crate::step::Step;

/// Reads one body, piece by piece.
pub(crate) struct Reader<'a> {
    limits: &'a Limits,
    at: Position,
}

/// Why a byte is refused, before its offset is known.
enum Fault {
    Unexpected,
    Beyond(Limit),
}

impl<'a> Reader<'a> {
    /// Go on where a reader was put aside.
    pub(crate) fn resume(limits: &'a Limits, at: Position) -> Self {
        Self { limits, at }
    }

    /// Put aside.
    pub(crate) fn suspend(self) -> Position {
        self.at
    }

    /// Read the next piece. After a refusal the reader is of no more use.
    pub(crate) fn feed(&mut self, chunk: &[u8]) -> Result<(), Refusal> {
        let mut rest = chunk;
        while let Some(&byte) = rest.first() {
            let taken = self.advance(byte, rest).map_err(|fault| match fault {
                Fault::Unexpected => {
                    Refusal::Malformed { offset: self.at.offset.saturating_add((chunk.len() - rest.len()) as u64) }
                }
                Fault::Beyond(limit) => Refusal::Beyond { limit, most: self.limits.most(limit) },
            })?;
            rest = &rest[taken..];
        }
        self.at.offset = self.at.offset.saturating_add(chunk.len() as u64);
        Ok(())
    }

    /// Nothing more will come.
    pub(crate) fn finish(&self) -> Result<(), Refusal> {
        let step = self.at.step;
        let is_complete = step == Step::End || step.ends_number() && self.at.levels.is_empty();
        if is_complete { Ok(()) } else { Err(Refusal::Incomplete) }
    }

    /// Read at least `byte`, the first of `rest`, and say how many bytes were read: none only where `byte` ends a
    /// number, which leaves it to the next call.
    fn advance(&mut self, byte: u8, rest: &[u8]) -> Result<usize, Fault> {
        match self.at.step {
            Step::Text => return self.text(byte, rest),
            Step::Value | Step::FirstItem | Step::Key | Step::FirstKey | Step::Colon | Step::Separator | Step::End => {
                self.structure(byte)?
            }
            Step::Escape
            | Step::Hex4
            | Step::Hex3
            | Step::Hex2
            | Step::Hex1
            | Step::Tail1
            | Step::Tail2
            | Step::Tail3
            | Step::AfterE0
            | Step::AfterEd
            | Step::AfterF0
            | Step::AfterF4 => self.character(byte)?,
            Step::Minus
            | Step::Zero
            | Step::Integer
            | Step::Point
            | Step::Fraction
            | Step::ExponentStart
            | Step::ExponentSign
            | Step::Exponent => return self.number(byte),
            Step::Rue | Step::Ue | Step::E | Step::Alse | Step::Lse | Step::Se | Step::Ull | Step::Ll | Step::L => {
                self.literal(byte)?
            }
        }
        Ok(1)
    }

    fn structure(&mut self, byte: u8) -> Result<(), Fault> {
        let inside = self.at.levels.last().map(|level| level.kind);
        match (self.at.step, byte) {
            (_, b' ' | b'\t' | b'\n' | b'\r') => {}
            (Step::FirstItem, b']') | (Step::FirstKey, b'}') => self.close(),
            (Step::Value | Step::FirstItem, _) => self.value(byte, inside)?,
            (Step::Key | Step::FirstKey, b'"') => {
                self.count_child(Limit::Members)?;
                self.begin_text(true);
            }
            (Step::Colon, b':') => self.at.step = Step::Value,
            (Step::Separator, b',') => {
                self.at.step = match inside {
                    Some(Kind::Object) => Step::Key,
                    _ => Step::Value,
                };
            }
            (Step::Separator, b']') if inside == Some(Kind::Array) => self.close(),
            (Step::Separator, b'}') if inside == Some(Kind::Object) => self.close(),
            _ => return Err(Fault::Unexpected),
        }
        Ok(())
    }

    /// Begin a value. Members of objects were counted with their names.
    fn value(&mut self, byte: u8, inside: Option<Kind>) -> Result<(), Fault> {
        let step = match byte {
            b'-' => Step::Minus,
            b'0' => Step::Zero,
            b'1'..=b'9' => Step::Integer,
            b't' => Step::Rue,
            b'f' => Step::Alse,
            b'n' => Step::Ull,
            b'"' => Step::Text,
            b'[' => Step::FirstItem,
            b'{' => Step::FirstKey,
            _ => return Err(Fault::Unexpected),
        };
        match inside {
            Some(Kind::Array) => self.count_child(Limit::Items)?,
            _ => self.count_token()?,
        }
        match step {
            Step::Text => self.begin_text(false),
            Step::FirstItem => self.open(Kind::Array)?,
            Step::FirstKey => self.open(Kind::Object)?,
            Step::Minus | Step::Zero | Step::Integer => {
                self.at.length = 0;
                self.lengthen(1, Limit::NumberLength)?;
            }
            _ => {}
        }
        self.at.step = step;
        Ok(())
    }

    /// Read a run of plain characters, the closing quote, or the first byte of anything longer.
    fn text(&mut self, byte: u8, rest: &[u8]) -> Result<usize, Fault> {
        let is_plain = |byte: &u8| matches!(byte, 0x20..=0x7f if *byte != b'"' && *byte != b'\\');
        let run = rest.iter().take_while(|byte| is_plain(byte)).count();
        if run > 0 {
            self.lengthen(u32::try_from(run).unwrap_or(u32::MAX), self.text_limit())?;
            return Ok(run);
        }
        if byte != b'"' {
            self.character(byte)?;
        } else if self.at.in_key {
            self.at.step = Step::Colon;
        } else {
            self.end_value();
        }
        Ok(1)
    }

    fn character(&mut self, byte: u8) -> Result<(), Fault> {
        self.at.step = self.at.step.in_text(byte).ok_or(Fault::Unexpected)?;
        self.lengthen(1, self.text_limit())
    }

    fn number(&mut self, byte: u8) -> Result<usize, Fault> {
        match self.at.step.in_number(byte) {
            Some(step) => {
                self.at.step = step;
                self.lengthen(1, Limit::NumberLength)?;
                Ok(1)
            }
            None if self.at.step.ends_number() => {
                self.end_value();
                Ok(0)
            }
            None => Err(Fault::Unexpected),
        }
    }

    fn literal(&mut self, byte: u8) -> Result<(), Fault> {
        self.at.step = match (self.at.step, byte) {
            (Step::Rue, b'r') => Step::Ue,
            (Step::Ue, b'u') | (Step::Se, b's') => Step::E,
            (Step::Alse, b'a') => Step::Lse,
            (Step::Lse, b'l') => Step::Se,
            (Step::Ull, b'u') => Step::Ll,
            (Step::Ll, b'l') => Step::L,
            (Step::E, b'e') | (Step::L, b'l') => {
                self.end_value();
                return Ok(());
            }
            _ => return Err(Fault::Unexpected),
        };
        Ok(())
    }

    fn open(&mut self, kind: Kind) -> Result<(), Fault> {
        if self.at.levels.len() >= self.limits.depth as usize {
            return Err(Fault::Beyond(Limit::Depth));
        }
        self.at.levels.push(Level { kind, children: 0 });
        Ok(())
    }

    fn close(&mut self) {
        self.at.levels.pop();
        self.end_value();
    }

    fn end_value(&mut self) {
        self.at.step = if self.at.levels.is_empty() { Step::End } else { Step::Separator };
    }

    fn begin_text(&mut self, in_key: bool) {
        self.at.in_key = in_key;
        self.at.length = 0;
        self.at.step = Step::Text;
    }

    fn text_limit(&self) -> Limit {
        if self.at.in_key { Limit::KeyLength } else { Limit::StringLength }
    }

    fn lengthen(&mut self, by: u32, limit: Limit) -> Result<(), Fault> {
        self.at.length = self.at.length.saturating_add(by);
        within(self.at.length, limit, self.limits)
    }

    fn count_child(&mut self, limit: Limit) -> Result<(), Fault> {
        if let Some(level) = self.at.levels.last_mut() {
            level.children = level.children.saturating_add(1);
            within(level.children, limit, self.limits)?;
        }
        self.count_token()
    }

    fn count_token(&mut self) -> Result<(), Fault> {
        self.at.tokens = self.at.tokens.saturating_add(1);
        within(self.at.tokens, Limit::Tokens, self.limits)
    }
}

fn within(count: u32, limit: Limit, limits: &Limits) -> Result<(), Fault> {
    if count <= limits.most(limit) { Ok(()) } else { Err(Fault::Beyond(limit)) }
}
