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
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> (Action, Option<Edits>) {
        let splice = |offset, remove| Splice { offset, remove, insert: Vec::new() };
        let action = match body {
            b"replace" => Action::Replace(b"other".to_vec()),
            b"splice" => Action::Splice(vec![splice(0, 1)]),
            b"respond" => Response::new(200).into(),
            b"trap" => std::process::abort(),
            b"fail and edit" => Action::Fail(Failure::Dependency),
            _ => Action::Pass,
        };
        let edits = body.ends_with(b"edit").then(|| Edits::new().set("x-other", "1"));
        (action, edits)
    }
}

lockgate_sdk::export!(WrongBody: BodyPhase);
