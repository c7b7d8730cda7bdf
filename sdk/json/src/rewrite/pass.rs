//! One piece on its way through a rewriter: what all the steps of it share.

use super::position::{Inside, Mode, Position, Step};
use super::{Guide, Limits, Replacement, Stop, escape};
use lockgate_sdk::Splices;

/// What reads one piece.
pub(super) struct Pass<'a, G> {
    pub(super) limits: Limits,
    pub(super) inspects: bool,
    /// How many texts this is embedded in.
    pub(super) embedded: u8,
    pub(super) guide: &'a mut G,
    pub(super) position: &'a mut Position,
    pub(super) scratch: &'a mut String,
    pub(super) splices: Splices,
}

/// Bytes of one document, or of one line of it, which tokens do not cross.
#[derive(Clone, Copy)]
pub(super) struct Stretch<'a> {
    /// Everything before it in the piece, and then it.
    pub(super) text: &'a str,
    /// Whether it ends with these bytes, rather than going on in the next piece.
    pub(super) is_closed: bool,
}

impl<'a> Stretch<'a> {
    #[inline(always)]
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }

    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.text.len()
    }
}

/// How far a step has come.
pub(super) enum Progress {
    /// To this offset; what follows can be read.
    On(usize),
    /// To this offset; what follows, if anything, is held.
    Held(usize),
}

impl<G: Guide> Pass<'_, G> {
    /// Read a stretch from an offset of it, and say how far that went: to its end if it is closed.
    pub(super) fn read(&mut self, stretch: Stretch<'_>, mut at: usize) -> Result<usize, Stop> {
        loop {
            let progress = match self.position.mode {
                Mode::Asking => self.walk(stretch, at)?,
                Mode::Passing => self.skip(stretch, at)?,
                Mode::Dropping => {
                    let progress = self.skip(stretch, at)?;
                    let (Progress::On(end) | Progress::Held(end)) = progress;
                    self.remove(at, end);
                    progress
                }
            };
            match progress {
                Progress::On(next) => at = next,
                Progress::Held(next) => return Ok(next),
            }
        }
    }

    /// Nobody is asked about the value that begins here, which passes or is dropped.
    pub(super) fn leave(&mut self, mode: Mode) {
        self.position.mode = mode;
        self.position.step = Step::Value;
        self.position.inside = Inside::Nothing;
    }

    /// Put what the guide wants in the place of a value that has been read whole.
    pub(super) fn put(&mut self, replacement: Replacement, start: usize, end: usize) -> Result<Progress, Stop> {
        match replacement {
            Replacement::Keep => {}
            Replacement::Null => self.replace(start, end, |out| out.extend(b"null")),
            Replacement::Text(text) => self.replace(start, end, |out| escape::write(&text, out)),
            Replacement::Number(digits) => self.replace(start, end, |out| out.extend(digits.bytes())),
            Replacement::Block => return Err(Stop::Blocked),
        }
        self.position.complete();
        Ok(Progress::On(end))
    }

    /// The same in the place of a name.
    #[inline]
    pub(super) fn put_name(&mut self, replacement: Replacement, start: usize, end: usize) -> Result<(), Stop> {
        match replacement {
            Replacement::Keep => {}
            Replacement::Null => self.replace(start, end, |out| escape::write("", out)),
            Replacement::Text(text) | Replacement::Number(text) => {
                self.replace(start, end, |out| escape::write(&text, out));
            }
            Replacement::Block => return Err(Stop::Blocked),
        }
        Ok(())
    }

    /// Drop what is `from` one offset `to` another, which is not before any that was changed.
    pub(super) fn remove(&mut self, from: usize, to: usize) {
        self.replace(from, to, |_| {});
    }

    /// Put in its place what is written.
    pub(super) fn replace(&mut self, from: usize, to: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.splices.put_with(count(from), count(to - from), write);
    }

    /// The error of a byte that cannot stand where it does.
    pub(super) fn malformed(&self, at: usize) -> Stop {
        Stop::Malformed { offset: self.position.offset.saturating_add(at as u64) }
    }
}

/// A piece is never as long as this saturates at.
fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
