//! How documents are told apart in a body.

mod events;
mod lines;

use super::pass::{Pass, Stretch};
use super::position::codes;
use super::{Guide, Stop};

/// How documents are told apart in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The body is one document (`application/json`).
    Single,
    /// A document on each line that is not empty (`application/x-ndjson`). A document does not go over a line end.
    Lines,
    /// A document in the data of each event (`text/event-stream`, as the HTML standard has it), over one or several lines.
    /// Events without data pass, and so does `[DONE]`; other fields and comments are texts nobody selected.
    Events,
}

codes! {
    /// Where in a line of an event stream a rewriter stands.
    Line {
        /// Before the first, where a byte order mark may be.
        First,
        /// At the beginning.
        Begin,
        /// At the beginning, after a CR, of whose line end an LF would be the rest.
        AfterCr,
        /// In data.
        Data,
        /// In something that passes.
        Passing,
        /// In something that is dropped.
        Dropping,
    }
}

impl<G: Guide> Pass<'_, G> {
    /// Read a piece, and say how far that went.
    pub(super) fn framed(&mut self, framing: Framing, bytes: &[u8], last: bool) -> Result<usize, Stop> {
        let (text, bad) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let valid = bytes.split_at(error.valid_up_to()).0;
                let is_cut = error.error_len().is_none() && !last;
                (std::str::from_utf8(valid).unwrap_or_default(), (!is_cut).then_some(valid.len()))
            }
        };
        // What comes before a fault is read as if there were none, so that it does not matter whether both come in one piece.
        let last = last && bad.is_none();
        let read = match framing {
            Framing::Single => self.read(Stretch { text, is_closed: last }, 0),
            Framing::Lines => self.lines(text, last),
            Framing::Events => self.events(text, last),
        };
        let end = self.malformed(bytes.len());
        let may_be_none = framing != Framing::Single && self.position.is_blank();
        match read {
            Ok(_) if let Some(bad) = bad => Err(self.malformed(bad)),
            Ok(_) if last && !may_be_none && !self.position.is_complete() => Err(Stop::Incomplete),
            Err(stop) if last && stop == end => Err(Stop::Incomplete),
            read => read,
        }
    }

    /// Read a line of a document: to its end if that has come or is the end of the body.
    fn line(&mut self, text: &str, at: usize, end: Option<usize>, last: bool) -> Result<usize, Stop> {
        let line = end.and_then(|end| text.get(..end));
        self.read(Stretch { text: line.unwrap_or(text), is_closed: line.is_some() || last }, at)
    }

    /// The end of a document, or of nothing; the next may begin.
    fn end_document(&mut self, at: usize) -> Result<(), Stop> {
        if self.position.is_complete() {
            self.position.restart();
        } else if !self.position.is_blank() {
            return Err(self.malformed(at));
        }
        Ok(())
    }
}

/// Where the line ends that goes on at `at`.
fn line_end(text: &str, at: usize) -> Option<usize> {
    memchr::memchr2(b'\r', b'\n', text.as_bytes().get(at..)?).map(|length| at + length)
}
