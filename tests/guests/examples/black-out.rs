//! Blackens a word in bodies as they pass, wherever they are cut.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlackOut {
    word: String,
}

impl Policy for BlackOut {
    fn interest(&self) -> Interest {
        let bodies = || BodyInterest::chunked(0, ["text/*"]).edit().pass_other();
        Interest::new().request_body(bodies()).response_body(bodies())
    }
}

impl BodyPhase for BlackOut {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        let word = self.word.as_bytes();
        let mut splices = Splices::new();
        let mut at = 0;
        while at < chunk.len() {
            let rest = &chunk[at..];
            if rest.starts_with(word) {
                splices.put(at as u32, word.len() as u32, b"***");
                at += word.len();
            } else if !last && word.starts_with(rest) {
                return ChunkEdits::new(Change::Splice(splices)).hold(rest.len()).into();
            } else {
                at += 1;
            }
        }
        ChunkEdits::new(Change::Splice(splices)).into()
    }
}

lockgate_sdk::export!(BlackOut: BodyPhase);
