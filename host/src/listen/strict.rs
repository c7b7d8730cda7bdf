//! A client's bytes on their way to hyper: where it would repair how a message is framed, the message ends here.
//!
//! hyper keeps quiet about a length beside chunks, about lines that end without CR, and about transfer codings before
//! `chunked`. Each can be read in another way by whoever passed the message on to us, which is how requests are
//! smuggled. So we follow the framing: where heads, chunks and bodies begin and end. Bodies are counted, not looked at.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use memchr::memchr;
use tokio::io::{AsyncRead, ReadBuf};

use super::inspect::{Inspect, Inspected};
use super::pulse::Pulse;

/// A stream of requests that can be framed in one way only.
pub(super) type Strict<S> = Inspected<S, Strictness>;

/// Ends a stream where a message on it can be framed in several ways.
pub(super) struct Strictness {
    pulse: Rc<Pulse>,
    framing: Framing,
    refused: bool,
    /// What hyper is still to be given of [`NO_HEAD`].
    left: &'static [u8],
}

/// What cannot be in a head, and the end of one: hyper, which looks at a head that comes in pieces when it is complete,
/// makes a 400 of it.
const NO_HEAD: &[u8] = b"\0\r\n\r\n";

impl Strictness {
    pub(super) fn new(pulse: Rc<Pulse>) -> Self {
        Self { pulse, framing: Framing::default(), refused: false, left: &[] }
    }

    /// Whether what came last on the stream was refused: then that is no longer what was sent.
    pub(super) fn has_refused(&self) -> bool {
        self.refused
    }

    /// Whether the client, which sends no more, waits for an answer to a request that it sent whole.
    fn has_asked_its_last(&self) -> bool {
        self.framing.place == Place::Between && self.pulse.is_exchanging()
    }

    /// Give away what fits of what is left; false if that is nothing.
    fn give_left(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let (now, later) = self.left.split_at(self.left.len().min(buffer.remaining()));
        buffer.put_slice(now);
        self.left = later;
        !now.is_empty()
    }
}

impl Inspect for Strictness {
    fn poll_read(
        &mut self,
        stream: Pin<&mut impl AsyncRead>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.refused {
            return Poll::Ready(if self.give_left(buffer) { Ok(()) } else { Err(malformed()) });
        }
        let before = buffer.filled().len();
        let polled = stream.poll_read(cx, buffer);
        let read = buffer.filled().get(before..).unwrap_or_default();
        if read.is_empty() && matches!(polled, Poll::Ready(Ok(()))) && self.has_asked_its_last() {
            // To hyper the end of what a client sends is the end of the client, which may want its answer all the same.
            // It is found again when that has gone.
            self.pulse.half_close();
            return Poll::Pending;
        }
        let followed = self.framing.follow(read);
        self.pulse.ahead(self.framing.has_begun());
        let Err(offence) = followed else { return polled };
        self.refused = true;
        let (Offence::InHead(keep) | Offence::InBody(keep)) = offence;
        buffer.set_filled(before + keep);
        if matches!(offence, Offence::InHead(_)) {
            self.left = NO_HEAD;
        }
        // A body ends where it can be followed no more. To end a stream without a byte would be to close it.
        if self.give_left(buffer) || keep > 0 { polled } else { Poll::Ready(Err(malformed())) }
    }
}

/// What is looked at of a line: names, lengths, chunk sizes with their extensions. None of them is longer.
const SEEN: usize = 256;

/// Where in the stream we are. Whatever it lets through, hyper frames in the same way; what only hyper refuses ends the
/// connection too, so the two cannot part.
#[derive(Default)]
struct Framing {
    place: Place,
    /// The beginning of a line whose end has not arrived.
    begun: Vec<u8>,
    /// The last byte of what has arrived was CR.
    returned: bool,
    chunked: bool,
    length: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    /// Before a request line; empty lines may come first (RFC 9112 section 2.2).
    #[default]
    Between,
    Fields,
    /// Of a body of known length, so many bytes are to come.
    Body(u64),
    ChunkSize,
    Chunk(u64),
    ChunkEnd,
    Trailers,
}

/// Where a message stops being one, as an offset into what was read.
#[derive(Debug, PartialEq, Eq)]
enum Offence {
    InHead(usize),
    InBody(usize),
}

/// A line that must not be there.
struct Wrong;

impl Framing {
    /// Whether the last byte was one of a message that goes on.
    fn has_begun(&self) -> bool {
        self.place != Place::Between || !self.begun.is_empty()
    }

