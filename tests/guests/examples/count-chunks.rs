//! Counts request bodies in pieces and refuses what is longer than configured.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountChunks {
    most: u64,
}

impl Policy for CountChunks {
    fn interest(&self) -> Interest {
        Interest::new().may_respond().request_body(BodyInterest::chunked(0, ["*/*"]))
    }
}

impl BodyPhase for CountChunks {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], _last: bool, state: &[u8]) -> Verdict<ChunkEdits> {
        let before = state.try_into().map_or(0, u64::from_le_bytes);
        let now = before + chunk.len() as u64;
        if now > self.most {
            return Response::new(413).body(format!("{} is the most", self.most)).into();
        }
        ChunkEdits::new(Change::Keep).state(now.to_le_bytes()).into()
    }
}

lockgate_sdk::export!(CountChunks: BodyPhase);
