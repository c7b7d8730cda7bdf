//! Asks a service where there is a body, for what the body says, and puts what it hears in its place: as a whole, piece by piece, or as the answer itself.

use lockgate_sdk::egress::{self, Call, Error};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskBodies {
    /// Take bodies piece by piece.
    #[serde(default)]
    pieces: bool,
}

impl Policy for AskBodies {
    fn interest(&self) -> Interest {
        let body = match self.pieces {
            true => BodyInterest::chunked(0, ["*/*"]),
            false => BodyInterest::buffered(64 * 1024, ["*/*"]),
        };
        Interest::new().request_write("x-test-heard").request_body(body.edit()).egress("idp")
    }
}

fn heard(target: &[u8]) -> String {
    let target = String::from_utf8_lossy(target);
    match egress::send("idp", &Call::new("GET", &target)) {
        Ok(reply) => format!("{target}: {} {}", reply.status(), String::from_utf8_lossy(reply.body())),
        Err(Error::Denied) => format!("{target}: denied"),
        Err(_) => format!("{target}: no answer"),
    }
}

impl BodyPhase for AskBodies {
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        let head = Edits::new().set("x-test-heard", "whole");
        BodyEdits::new(Change::Replace(heard(body).into_bytes())).head(head).into()
    }

    fn on_chunk(&self, _direction: Direction, chunk: &[u8], last: bool, state: &[u8]) -> Verdict<ChunkEdits> {
        let so_far = [state, chunk].concat();
        match last {
            true => Change::Replace(heard(&so_far).into_bytes()).into(),
            false => ChunkEdits::new(Change::Replace(Vec::new())).state(so_far).into(),
        }
    }
}

impl Responder for AskBodies {
    fn respond(&self, _head: &Head<'_>, body: &[u8]) -> Result<Response, Failure> {
        Ok(Response::new(200).body(heard(body)))
    }
}

lockgate_sdk::export!(AskBodies: BodyPhase + Responder);
