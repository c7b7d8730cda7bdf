//! Declares little and edits what it was not given: the request says what.

use lockgate_guests::{asked, listening};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct WrongEdit {}

impl Policy for WrongEdit {
    fn interest(&self) -> Interest {
        listening().request_write("x-test-*")
    }
}

impl RequestPhase for WrongEdit {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        // The first edit is allowed, so that a test can see that the whole verdict was dropped.
        let edits = Edits::new().set("x-test-edited", "1");
        match asked(head) {
            None => edits.into(),
            Some("undeclared") => edits.set("x-other", "1").into(),
            Some("undeclared-remove") => edits.remove("accept").into(),
            Some("authorization") => edits.set("authorization", "Bearer forged").into(),
            Some("content-length") => edits.set("content-length", "0").into(),
            Some("transfer-encoding") => edits.append("transfer-encoding", "chunked").into(),
            Some("pseudo") => edits.set(":path", "/").into(),
            Some("crlf") => edits.set("x-test-a", "1\r\nx-other: 2").into(),
            Some("nul") => edits.set("x-test-a", "1\0").into(),
            Some("name") => edits.set("x-test-a b", "1").into(),
            Some("target") => edits.target("/elsewhere").into(),
            Some("status") => edits.status(200).into(),
            Some("attribute") => edits.attribute("auth.sub", "forged").into(),
            Some("state") => edits.state(vec![0; 4097]).into(),
            Some("many") => (0..1000).fold(edits, |edits, _| edits.append("x-test-a", "1")).into(),
            Some("respond") => Response::new(200).into(),
            Some(_) => Verdict::Fail(Failure::BadInput),
        }
    }
}

lockgate_sdk::export!(WrongEdit: RequestPhase);
