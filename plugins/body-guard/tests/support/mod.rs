//! Sends bodies through the guard as the gateway does: piece by piece, with the state carried between calls.

use lockgate_plugin_body_guard::BodyGuard;
use lockgate_sdk::{Action, BodyPhase, Direction};

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
        let (action, next) = guard.on_chunk(Direction::Request, piece, last, &state);
        assert!(next.len() <= 4096, "the state has {} bytes", next.len());
        state = next;
        match action {
            Action::Pass => {}
            Action::Respond(response) => {
                return Outcome::Refused(response.status_code(), response.text());
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    Outcome::Accepted
}
