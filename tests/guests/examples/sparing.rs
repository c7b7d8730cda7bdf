//! Has no use for heads, and answers with 500 where it is asked about one; takes bodies in small pieces, of which it leaves the lengths.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sparing {
    piece: u32,
}

impl Policy for Sparing {
    fn interest(&self) -> Interest {
        let body = BodyInterest::chunked(0, ["*/*"]).edit().max_piece(self.piece);
        Interest::new().idle_on_request().idle_on_response().may_respond().response_body(body)
    }
}

impl RequestPhase for Sparing {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        Response::new(500).into()
    }
}

impl ResponsePhase for Sparing {
    fn on_response(&self, _head: &Head<'_>, _state: &[u8]) -> Verdict {
        Response::new(500).into()
    }
}

impl BodyPhase for Sparing {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], _last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        Change::Replace(format!("{} ", chunk.len()).into_bytes()).into()
    }
}

lockgate_sdk::export!(Sparing: RequestPhase + ResponsePhase + BodyPhase);
