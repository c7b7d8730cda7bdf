//! The one body type: what a message carries, whoever made it.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;

use super::Arrival;
use super::coding::CodingError;

/// A body on its way through the gateway. Streams hold back their source while nobody reads.
#[derive(Default)]
pub(crate) enum Body {
    #[default]
    Empty,
    /// Whole, in memory.
    Full(Bytes),
    /// From the client, and how it arrives.
    Incoming(Incoming, Rc<Arrival>),
    /// From an upstream, or through a hook or a bound.
    Stream(Pin<Box<dyn HttpBody<Data = Bytes, Error = BodyError>>>),
}

/// A body that cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("the peer broke off")]
    Broken(#[source] hyper::Error),
    #[error("longer than allowed")]
    TooLong,
    #[error("nothing arrived for too long")]
    Idle,
    #[error("the time for the exchange is over")]
    Deadline,
    /// Its content coding cannot be undone.
    #[error("cannot be decoded")]
    Coded(#[from] CodingError),
    /// A policy ended it, or broke while it was looked at.
    #[error("ended by a policy")]
    Departed,
}

impl BodyError {
    /// A short stable word for the log, where the body was a response's.
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Broken(_) => "upstream_body",
            Self::TooLong => "upstream_body_too_long",
            Self::Idle => "upstream_timeout_idle",
            Self::Deadline => "timeout_total",
            Self::Coded(CodingError::Malformed(_)) => "upstream_body_coding",
            Self::Coded(CodingError::Expanded) => "upstream_body_expanded",
            Self::Departed => "policy_cut",
        }
    }
}

impl Body {
    /// A body of bytes; no bytes, no body.
    pub(crate) fn of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        if bytes.is_empty() { Self::Empty } else { Self::Full(bytes) }
    }

    pub(crate) fn stream(body: impl HttpBody<Data = Bytes, Error = BodyError> + 'static) -> Self {
        Self::Stream(Box::pin(body))
    }

    /// A body of a client, and the fields after it that `clean` leaves.
    pub(crate) fn with_trailers(
        incoming: Incoming,
        arrival: Rc<Arrival>,
        clean: impl Fn(&mut HeaderMap) + Unpin + 'static,
    ) -> Self {
        Self::stream(Trailed { incoming, arrival, clean })
    }

    /// At most `max` bytes; reading beyond is an error.
    pub(crate) fn bounded(self, max: u64) -> Self {
        Self::stream(Bounded { inner: self, left: max })
    }

    /// Read all of it, at most `max` bytes. Trailers are dropped.
    pub(crate) async fn collect(self, max: u64) -> Result<Bytes, BodyError> {
        let mut body = match self {
            Self::Empty => return Ok(Bytes::new()),
            Self::Full(bytes) if bytes.len() as u64 <= max => return Ok(bytes),
            Self::Full(_) => return Err(BodyError::TooLong),
            other => other,
        };
        if body.size_hint().lower() > max {
            return Err(BodyError::TooLong);
        }
        let mut first = Bytes::new();
        let mut all = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let Ok(data) = frame?.into_data() else { continue };
            if (first.len() + all.len() + data.len()) as u64 > max {
                return Err(BodyError::TooLong);
            }
            // Most bodies arrive in one piece, which then needs no copy.
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                all.extend_from_slice(&std::mem::take(&mut first));
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.into() })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *this = Self::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Self::Incoming(body, arrival) => {
                let polled = poll_data(body, cx);
                arrival.follow(polled, body.is_end_stream(), cx)
            }
            Self::Stream(body) => body.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Full(bytes) => bytes.is_empty(),
            Self::Incoming(body, _) => body.is_end_stream(),
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Incoming(body, _) => body.size_hint(),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

/// The next piece of data. Trailers are left out: nothing has looked at the fields in them.
fn poll_data(body: &mut Incoming, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    poll_cleaned(body, cx, HeaderMap::clear)
}

/// The next piece of data, or of the trailers what `clean` leaves.
pub(crate) fn poll_cleaned(
    body: &mut Incoming,
    cx: &mut Context<'_>,
    clean: impl Fn(&mut HeaderMap),
) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
    loop {
        let frame = match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(BodyError::Broken(error)))),
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        };
        match frame.into_trailers() {
            Err(data) => return Poll::Ready(Some(Ok(data))),
            Ok(mut fields) => {
                clean(&mut fields);
                if !fields.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::trailers(fields))));
                }
            }
        }
    }
}

struct Trailed<F> {
    incoming: Incoming,
    arrival: Rc<Arrival>,
    clean: F,
}

impl<F: Fn(&mut HeaderMap) + Unpin> HttpBody for Trailed<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = poll_cleaned(&mut this.incoming, cx, &this.clean);
        this.arrival.follow(polled, this.incoming.is_end_stream(), cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

struct Bounded {
    inner: Body,
    left: u64,
}

impl HttpBody for Bounded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            match this.left.checked_sub(data.len() as u64) {
                Some(left) => this.left = left,
                None => return Poll::Ready(Some(Err(BodyError::TooLong))),
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
