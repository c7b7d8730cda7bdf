//! Texts that are JSON themselves.

use super::{Framing, Guide, Limits, Position, Replacement, Rewriter, Scalar, Stop};
use crate::select::State;

/// Texts within texts that are read as JSON; what is deeper is text.
const DEEPEST: u8 = 4;

/// What takes the place of a text that is an object or array, whose value has this state, or the text of one; the guide
/// says so of everything else.
pub(super) fn rewrite<G: Guide>(
    limits: Limits,
    embedded: u8,
    guide: &mut G,
    state: State,
    text: &str,
) -> Result<Replacement, Stop> {
    let is_tried = text.trim_ascii_start().starts_with(['{', '[', '"']) && embedded < DEEPEST;
    if !is_tried {
        return Ok(guide.rewrite(state, Scalar::Text(text)));
    }
    let mut rewriter = Rewriter::new(limits, Framing::Single, Position::start(state));
    rewriter.embedded = embedded + 1;
    let bytes = text.as_bytes();
    match rewriter.piece(guide, bytes, true) {
        Ok(piece) if piece.splices.is_empty() => Ok(Replacement::Keep),
        Ok(piece) => {
            let rewritten = String::from_utf8(piece.splices.apply(bytes));
            Ok(rewritten.map_or(Replacement::Null, Replacement::Text))
        }
        Err(Stop::Blocked) => Err(Stop::Blocked),
        Err(Stop::Malformed { .. } | Stop::Incomplete | Stop::Beyond(_)) => {
            Ok(guide.rewrite(state, Scalar::Text(text)))
        }
    }
}
