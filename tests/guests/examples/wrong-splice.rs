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
        let pieces: &[(u32, u32)] = match body {
            b"overlapping" => &[(0, 5), (3, 2)],
            b"descending" => &[(5, 1), (0, 1)],
            b"beyond" => &[(3, 1000)],
            b"far" => &[(u32::MAX, u32::MAX)],
            _ => &[(0, 1)],
        };
        let mut splices = Splices::new();
        pieces.iter().for_each(|(offset, remove)| splices.put(*offset, *remove, b"-"));
        Change::Splice(splices).into()
    }
}

lockgate_sdk::export!(WrongSplice: BodyPhase);
