//! Blackens a word in whole response bodies, and says in the head how often.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Redact {
    word: String,
}

impl Policy for Redact {
    fn interest(&self) -> Interest {
        Interest::new()
            .response_write("x-test-redacted")
            .response_body(BodyInterest::buffered(64 * 1024, ["application/json"]).edit())
    }
}

impl BodyPhase for Redact {
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        let word = self.word.as_bytes();
        let mut splices = Splices::new();
        let mut at = 0;
        while at + word.len() <= body.len() {
            if body[at..].starts_with(word) {
                let (offset, remove) = (at as u32, word.len() as u32);
                splices.put(offset, remove, b"***");
                at += word.len();
            } else {
                at += 1;
            }
        }
        let edits = Edits::new().set("x-test-redacted", splices.len().to_string());
        BodyEdits::new(Change::Splice(splices)).head(edits).into()
    }
}

lockgate_sdk::export!(Redact: BodyPhase);
