//! Events of a stream (HTML standard, section 9.2.5), with documents as their data.

use super::{Line, line_end};
use crate::rewrite::pass::Pass;
use crate::rewrite::{Guide, Replacement, Scalar, Stop};

/// Data that passes though it is no JSON: what ends a stream of completions.
const WORDS: [&str; 1] = ["[DONE]"];
const MARK: char = '\u{feff}';
/// Fields of which only the value is looked at.
const FIELDS: [&str; 3] = ["event:", "id:", "retry:"];

impl<G: Guide> Pass<'_, G> {
    pub(super) fn events(&mut self, text: &str, last: bool) -> Result<usize, Stop> {
        let mut at = 0;
        loop {
            let rest = text.get(at..).unwrap_or_default();
            match self.position.line {
                Line::First => {
                    if rest.is_empty() {
                        return Ok(at);
                    }
                    at += if rest.starts_with(MARK) { MARK.len_utf8() } else { 0 };
                    self.position.line = Line::Begin;
                }
                Line::AfterCr => {
                    if rest.is_empty() {
                        return Ok(at);
                    }
                    at += usize::from(rest.starts_with('\n'));
                    self.position.line = Line::Begin;
                }
                Line::Begin => match self.begin_line(text, at, last)? {
                    Some(next) => at = next,
                    None => return Ok(at),
                },
                Line::Data => {
                    let end = line_end(text, at);
                    at = self.line(text, at, end, last)?;
                    let Some(end) = end else { return Ok(at) };
                    at = self.end_line(text, end);
                }
                Line::Passing | Line::Dropping => {
                    let end = line_end(text, at);
                    let read = end.unwrap_or(text.len());
                    if self.position.line == Line::Dropping {
                        self.remove(at, read);
                    }
                    if end.is_none() {
                        return Ok(read);
                    }
                    at = self.end_line(text, read);
                }
            }
        }
    }

    /// See what line begins at an offset: where its content begins, or none where that is not known yet.
    fn begin_line(&mut self, text: &str, at: usize, last: bool) -> Result<Option<usize>, Stop> {
        let rest = text.get(at..).unwrap_or_default();
        let end = line_end(text, at);
        if rest.is_empty() {
            return Ok(None);
        }
        if end == Some(at) {
            self.end_document(at)?;
            self.position.has_word = false;
            return Ok(Some(self.end_line(text, at)));
        }
        let line = text.get(at..end.unwrap_or(text.len())).unwrap_or_default();
        let is_whole = end.is_some() || last;
        if !is_whole && ("data: ".starts_with(line)) {
            return Ok(None);
        }
        if line == "data" {
            return self.begin_data(at + line.len(), "", true);
        }
        match line.strip_prefix("data:") {
            Some(content) => {
                let content = content.strip_prefix(' ').unwrap_or(content);
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
    fn begin_data(&mut self, at: usize, content: &str, is_whole: bool) -> Result<Option<usize>, Stop> {
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
    fn inspect_line(&mut self, at: usize, line: &str, is_whole: bool) -> Result<Option<usize>, Stop> {
        let named = FIELDS.iter().find(|field| line.starts_with(*field)).map_or(0, |field| field.len());
        let name = if line.starts_with(':') { 1 } else { named };
        let content = line.get(name..).unwrap_or_default();
        let start = at + line.len() - content.len();
        let is_long = content.len() > usize::from(self.limits.value);
        if !is_whole && !is_long {
            return Ok(None);
        }
        let replacement =
            if is_long { self.guide.rewrite(self.position.root, Scalar::TooLong) } else { self.guide.inspect(content) };
        let text = match replacement {
            Replacement::Keep => {
                self.position.line = Line::Passing;
                return Ok(Some(start));
            }
            Replacement::Null => String::new(),
            Replacement::Text(text) | Replacement::Number(text) => text,
            Replacement::Block => return Err(Stop::Blocked),
        };
        // What has no name of its own becomes a comment, lest the text be taken for a field.
        let mark = if name == 0 { ":" } else { "" };
        let text = text.replace(['\r', '\n'], " ");
        self.replace(start, start, |out| out.extend([mark, &text].concat().bytes()));
        self.position.line = Line::Dropping;
        Ok(Some(start))
    }

    fn end_line(&mut self, text: &str, end: usize) -> usize {
        let is_cr = text.as_bytes().get(end) == Some(&b'\r');
        self.position.line = if is_cr { Line::AfterCr } else { Line::Begin };
        end + 1
    }
}
