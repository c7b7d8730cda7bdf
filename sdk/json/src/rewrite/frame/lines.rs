//! A document on each line.

use super::line_end;
use crate::rewrite::pass::Pass;
use crate::rewrite::{Guide, Stop};

impl<G: Guide> Pass<'_, G> {
    pub(super) fn lines(&mut self, text: &str, last: bool) -> Result<usize, Stop> {
        let mut at = 0;
        loop {
            let end = line_end(text, at);
            at = self.line(text, at, end, last)?;
            let Some(end) = end else { return Ok(at) };
            self.end_document(end)?;
            at = end + 1;
        }
    }
}
