//! Texts that are JSON themselves.

use super::{Framing, Guide, Limits, Position, Replacement, Rewriter, Scalar, Stop, Treatment};
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
    let bytes = text.as_bytes();
    let rewriter = |state| {
        let rewriter = Rewriter::new(limits, Framing::Single, Position::start(state));
        Rewriter { embedded: embedded + 1, ..rewriter }
    };
    match rewriter(state).piece(guide, bytes, true) {
        Ok(piece) if piece.splices.is_empty() => Ok(Replacement::Keep),
        Ok(piece) => {
            let rewritten = String::from_utf8(piece.splices.apply(bytes));
            Ok(rewritten.map_or(Replacement::Null, Replacement::Text))
        }
        // What it begins with does not matter where it goes on as no JSON does.
        Err(Stop::Blocked) if rewriter(State::QUIET).piece(&mut Nobody, bytes, true).is_ok() => Err(Stop::Blocked),
        Err(_) => Ok(guide.rewrite(state, Scalar::Text(text))),
    }
}

/// Asks for nothing.
struct Nobody;

impl Guide for Nobody {
    fn member(&self, at: State, _name: &str) -> State {
        at
    }

    fn item(&self, at: State, _index: u32) -> State {
        at
    }

    fn is_quiet(&self, _at: State) -> bool {
        true
    }

    fn treatment(&self, _at: State) -> Treatment {
        Treatment::Keep
    }

    fn rewrite(&mut self, _at: State, _value: Scalar<'_>) -> Replacement {
        Replacement::Keep
    }
}
