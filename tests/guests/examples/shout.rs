//! Changes bodies of both directions as they pass, piece by piece: text to capitals.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct Shout {}

impl Policy for Shout {
    fn interest(&self) -> Interest {
        let text = || BodyInterest::chunked(0, ["text/*"]).edit().pass_other();
        Interest::new().request_body(text()).response_body(text())
    }
}

impl BodyPhase for Shout {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], _last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        Change::Replace(chunk.to_ascii_uppercase()).into()
    }
}

lockgate_sdk::export!(Shout: BodyPhase);
