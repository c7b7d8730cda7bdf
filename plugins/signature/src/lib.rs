//! The `signature` policy: HTTP Message Signatures (RFC 9421) with Content-Digest (RFC 9530), verified and made, of requests and
//! of responses.
//!
//! Both directions are one path: the hook on a head verifies and then signs; what needs the body waits for the hook on that.

mod algorithm;
mod base;
mod component;
mod config;
mod digest;
mod message;
mod origin;
mod parameters;
mod refusal;
mod sign;
mod state;
mod structured;
mod verify;

use component::{CONTENT_DIGEST, Component};
use config::{Config, Sign, Verify};
use digest::Content;
use lockgate_sdk::prelude::*;
use message::{Message, RequestValues};
use refusal::Refusal;
use sign::Draft;
use state::State;
use verify::{SIGNATURE, SIGNATURE_INPUT, Verified};

/// The identifier of the digest of a request, in a signature over its response.
const DIGEST_OF_REQUEST: &str = "\"content-digest\";req";
/// Attributes that later policies may read.
const KEY: &str = "signature.key";
const LABEL: &str = "signature.label";
const CONSUMER: &str = "signature.consumer";

/// The policy, ready for messages.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Signature {
    config: Config,
}

impl Policy for Signature {
    fn interest(&self) -> Interest {
        let interest = self.interest_in(Direction::Request, Interest::new().may_respond());
        let has_responses =
            self.config.verify(Direction::Response).is_some() || self.config.sign(Direction::Response).is_some();
        let interest = match has_responses {
            true => self.interest_in(Direction::Response, interest),
            false => interest.idle_on_response(),
        };
        let max_body = self.config.max_body();
        let body = || BodyInterest::buffered(max_body, ["*/*"]);
        match (self.config.reads_body(Direction::Request), self.config.reads_body(Direction::Response)) {
            (true, true) => interest.request_body(body()).response_body(body()),
            (true, false) => interest.request_body(body()),
            (false, true) => interest.response_body(body()),
            (false, false) => interest,
        }
    }

    fn check(&self) -> Result<(), Vec<ConfigError>> {
        let faults = self.config.faults();
        if faults.is_empty() { Ok(()) } else { Err(faults) }
    }
}

impl RequestPhase for Signature {
    fn on_request(&self, head: &Head<'_>) -> Verdict {
        self.decided(Direction::Request, self.head(Direction::Request, head, State::default()))
    }
}

impl ResponsePhase for Signature {
    fn on_response(&self, head: &Head<'_>, state: &[u8]) -> Verdict {
        let carried = State::decode(state);
        self.decided(Direction::Response, carried.and_then(|state| self.head(Direction::Response, head, state)))
    }
}

impl BodyPhase for Signature {
    fn on_body(&self, direction: Direction, body: &[u8], state: &[u8]) -> Verdict<BodyEdits> {
        let carried = State::decode(state);
        match carried.and_then(|state| self.body(direction, body, state)) {
            Ok(edits) if edits.is_empty() => Verdict::Pass,
            Ok(edits) => BodyEdits::new(Change::Keep).head(edits).into(),
            Err(refusal) => refusal.verdict(direction, None),
        }
    }
}

impl Signature {
    /// Verify a message by its head, and sign it as far as its head goes.
    fn head(&self, direction: Direction, head: &Head<'_>, carried: State) -> Result<Edits, Refusal> {
        let mut edits = Edits::new();
        let mut state = match direction {
            Direction::Request => self.request_values(head),
            Direction::Response => State::default(),
        };
        if let Some(config) = self.config.verify(direction) {
            let message = self.message(head, config.origin.as_ref(), &carried.to_verify);
            let verified = verify::verify(config, &message)?;
            if verified.covers_digest {
                state.digest = self.digest(direction, head)?;
            }
            edits = pass_on(config, direction, &verified, edits);
        }
        if let Some(config) = self.config.sign(direction) {
            let message = self.message(head, config.origin.as_ref(), &carried.to_sign);
            let draft = Draft::of(config, &message)?;
            edits = match Content::of(direction, head) {
                _ if !config.covers_digest() => draft.sign(config, None, edits)?,
                Content::None => self.sign_body(direction, draft, b"", &mut state, edits)?,
                Content::Some => {
                    state.draft = Some(draft);
                    edits
                }
                // Signed as if none follows; if one does, that signature takes the place of this.
                Content::Unknown => {
                    let edits = self.sign_body(direction, draft.clone(), b"", &mut state, edits)?;
                    state.draft = Some(draft);
                    edits
                }
            };
        }
        // What the request left is of the request: a body of the response is not to be compared with it.
        if state != State::default() || self.config.reads_body(direction) {
            edits = edits.state(state.encode()?);
        }
        Ok(edits)
    }

    /// Compare a body with what its head stated, and sign its head where that waited for it.
    fn body(&self, direction: Direction, body: &[u8], mut state: State) -> Result<Edits, Refusal> {
        if let Some(stated) = state.digest.take() {
            digest::compare(&stated, body)?;
        }
        match state.draft.take() {
            Some(draft) => {
                let edits = self.sign_body(direction, draft, body, &mut state, Edits::new())?;
                Ok(edits.state(state.encode()?))
            }
            None if self.config.sign(direction).is_some_and(Sign::covers_digest) => Err(Refusal::Internal),
            None => Ok(Edits::new()),
        }
    }

