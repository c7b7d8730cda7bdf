//! May change request bodies, and names pieces that are not there: the body says how.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct WrongSplice {}

impl Policy for WrongSplice {
    fn interest(&self) -> Interest {
        Interest::new().request_body(BodyInterest::buffered(1024, ["text/plain"]).edit())
    }
}

impl BodyPhase for WrongSplice {
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        let splice = |offset, remove| Splice { offset, remove, insert: b"-".to_vec() };
        let splices = match body {
            b"overlapping" => vec![splice(0, 5), splice(3, 2)],
            b"descending" => vec![splice(5, 1), splice(0, 1)],
            b"beyond" => vec![splice(3, 1000)],
            b"far" => vec![splice(u32::MAX, u32::MAX)],
            _ => vec![splice(0, 1)],
        };
        Change::Splice(splices).into()
    }
}

lockgate_sdk::export!(WrongSplice: BodyPhase);
