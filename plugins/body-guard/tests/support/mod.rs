//! Sends bodies through the guard as the gateway does: piece by piece, with the state carried between calls.

use lockgate_plugin_body_guard::BodyGuard;
use lockgate_sdk::{BodyPhase, Change, Direction, Verdict};

/// What became of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    /// The status and the problem document.
    Refused(u16, String),
}

/// All at once.
pub(crate) fn whole(guard: &BodyGuard, text: &[u8]) -> Outcome {
    in_pieces(guard, [text])
}

/// In two pieces.
#[allow(dead_code, reason = "not every test file splits")]
pub(crate) fn split_at(guard: &BodyGuard, text: &[u8], at: usize) -> Outcome {
    let (head, tail) = text.split_at(at);
    in_pieces(guard, [head, tail])
}

/// In any pieces, then the end without bytes.
pub(crate) fn in_pieces<'a>(guard: &BodyGuard, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut state = Vec::new();
    let ends = [(&b""[..], true)];
    for (piece, last) in pieces.into_iter().map(|piece| (piece, false)).chain(ends) {
        match guard.on_chunk(Direction::Request, piece, last, &state) {
            Verdict::Pass => {}
            Verdict::Edit(edits) => {
                assert_eq!(edits.bytes(), &Change::Keep);
                state = edits.new_state().unwrap().to_vec();
                assert!(state.len() <= 4096, "the state has {} bytes", state.len());
            }
            Verdict::Respond(response) => {
                return Outcome::Refused(response.status_code(), response.text());
            }
            Verdict::Fail(failure) => panic!("unexpected {failure:?}"),
        }
    }
    Outcome::Accepted
}