    /// Go through what has arrived.
    fn follow(&mut self, bytes: &[u8]) -> Result<(), Offence> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            at += match self.place {
                Place::Body(left) => self.pass(rest, left, Place::Body, Place::Between),
                Place::Chunk(left) => self.pass(rest, left, Place::Chunk, Place::ChunkEnd),
                Place::Between | Place::Fields => self.line(rest).map_err(|end| Offence::InHead(at + end))?,
                Place::ChunkSize | Place::ChunkEnd | Place::Trailers => {
                    self.line(rest).map_err(|end| Offence::InBody(at + end))?
                }
            };
        }
        Ok(())
    }

    /// Pass over content.
    fn pass(&mut self, rest: &[u8], left: u64, more: fn(u64) -> Place, end: Place) -> usize {
        let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
        let left = left - here as u64;
        self.place = if left > 0 { more(left) } else { end };
        here
    }

    /// Pass over a line, or over as much of it as there is. Fails with the offset of its end.
    fn line(&mut self, rest: &[u8]) -> Result<usize, usize> {
        let Some(end) = memchr(b'\n', rest) else {
            let free = SEEN.saturating_sub(self.begun.len());
            self.begun.extend(rest.iter().take(free));
            self.returned = rest.ends_with(b"\r");
            return Ok(rest.len());
        };
        let here = rest.get(..end).unwrap_or_default();
        let returned = if here.is_empty() { self.returned } else { here.ends_with(b"\r") };
        self.returned = false;
        let judged = if !returned {
            Err(Wrong)
        } else if self.begun.is_empty() {
            self.judge(here.strip_suffix(b"\r").unwrap_or(here))
        } else {
            let mut whole = std::mem::take(&mut self.begun);
            let free = SEEN.saturating_sub(whole.len());
            whole.extend(here.iter().take(free));
            // What is cut stays too long to fit.
            let uncut = if whole.len() < SEEN { whole.strip_suffix(b"\r") } else { None };
            self.judge(uncut.unwrap_or(&whole))
        };
        judged.map(|()| end + 1).map_err(|Wrong| end)
    }

    /// Take in a line, of which everything up to `SEEN` is here.
    fn judge(&mut self, line: &[u8]) -> Result<(), Wrong> {
        self.place = match (self.place, line.is_empty()) {
            (Place::Between, true) => Place::Between,
            (Place::Between, false) => {
                (self.chunked, self.length) = (false, None);
                Place::Fields
            }
            (Place::Fields, false) => return self.field(line),
            (Place::Fields, true) if self.chunked => Place::ChunkSize,
            (Place::Fields, true) => self.length.filter(|&length| length > 0).map_or(Place::Between, Place::Body),
            (Place::ChunkSize, _) => match chunk_size(line)? {
                0 => Place::Trailers,
                size => Place::Chunk(size),
            },
            (Place::ChunkEnd, true) => Place::ChunkSize,
            (Place::Trailers, true) => Place::Between,
            (Place::Trailers, false) => Place::Trailers,
            (Place::ChunkEnd, false) | (Place::Body(_) | Place::Chunk(_), _) => return Err(Wrong),
        };
        Ok(())
    }

    /// A request says once at most where its body ends (RFC 9112 section 6.3).
    fn field(&mut self, line: &[u8]) -> Result<(), Wrong> {
        // Most names end here.
        if !line.first().is_some_and(|first| matches!(first, b'c' | b'C' | b't' | b'T')) {
            return Ok(());
        }
        if let Some(value) = value_of(line, b"content-length:") {
            let length = number(value, 10).filter(|_| fits(line)).ok_or(Wrong)?;
            return if self.chunked || self.length.replace(length).is_some() { Err(Wrong) } else { Ok(()) };
        }
        if let Some(value) = value_of(line, b"transfer-encoding:") {
            let only = value.eq_ignore_ascii_case(b"chunked") && fits(line) && self.length.is_none();
            return if !only || std::mem::replace(&mut self.chunked, true) { Err(Wrong) } else { Ok(()) };
        }
        Ok(())
    }
}

/// The value in a field line, if it has this name.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (begin, value) = line.split_at_checked(name.len())?;
    begin.eq_ignore_ascii_case(name).then(|| trim(value))
}

/// Whether a line was seen to its end.
fn fits(line: &[u8]) -> bool {
    line.len() < SEEN - 1
}

/// The size at the beginning of a chunk. What stands after it means nothing to anybody, but has to have the right form.
fn chunk_size(line: &[u8]) -> Result<u64, Wrong> {
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (size, extension) = line.split_at_checked(digits).ok_or(Wrong)?;
    let well_formed = match trim(extension).first() {
        None => extension.is_empty(),
        Some(first) => *first == b';' && !extension.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t'),
    };
    number(size, 16).filter(|_| well_formed && fits(line)).ok_or(Wrong)
}

/// Digits and nothing else.
fn number(digits: &[u8], radix: u32) -> Option<u64> {
    let add = |number: u64, byte: &u8| {
        let digit = char::from(*byte).to_digit(radix)?;
        number.checked_mul(radix.into())?.checked_add(digit.into())
    };
    if digits.is_empty() { None } else { digits.iter().try_fold(0, add) }
}

/// Without the white space a field may have around its value (RFC 9110 section 5.6.3).
fn trim(mut text: &[u8]) -> &[u8] {
    while let Some(rest) = text.strip_prefix(b" ").or_else(|| text.strip_prefix(b"\t")) {
        text = rest;
    }
    while let Some(rest) = text.strip_suffix(b" ").or_else(|| text.strip_suffix(b"\t")) {
        text = rest;
    }
    text
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the request is not framed as HTTP/1.1")
}

#[cfg(test)]
mod tests;
