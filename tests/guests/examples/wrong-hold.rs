//! Holds more of a body than it may: the configuration says which rule it breaks.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrongHold {
    how: How,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    /// More than there is.
    More,
    /// Without end.
    All,
    /// Of the last piece.
    Last,
    /// As much as it may.
    Fine,
}

impl Policy for WrongHold {
    fn interest(&self) -> Interest {
        Interest::new().request_body(BodyInterest::chunked(0, ["text/plain"]))
    }
}

impl BodyPhase for WrongHold {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        let hold = match self.how {
            How::More => chunk.len() + 1,
            How::All if !last => chunk.len(),
            How::Last if last => 1,
            How::Fine if !last => chunk.len().min(32 * 1024),
            How::All | How::Last | How::Fine => 0,
        };
        ChunkEdits::new(Change::Keep).hold(hold).into()
    }
}

lockgate_sdk::export!(WrongHold: BodyPhase);