    /// Sign with the digest of a body. The response to a request may be signed over that digest.
    fn sign_body(
        &self,
        direction: Direction,
        draft: Draft,
        body: &[u8],
        state: &mut State,
        edits: Edits,
    ) -> Result<Edits, Refusal> {
        let config = self.config.sign(direction).ok_or(Refusal::Internal)?;
        let digest = config.digest.field(body);
        let is_asked = |config: &Verify| config.accepted().any(|it| it.identifier() == DIGEST_OF_REQUEST);
        if direction == Direction::Request && self.config.verify(Direction::Response).is_some_and(is_asked) {
            state.to_verify.insert(DIGEST_OF_REQUEST.to_owned(), digest.clone());
        }
        draft.sign(config, Some(&digest), edits)
    }

    /// What a head states of its body, to be compared when that is there. A body that was taken away leaves no call to compare it
    /// in, so that the head has to say whether there is one.
    fn digest(&self, direction: Direction, head: &Head<'_>) -> Result<Option<String>, Refusal> {
        let stated = digest::stated(head)?;
        match Content::of(direction, head) {
            Content::None => digest::compare(&stated, b"").map(|()| None),
            Content::Some => Ok(Some(stated)),
            Content::Unknown if digest::compare(&stated, b"").is_ok() => Ok(Some(stated)),
            Content::Unknown => Err(Refusal::LengthMissing),
        }
    }

    /// What of a request has to be known when its response is there.
    fn request_values(&self, head: &Head<'_>) -> State {
        let none = RequestValues::new();
        let mut state = State::default();
        if let Some(config) = self.config.verify(Direction::Response) {
            let message = self.message(head, config.origin.as_ref(), &none);
            state.to_verify = message.request_values(config.accepted());
        }
        if let Some(config) = self.config.sign(Direction::Response) {
            let message = self.message(head, config.origin.as_ref(), &none);
            state.to_sign = message.request_values(config.covered());
        }
        state
    }

    fn message<'a>(
        &'a self,
        head: &'a Head<'a>,
        origin: Option<&'a origin::Origin>,
        request: &'a RequestValues,
    ) -> Message<'a> {
        Message { head, origin, kinds: &self.config.structured, request }
    }

    fn decided(&self, direction: Direction, decided: Result<Edits, Refusal>) -> Verdict {
        match decided {
            Ok(edits) if edits.is_empty() => Verdict::Pass,
            Ok(edits) => edits.into(),
            Err(refusal) => refusal.verdict(direction, self.config.verify(direction).map(verify::wanted)),
        }
    }

    fn interest_in(&self, direction: Direction, interest: Interest) -> Interest {
        let mut interest = interest;
        if let Some(config) = self.config.verify(direction) {
            interest = interest.key(config.keys.as_str());
            for name in [SIGNATURE, SIGNATURE_INPUT] {
                interest = read(direction, interest, name);
                interest = if config.forward { interest } else { write(direction, interest, name) };
            }
            interest = components(direction, interest, config.accepted(), config.origin.is_some());
            interest = match &config.nonces {
                Some(store) => interest.store_write(store.as_str()),
                None => interest,
            };
            if direction == Direction::Request {
                interest = interest.attribute_write(KEY).attribute_write(LABEL);
                interest = if config.consumers.is_some() { interest.attribute_write(CONSUMER) } else { interest };
            }
        }
        if let Some(config) = self.config.sign(direction) {
            interest = write(direction, interest.sign(config.key.as_str()), SIGNATURE);
            interest = write(direction, interest, SIGNATURE_INPUT);
            if config.covers_digest() {
                interest = write(direction, interest, CONTENT_DIGEST);
            }
            let covered = config.covered().filter(|component| !component.is_digest());
            interest = components(direction, interest, covered, config.origin.is_some());
        }
        match (self.config.reads_body(direction), direction) {
            (true, Direction::Request) => interest.request_read("content-length"),
            (true, Direction::Response) => {
                interest.response_read("content-length").response_read(":method").response_read(":status")
            }
            (false, _) => interest,
        }
    }
}

/// What goes on of a signature that was verified.
fn pass_on(config: &Verify, direction: Direction, verified: &Verified, edits: Edits) -> Edits {
    let mut edits = edits;
    if !config.forward {
        edits = edits.remove(SIGNATURE).remove(SIGNATURE_INPUT);
    }
    if direction == Direction::Response {
        return edits;
    }
    edits = edits.attribute(LABEL, &verified.label);
    if let Some(key_id) = &verified.key_id {
        edits = edits.attribute(KEY, key_id);
    }
    match &verified.consumer {
        Some(consumer) => edits.attribute(CONSUMER, consumer),
        None => edits,
    }
}

/// Reading what components are made from, in the message that has them.
fn components<'c>(
    direction: Direction,
    interest: Interest,
    components: impl Iterator<Item = &'c Component>,
    knows_origin: bool,
) -> Interest {
    components.fold(interest, |interest, component| {
        let message = if component.is_of_request() { Direction::Request } else { direction };
        component.reads(knows_origin).into_iter().fold(interest, |interest, name| read(message, interest, name))
    })
}

fn read(direction: Direction, interest: Interest, name: &str) -> Interest {
    match direction {
        Direction::Request => interest.request_read(name),
        Direction::Response => interest.response_read(name),
    }
}

fn write(direction: Direction, interest: Interest, name: &str) -> Interest {
    match direction {
        Direction::Request => interest.request_write(name),
        Direction::Response => interest.response_write(name),
    }
}

lockgate_sdk::export!(Signature: RequestPhase + ResponsePhase + BodyPhase);
