//! A configured policy, asked as the gateway asks it: a head, then the body in pieces, held bytes again before what comes next.
#![allow(dead_code, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper fails the test that calls it")]

use lockgate_plugin_redact::Redact;
use lockgate_sdk::prelude::*;
use lockgate_sdk::testing::{self, Facts};

pub(crate) const ORDER: &str = include_str!("../documents/order.json");
pub(crate) const BUNDLE: &str = include_str!("../documents/patient.json");

/// What policies before this one found out.
pub(crate) type Who = [(&'static str, &'static str)];

/// A policy of this configuration, as JSON.
pub(crate) fn configured(config: &str) -> Redact {
    match testing::configure(config) {
        Ok(policy) => policy,
        Err(faults) => panic!("{faults:?}"),
    }
}

/// What is wrong with a configuration: `path: message`.
pub(crate) fn faults(config: &str) -> Vec<String> {
    match testing::configure::<Redact>(config) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.into_iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect(),
    }
}

/// A message of which the body is to be judged.
pub(crate) struct Message<'m> {
    pub(crate) direction: Direction,
    pub(crate) route: &'m str,
    pub(crate) status: u16,
    pub(crate) media_type: &'m str,
    pub(crate) who: &'m Who,
}

impl Default for Message<'_> {
    fn default() -> Self {
        let (direction, media_type) = (Direction::Response, "application/json");
        Self { direction, route: "getOrder", status: 200, media_type, who: &[] }
    }
}

impl Message<'_> {
    /// The body as it goes on, however it is cut; or the status of what is answered instead.
    pub(crate) fn judged(&self, policy: &Redact, body: &str) -> Result<String, u16> {
        let whole = self.judged_whole(policy, body);
        for piece in [1, 2, 7, 64] {
            let cut = self.judged_in(policy, body, &[piece]);
            assert_eq!(cut, whole, "in pieces of {piece}");
        }
        whole
    }

    /// What becomes of a body that ends without any bytes.
    pub(crate) fn ended(&self, policy: &Redact) -> Result<(), u16> {
        let head =
            Facts::response().status(self.status).route(self.route).field("content-type", self.media_type).build();
        let verdict = policy.on_response(&head.head(), b"");
        let state = verdict.edits().and_then(|edits| edits.new_state()).unwrap_or_default();
        match policy.on_chunk(self.direction, b"", true, state) {
            Verdict::Respond(response) => Err(response.status_code()),
            _ => Ok(()),
        }
    }

    /// The same in one piece only.
    pub(crate) fn judged_whole(&self, policy: &Redact, body: &str) -> Result<String, u16> {
        self.judged_in(policy, body, &[body.len()])
    }

    /// The same in pieces of these lengths, again and again.
    pub(crate) fn judged_in(&self, policy: &Redact, body: &str, lengths: &[usize]) -> Result<String, u16> {
        let facts = match self.direction {
            Direction::Request => Facts::request(),
            Direction::Response => Facts::response().status(self.status),
        };
        let facts = facts.route(self.route).field("content-type", self.media_type);
        let head = self.who.iter().fold(facts, |facts, (name, value)| facts.attribute(name, value)).build();
        let verdict = match self.direction {
            Direction::Request => policy.on_request(&head.head()),
            Direction::Response => policy.on_response(&head.head(), b""),
        };
        let mut state = match verdict {
            Verdict::Edit(edits) => edits.new_state().unwrap_or_default().to_vec(),
            // Without a state to go on from, the body is not asked for.
            Verdict::Pass => return Ok(body.to_owned()),
            Verdict::Respond(response) => return Err(response.status_code()),
            Verdict::Fail(Failure::BadInput) => return Err(400),
            Verdict::Fail(failure) => panic!("{failure:?}"),
        };
        let (mut out, mut held) = (Vec::new(), Vec::new());
        let mut rest = body.as_bytes();
        let mut lengths = lengths.iter().cycle();
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*lengths.next().unwrap()));
            rest = later;
            let chunk = [std::mem::take(&mut held), piece.to_vec()].concat();
            let last = rest.is_empty();
            match policy.on_chunk(self.direction, &chunk, last, &state) {
                Verdict::Pass => out.extend(chunk),
                Verdict::Edit(edits) => {
                    let (now, later) = chunk.split_at(chunk.len() - edits.held());
                    assert!(edits.held() <= lockgate_sdk::MOST_HELD && !(last && edits.held() > 0));
                    out.extend(edits.bytes().apply(now));
                    held = later.to_vec();
                    state = edits.new_state().unwrap_or(&state).to_vec();
                    assert!(state.len() <= 4096);
                }
                Verdict::Respond(response) => return Err(response.status_code()),
                Verdict::Fail(Failure::BadInput) => return Err(400),
                Verdict::Fail(failure) => panic!("{failure:?}"),
            }
        }
        Ok(String::from_utf8(out).unwrap())
    }
}

/// The body of a response as somebody gets it.
pub(crate) fn seen(policy: &Redact, who: &Who, body: &str) -> String {
    let message = Message { who, ..Message::default() };
    message.judged(policy, body).unwrap()
}

/// The same, read.
pub(crate) fn read(policy: &Redact, who: &Who, body: &str) -> serde_json::Value {
    serde_json::from_str(&seen(policy, who, body)).unwrap()
}
