//! Misbehaves in the hook its configuration names, in the way a request asks for.

use lockgate_guests::asked;
use lockgate_sdk::prelude::*;
use lockgate_sdk::{clock, log};
use std::hint::black_box;

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum At {
    Request,
    Response,
    Body,
    Chunk,
    Responder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Misbehave {
    at: At,
}

impl Policy for Misbehave {
    fn interest(&self) -> Interest {
        let interest = Interest::new().request_read("x-test-break");
        match self.at {
            At::Request | At::Response | At::Responder => interest,
            At::Body => interest.request_body(BodyInterest::buffered(64, ["text/plain"])),
            At::Chunk => interest.request_body(BodyInterest::chunked(0, ["text/plain"])),
        }
    }
}

impl Misbehave {
    fn maybe(&self, here: At, how: &str) {
        if self.at == here {
            misbehave(how);
        }
    }
}

impl RequestPhase for Misbehave {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let how = asked(head).unwrap_or_default();
        self.maybe(At::Request, how);
        Edits::new().state(how).into()
    }
}

impl ResponsePhase for Misbehave {
    fn on_response(&self, _head: &Head<'_>, state: &[u8]) -> Verdict {
        self.maybe(At::Response, std::str::from_utf8(state).unwrap_or_default());
        Verdict::Pass
    }
}

impl BodyPhase for Misbehave {
    fn on_body(&self, _direction: Direction, body: &[u8], _state: &[u8]) -> Verdict<BodyEdits> {
        self.maybe(At::Body, std::str::from_utf8(body).unwrap_or_default());
        Verdict::Pass
    }

    fn on_chunk(&self, _direction: Direction, chunk: &[u8], _last: bool, _state: &[u8]) -> Verdict<ChunkEdits> {
        self.maybe(At::Chunk, std::str::from_utf8(chunk).unwrap_or_default());
        Verdict::Pass
    }
}

impl Responder for Misbehave {
    fn respond(&self, _head: &Head<'_>, body: &[u8]) -> Result<Response, Failure> {
        self.maybe(At::Responder, std::str::from_utf8(body).unwrap_or_default());
        Ok(Response::new(200).body(body))
    }
}

fn misbehave(how: &str) {
    match how {
        "spin" => loop {
            black_box(());
        },
        "trap" => std::process::abort(),
        "hoard" => {
            let mut kept: Vec<Vec<u8>> = Vec::new();
            loop {
                kept.push(black_box(vec![1; 64 * 1024]));
            }
        }
        "gulp" => drop(black_box(Vec::<u8>::with_capacity(1 << 30))),
        "recurse" => drop(black_box(deeper(black_box(1)))),
        "call" => loop {
            black_box(clock::unix_ms());
        },
        "shout" => log::info(&"s".repeat(3 * 1024 * 1024)),
        _ => {}
    }
}

fn deeper(level: u64) -> u64 {
    let frame = black_box([level; 16]);
    if black_box(level) == 0 {
        return 0;
    }
    deeper(level + 1) + frame[3]
}

lockgate_sdk::export!(Misbehave: RequestPhase + ResponsePhase + BodyPhase + Responder);
