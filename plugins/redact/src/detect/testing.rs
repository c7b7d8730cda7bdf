//! What tests of detectors share.

use super::{Detectors, Kind};

/// The parts of a text that detectors of these kinds find.
pub(super) fn spans<'t>(kinds: &[Kind], text: &'t str) -> Vec<&'t str> {
    let mut found = Vec::new();
    Detectors::new(kinds.iter().copied().collect()).find(text, &mut found);
    found.into_iter().map(|hit| &text[hit.start..hit.end]).collect()
}
