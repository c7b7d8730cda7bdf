//! Where in the text of a path the parser is.

use super::PathError;

/// Where in a text the parser is.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes back to where the parser was.
    pub(super) fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Steps over `token` if it is next.
    pub(super) fn eat(&mut self, token: &str) -> bool {
        let is_next = self.rest().starts_with(token);
        if is_next {
            self.at += token.len();
        }
        is_next
    }

    /// Steps over what is next for as long as `fits`, and gives it.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = rest.find(|c| !fits(c)).map_or(rest, |end| rest.get(..end).unwrap_or_default());
        self.at += taken.len();
        taken
    }

    pub(super) fn skip_blanks(&mut self) {
        self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
    }

    pub(super) fn expect(&mut self, token: &str, reason: &'static str) -> Result<(), PathError> {
        if self.eat(token) { Ok(()) } else { Err(self.invalid(reason)) }
    }

    pub(super) fn invalid(&self, reason: &'static str) -> PathError {
        PathError::Invalid { at: self.at, reason }
    }
}
