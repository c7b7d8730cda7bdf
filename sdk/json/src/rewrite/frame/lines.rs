//! A document on each line.

use super::line_end;
use crate::rewrite::pass::Pass;
use crate::rewrite::{Guide, Stop};

impl<G: Guide> Pass<'_, G> {
    pub(super) fn lines(&mut self, bytes: &[u8], last: bool) -> Result<usize, Stop> {
        let mut at = 0;
        loop {
            let end = line_end(bytes, at);
            at = self.line(bytes, at, end, last)?;
            let Some(end) = end else { return Ok(at) };
            self.end_document(end)?;
            at = end + 1;
        }
    }
}
