//! Looks at request bodies and breaks the rules for that: the body says how.

use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct WrongBody {}

impl Policy for WrongBody {
    fn interest(&self) -> Interest {
        Interest::new().request_body(BodyInterest::buffered(1024, ["text/plain"]))
    }
}

impl BodyPhase for WrongBody {
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        match body {
            b"replace" => Change::Replace(b"other".to_vec()).into(),
            b"splice" => {
                let mut splices = Splices::new();
                splices.put(0, 1, b"");
                Change::Splice(splices).into()
            }
            b"respond" => Response::new(200).into(),
            b"trap" => std::process::abort(),
            b"edit" => BodyEdits::new(Change::Keep).head(Edits::new().set("x-other", "1")).into(),
            _ => Verdict::Pass,
        }
    }
}

lockgate_sdk::export!(WrongBody: BodyPhase);
