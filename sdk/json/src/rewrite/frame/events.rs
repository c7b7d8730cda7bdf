//! Events of a stream (HTML standard, section 9.2.5), with documents as their data.

use super::{Line, line_end};
use crate::rewrite::lex;
use crate::rewrite::pass::Pass;
use crate::rewrite::{Guide, Replacement, Scalar, Stop};

/// Data that passes though it is no JSON: what ends a stream of completions.
const WORDS: [&[u8]; 1] = [b"[DONE]"];
const MARK: &[u8] = "\u{feff}".as_bytes();
/// Fields of which only the value is looked at.
const FIELDS: [&[u8]; 3] = [b"event:", b"id:", b"retry:"];

impl<G: Guide> Pass<'_, G> {
    pub(super) fn events(&mut self, bytes: &[u8], last: bool) -> Result<usize, Stop> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.position.line {
                Line::First => {
                    if !last && rest.len() < MARK.len() && MARK.starts_with(rest) {
                        return Ok(at);
                    }
                    at += if rest.starts_with(MARK) { MARK.len() } else { 0 };
                    self.position.line = Line::Begin;
                }
                Line::AfterCr => {
                    let Some(byte) = rest.first() else { return Ok(at) };
                    at += usize::from(*byte == b'\n');
                    self.position.line = Line::Begin;
                }
                Line::Begin => match self.begin_line(bytes, at, last)? {
                    Some(next) => at = next,
                    None => return Ok(at),
                },
                Line::Data => {
                    let end = line_end(bytes, at);
                    at = self.line(bytes, at, end, last)?;
                    let Some(end) = end else { return Ok(at) };
                    at = self.end_line(bytes, end);
                }
                Line::Passing | Line::Dropping => {
                    let end = line_end(bytes, at);
                    let read = self.rest_of_line(bytes, at, end, last)?;
                    let Some(end) = end else { return Ok(read) };
                    at = self.end_line(bytes, end);
                }
            }
        }
    }

    /// See what line begins at an offset: where its content begins, or none where that is not known yet.
    fn begin_line(&mut self, bytes: &[u8], at: usize, last: bool) -> Result<Option<usize>, Stop> {
        let rest = bytes.get(at..).unwrap_or_default();
        let end = line_end(bytes, at);
        if rest.is_empty() {
            return Ok(None);
        }
        if end == Some(at) {
            self.end_document(at)?;
            self.position.has_word = false;
            return Ok(Some(self.end_line(bytes, at)));
        }
        let line = bytes.get(at..end.unwrap_or(bytes.len())).unwrap_or_default();
        let is_whole = end.is_some() || last;
        if !is_whole && (b"data: ".starts_with(line)) {
            return Ok(None);
        }
        match line.strip_prefix(b"data") {
            Some([]) => self.begin_data(at + line.len(), &[], true),
            Some([b':', content @ ..]) => {
                let content = content.strip_prefix(b" ").unwrap_or(content);
                self.begin_data(at + line.len() - content.len(), content, is_whole)
            }
            _ if self.inspects => self.inspect_line(at, line, is_whole),
            _ => {
                self.position.line = Line::Passing;
                Ok(Some(at))
            }
        }
    }

    /// See whether the data of an event is a word, which nothing else goes with.
    fn begin_data(&mut self, at: usize, content: &[u8], is_whole: bool) -> Result<Option<usize>, Stop> {
        if self.position.has_word {
            return Err(self.malformed(at));
        }
        if self.position.is_blank() {
            if is_whole && WORDS.contains(&content) {
                self.position.has_word = true;
                self.position.line = Line::Passing;
                return Ok(Some(at));
            }
            if !is_whole && WORDS.iter().any(|word| word.starts_with(content)) {
                return Ok(None);
            }
        }
        self.position.line = Line::Data;
        Ok(Some(at))
    }

    /// Look at a field or comment as a text nobody selected.
    fn inspect_line(&mut self, at: usize, line: &[u8], is_whole: bool) -> Result<Option<usize>, Stop> {
        let named = FIELDS.iter().find(|field| line.starts_with(field)).map_or(0, |field| field.len());
        let name = if line.starts_with(b":") { 1 } else { named };
        let content = line.get(name..).unwrap_or_default();
        let start = at + line.len() - content.len();
        let is_long = content.len() > usize::from(self.limits.value);
        if !is_whole && !is_long {
            return Ok(None);
        }
        let replacement = if is_long {
            self.guide.rewrite(self.position.root, Scalar::TooLong)
        } else {
            let text = std::str::from_utf8(content).map_err(|error| self.malformed(start + error.valid_up_to()))?;
            self.guide.inspect(text)
        };
        let text = match replacement {
            Replacement::Keep => {
                self.position.line = Line::Passing;
                return Ok(Some(start));
            }
            Replacement::Null => String::new(),
            Replacement::Text(text) => text,
            Replacement::Block => return Err(Stop::Blocked),
        };
        // What has no name of its own becomes a comment, lest the text be taken for a field.
        let mark = if name == 0 { ":" } else { "" };
        let text = text.replace(['\r', '\n'], " ");
        self.splices.replace(start, start, |out| out.extend([mark, &text].concat().bytes()));
        self.position.line = Line::Dropping;
        Ok(Some(start))
    }

    /// Read on in a line that passes or is dropped.
    fn rest_of_line(&mut self, bytes: &[u8], at: usize, end: Option<usize>, last: bool) -> Result<usize, Stop> {
        let rest = bytes.get(at..end.unwrap_or(bytes.len())).unwrap_or_default();
        let length = lex::utf8(rest, end.is_none() && !last).map_err(|bad| self.malformed(at + bad))?;
        if self.position.line == Line::Dropping {
            self.splices.remove(at, at + length);
        }
        Ok(at + length)
    }

    fn end_line(&mut self, bytes: &[u8], end: usize) -> usize {
        let is_cr = bytes.get(end) == Some(&b'\r');
        self.position.line = if is_cr { Line::AfterCr } else { Line::Begin };
        end + 1
    }
}
