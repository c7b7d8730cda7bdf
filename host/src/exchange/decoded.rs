//! A body as it was before its content coding.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame};

use super::coding::{Bounds, Coding, CodingError, Decoder};
use super::{Body, BodyError};

/// How much may come out of a body: JSON seldom shrinks to a fiftieth, what is made to break readers to a thousandth.
const BOUNDS: Bounds = Bounds { free: 1 << 20, ratio: 200 };
/// Bytes that are decoded at once: with these bounds they make at most 100 KiB, after the first MiB.
const PIECE: usize = 512;
/// Bytes that go on at once, where so many are there.
const ENOUGH: usize = 64 * 1024;

/// Undoes the coding of a body as it passes.
pub(crate) struct Decoded {
    inner: Body,
    decoder: Decoder,
    /// Arrived, not yet decoded.
    waiting: Bytes,
    phase: Phase,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    /// The inner body has ended.
    Ended,
    Over,
}

impl Decoded {
    pub(crate) fn wrap(inner: Body, coding: Coding) -> Result<Body, CodingError> {
        let decoder = Decoder::new(coding, BOUNDS)?;
        Ok(Body::stream(Self { inner, decoder, waiting: Bytes::new(), phase: Phase::Reading }))
    }

    /// Decode what waits, as far as it goes on at once.
    fn decode(&mut self) -> Result<(), CodingError> {
        while !self.waiting.is_empty() && self.decoder.len() < ENOUGH {
            let length = self.waiting.len().min(PIECE);
            self.decoder.write(&self.waiting[..length])?;
            self.waiting.advance(length);
        }
        if self.phase == Phase::Ended && self.waiting.is_empty() {
            self.decoder.finish()?;
            self.phase = Phase::Over;
        }
        Ok(())
    }
}

impl HttpBody for Decoded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if this.phase != Phase::Over
                && let Err(error) = this.decode()
            {
                this.phase = Phase::Over;
                drop(this.decoder.take());
                return Poll::Ready(Some(Err(error.into())));
            }
            if this.decoder.len() > 0 {
                return Poll::Ready(Some(Ok(Frame::data(this.decoder.take().into()))));
            }
            if this.phase == Phase::Over {
                return Poll::Ready(None);
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                None => this.phase = Phase::Ended,
                Some(Err(error)) => {
                    this.phase = Phase::Over;
                    return Poll::Ready(Some(Err(error)));
                }
                // Trailers say something of the body as it came.
                Some(Ok(frame)) => this.waiting = frame.into_data().unwrap_or_default(),
            }
        }
    }
}
