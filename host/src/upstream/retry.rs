//! What is kept to send a request once more, and how many may be.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use tokio::time::Instant;

use crate::config::Retry;
use crate::exchange::Body;

/// What one more try costs, in hundredths.
const COST: u32 = 100;
/// What can be saved up.
const MOST: u32 = 20 * COST;
/// A rare request may be sent once more too.
const ONE_EACH: Duration = Duration::from_secs(1);

/// What one worker may spend on one upstream: each request earns a share of one more try. So an upstream that is in
/// trouble gets little more than it would anyway.
pub(super) struct Budget {
    share: u32,
    saved: Cell<u32>,
    since: Cell<Instant>,
}

impl Budget {
    pub(super) fn new(retry: &Retry) -> Self {
        Self { share: retry.budget, saved: Cell::new(COST), since: Cell::new(Instant::now()) }
    }

    /// A request was sent for the first time.
    pub(super) fn earn(&self) {
        self.saved.set((self.saved.get() + self.share).min(MOST));
    }

    /// Whether there is enough for one more try, which is then spent.
    pub(super) fn spend(&self, now: Instant) -> bool {
        if self.saved.get() < COST && now.duration_since(self.since.get()) >= ONE_EACH {
            self.saved.set(self.saved.get() + COST);
        }
        let Some(left) = self.saved.get().checked_sub(COST) else { return false };
        self.saved.set(left);
        self.since.set(now);
        true
    }
}

/// What is needed to send a request once more. Its fields are kept as bytes in one buffer: most copies are never looked
/// at, and to copy a header map costs several times as much.
pub(super) struct Spare {
    method: Method,
    uri: Uri,
    /// Of each field the length of its name, that of its value, and both.
    fields: Vec<u8>,
    body: Bytes,
}

/// Makes copies, in buffers that were used before.
#[derive(Default)]
pub(super) struct Spares {
    buffers: RefCell<Vec<Vec<u8>>>,
}

/// Buffers kept, and how large they may be: a few thousand fields are no reason to keep that much for ever.
const MOST_BUFFERS: usize = 64;
const MOST_KEPT: usize = 16 * 1024;

impl Spares {
    /// A copy of a request that may be sent once more; none where that would not be safe, or is not wanted.
    pub(super) fn copy(&self, retry: &Retry, attempt: u32, request: &Request<Body>) -> Option<Spare> {
        if attempt >= retry.attempts || !request.method().is_idempotent() {
            return None;
        }
        let body = match request.body() {
            Body::Empty => Bytes::new(),
            Body::Full(bytes) => bytes.clone(),
            Body::Incoming(..) | Body::Stream(_) => return None,
        };
        let mut fields = self.buffers.borrow_mut().pop().unwrap_or_default();
        for (name, value) in request.headers() {
            let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
            for part in [name, value] {
                fields.extend_from_slice(&u32::try_from(part.len()).ok()?.to_le_bytes());
            }
            fields.extend_from_slice(name);
            fields.extend_from_slice(value);
        }
        Some(Spare { method: request.method().clone(), uri: request.uri().clone(), fields, body })
    }

    /// The copy was not needed.
    pub(super) fn take_back(&self, spare: Option<Spare>) {
        let Some(Spare { mut fields, .. }) = spare else { return };
        let mut buffers = self.buffers.borrow_mut();
        if fields.capacity() <= MOST_KEPT && buffers.len() < MOST_BUFFERS {
            fields.clear();
            buffers.push(fields);
        }
    }
}

impl Spare {
    pub(super) fn into_request(self) -> Request<Body> {
        let mut request = Request::new(Body::of(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        let all = Bytes::from(self.fields);
        let mut rest = all.clone();
        // What was written as fields can be read as fields.
        while let Some((name, value)) = split_field(&mut rest) {
            if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(&name), HeaderValue::from_maybe_shared(value)) {
                request.headers_mut().append(name, value);
            }
        }
        request
    }
}

fn split_field(rest: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let lengths = rest.split_to_checked(8)?;
    let length = |at: usize| {
        let bytes = lengths.get(at..at + 4)?.first_chunk()?;
        usize::try_from(u32::from_le_bytes(*bytes)).ok()
    };
    Some((rest.split_to_checked(length(0)?)?, rest.split_to_checked(length(4)?)?))
}

/// Cutting off what may not be there.
trait SplitChecked: Sized {
    fn split_to_checked(&mut self, at: usize) -> Option<Self>;
}

impl SplitChecked for Bytes {
    fn split_to_checked(&mut self, at: usize) -> Option<Self> {
        (at <= self.len()).then(|| self.split_to(at))
    }
}

/// Whether an answer is one after which a request is sent once more.
pub(super) fn is_no_answer<B>(retry: &Retry, response: &Response<B>) -> bool {
    retry.status.contains(&u32::from(response.status().as_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry(attempts: u32, budget: u32) -> Retry {
        Retry { attempts, status: vec![503], timeout: None, budget }
    }

    #[test]
    fn each_request_earns_a_share_of_one_more_try() {
        let budget = Budget::new(&retry(2, 20));
        let now = Instant::now();
        assert!(budget.spend(now) && !budget.spend(now));
        (0..4).for_each(|_| budget.earn());
        assert!(!budget.spend(now));
        budget.earn();
        assert!(budget.spend(now) && !budget.spend(now));
        assert!(budget.spend(now + ONE_EACH) && !budget.spend(now + ONE_EACH));
        (0..1_000).for_each(|_| budget.earn());
        let spent = (0..1_000).filter(|_| budget.spend(now + ONE_EACH)).count();
        assert_eq!(spent, 20, "what was saved long ago is no reason for a storm");
    }

    #[test]
    fn only_what_is_idempotent_and_at_hand_is_kept_to_be_sent_again() {
        let request = |method: Method, body: Body| {
            let mut request = Request::new(body);
            *request.method_mut() = method;
            request
        };
        let spares = Spares::default();
        let kept = |request: &Request<Body>| spares.copy(&retry(2, 20), 1, request).is_some();
        assert!(kept(&request(Method::GET, Body::Empty)));
        assert!(kept(&request(Method::PUT, Body::of("x"))));
        assert!(!kept(&request(Method::POST, Body::Empty)));
        assert!(!kept(&request(Method::PATCH, Body::Empty)));
        let stream = Body::Empty.bounded(1);
        assert!(!kept(&request(Method::PUT, stream)));
        assert!(spares.copy(&retry(2, 20), 2, &request(Method::GET, Body::Empty)).is_none());
    }

    #[test]
    fn a_copy_is_what_it_was_made_of() {
        let spares = Spares::default();
        for body in ["", "hello"] {
            let mut request = Request::new(Body::of(body));
            *request.method_mut() = Method::PUT;
            *request.uri_mut() = "/a?b=c".parse().unwrap();
            let headers = request.headers_mut();
            headers.append("host", HeaderValue::from_static("a"));
            headers.append("x-two", HeaderValue::from_static("1"));
            headers.append("x-two", HeaderValue::from_bytes(b"\xff").unwrap());
            headers.append("x-empty", HeaderValue::from_static(""));
            spares.take_back(spares.copy(&retry(2, 20), 1, &request));
            let copy = spares.copy(&retry(2, 20), 1, &request).unwrap().into_request();
            assert_eq!(
                (copy.method(), copy.uri(), copy.headers()),
                (request.method(), request.uri(), request.headers())
            );
            assert!(matches!((copy.body(), body), (Body::Empty, "") | (Body::Full(_), "hello")));
        }
    }
}
