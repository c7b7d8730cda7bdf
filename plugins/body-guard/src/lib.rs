//! The policy `body-guard`: reads JSON bodies of requests as they arrive and refuses what is malformed or beyond a limit.

mod config;
mod json;
mod limit;
mod refusal;
mod state;
mod step;

use config::{Config, Other};
use json::Reader;
use lockgate_sdk::prelude::*;
use lockgate_sdk::{export, metrics};
use refusal::Refusal;
use state::Position;

/// A guard with its limits.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub struct BodyGuard {
    config: Config,
}

impl Policy for BodyGuard {
    fn interest(&self) -> Interest {
        let config = &self.config;
        let body = BodyInterest::chunked(config.max_bytes.get(), config.content_types());
        let interest = Interest::new().may_respond();
        match config.other {
            Other::Refuse => interest.request_read("content-length").request_body(body),
            Other::Pass => interest.request_body(body.pass_other()),
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        self.config.check()
    }
}

impl RequestPhase for BodyGuard {
    /// Answers before any of the body is read where the client says that it is too long. With `other = "pass"` the
    /// length may be that of a body nobody asked to be limited; the field is not read then, and the host counts what
    /// arrives.
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        let max_bytes = self.config.max_bytes.get();
        let announced = head.text("content-length").and_then(|text| text.parse().ok());
        match announced {
            Some(length) if max_bytes < length => refuse(Refusal::TooLong { max_bytes }).into(),
            _ => Verdict::Pass,
        }
    }
}

impl BodyPhase for BodyGuard {
    fn on_chunk(&self, _direction: Direction, chunk: &[u8], last: bool, state: &[u8]) -> Verdict<ChunkEdits> {
        let Some(limits) = self.config.limits() else { return Verdict::Pass };
        let Some(position) = Position::decode(state) else { return Failure::Internal.into() };
        let mut reader = Reader::resume(&limits, position);
        let read = reader.feed(chunk);
        let result = if last { read.and_then(|()| reader.finish()) } else { read };
        match result {
            Ok(()) if last => Verdict::Pass,
            Ok(()) => ChunkEdits::new(Change::Keep).state(reader.suspend().encode()).into(),
            Err(refusal) => refuse(refusal).into(),
        }
    }
}

fn refuse(refusal: Refusal) -> Response {
    metrics::count("refused", 1, &[("why", refusal.why())]);
    refusal.response()
}

export!(BodyGuard: RequestPhase + BodyPhase);
