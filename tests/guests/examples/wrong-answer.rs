//! May answer itself, and does so wrongly: the request says how.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct WrongAnswer {}

impl Policy for WrongAnswer {
    fn interest(&self) -> Interest {
        listening().may_respond()
    }
}

impl RequestPhase for WrongAnswer {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        match asked(head) {
            None => Response::new(200).body("right").into(),
            Some("status-low") => Response::new(101).into(),
            Some("status-high") => Response::new(600).into(),
            Some("content-length") => Response::new(200).field("content-length", "5").into(),
            Some("connection") => Response::new(200).field("connection", "upgrade").into(),
            Some("crlf") => Response::new(200).field("x-test-a", "1\r\nx-other: 2").into(),
            Some(_) => Verdict::Fail(Failure::BadInput),
        }
    }
}

lockgate_sdk::export!(WrongAnswer: RequestPhase);
