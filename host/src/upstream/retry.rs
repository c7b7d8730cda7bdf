//! How many requests may be sent once more.

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

/// What one worker may spend on one upstream: each request earns a share of one more try. So an upstream that is in trouble gets
/// little more than it would anyway.
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

/// Lists kept for the next copies, and the longest that is kept.
const LISTS: usize = 64;
const LONGEST: usize = 128;

/// Copies requests that may be sent once more. Most copies are never needed: their lists serve for the next, so that a copy
/// allocates nothing.
#[derive(Default)]
pub(super) struct Copies {
    lists: RefCell<Vec<Vec<(HeaderName, HeaderValue)>>>,
}

/// A request as it was before it was sent.
pub(super) struct Spare {
    method: Method,
    uri: Uri,
    fields: Vec<(HeaderName, HeaderValue)>,
    /// No bytes, no body.
    body: Bytes,
}

impl Copies {
    /// A copy of a request that may be sent once more; none where that would not be safe, or is not wanted.
    pub(super) fn spare(&self, retry: &Retry, attempt: u32, request: &Request<Body>) -> Option<Spare> {
        if attempt >= retry.attempts || !request.method().is_idempotent() {
            return None;
        }
        let body = match request.body() {
            Body::Empty => Bytes::new(),
            Body::Full(bytes) => bytes.clone(),
            Body::Incoming(_) | Body::Stream(_) => return None,
        };
        let mut fields = self.lists.borrow_mut().pop().unwrap_or_default();
        fields.extend(request.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(Spare { method: request.method().clone(), uri: request.uri().clone(), fields, body })
    }

    /// Nobody needs the copy.
    pub(super) fn take_back(&self, spare: Spare) {
        let (mut fields, mut lists) = (spare.fields, self.lists.borrow_mut());
        if lists.len() < LISTS && fields.capacity() <= LONGEST {
            fields.clear();
            lists.push(fields);
        }
    }
}

impl Spare {
    pub(super) fn into_request(self) -> Request<Body> {
        let mut request = Request::new(Body::of(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        request.headers_mut().reserve(self.fields.len());
        for (name, value) in self.fields {
            request.headers_mut().append(name, value);
        }
        request
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
        let copies = Copies::default();
        let kept = |request: &Request<Body>| copies.spare(&retry(2, 20), 1, request).is_some();
        assert!(kept(&request(Method::GET, Body::Empty)));
        assert!(kept(&request(Method::PUT, Body::of("x"))));
        assert!(!kept(&request(Method::POST, Body::Empty)));
        assert!(!kept(&request(Method::PATCH, Body::Empty)));
        let stream = Body::Empty.bounded(1);
        assert!(!kept(&request(Method::PUT, stream)));
        assert!(copies.spare(&retry(2, 20), 2, &request(Method::GET, Body::Empty)).is_none());
    }

    #[test]
    fn a_copy_is_the_same_request_whatever_its_list_held_before() {
        let copies = Copies::default();
        let fields = |value: &'static str| Request::put("/a?b=c").header("x", value).header("y", "2").header("x", "3");
        for (value, body) in [("1", Body::Empty), ("4", Body::of("held"))] {
            let original = fields(value).body(body).unwrap();
            let spare = || copies.spare(&retry(2, 20), 1, &original).unwrap();
            let other = fields("other").header("z", "z").body(Body::Empty).unwrap();
            copies.take_back(copies.spare(&retry(2, 20), 1, &other).unwrap());
            let copy = spare().into_request();
            assert_eq!((copy.method(), copy.uri()), (original.method(), original.uri()));
            assert_eq!(copy.headers(), original.headers());
            let held = |body: &Body| if let Body::Full(bytes) = body { bytes.clone() } else { Bytes::new() };
            assert_eq!(held(copy.body()), held(original.body()));
        }
    }
}
