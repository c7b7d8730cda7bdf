//! Body hooks on chunks: a body that shows each piece to a policy as it passes.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::change::changed;
use super::decision::Decision;
use super::edits::check_state;
use super::step::{At, BodyHook, Step};
use super::timed::Witnesses;
use super::{Departure, Place, Timed, behalf};
use crate::exchange::{Body, BodyError, Exchange, Fault};
use crate::sandbox::{Behalf, BodyDirection, ChunkEdits, OnChunk, PluginFault, Pool, Verdict};

/// Most bytes a hook is given at once.
const MAX_CHUNK: usize = 64 * 1024;
/// Pieces that have already arrived are joined until they have this many bytes: a call costs more than a copy.
const JOIN: usize = 16 * 1024;
/// Most bytes a hook can hold back: with less than half of a piece left, what comes next would hardly fit in.
const MAX_HELD: usize = 32 * 1024;

/// Where a hook on a body under way leaves word that it ended the exchange.
#[derive(Default)]
pub(crate) struct Notice(RefCell<Option<Departure>>);

impl Notice {
    /// The word, once.
    pub(crate) fn take(&self) -> Option<Departure> {
        self.0.borrow_mut().take()
    }

    /// Whether there is word that nobody has taken.
    pub(crate) fn is_set(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// A body with a policy looking at it.
pub(super) struct Chunks {
    inner: Body,
    pool: Rc<Pool>,
    at: usize,
    step: Arc<Step>,
    direction: BodyDirection,
    behalf: Behalf,
    /// Those who are told of calls for pieces.
    witnesses: Witnesses,
    /// API and route, for the log.
    place: (Box<str>, Box<str>),
    state: Vec<u8>,
    seen: u64,
    /// Arrived, not yet shown.
    waiting: BytesMut,
    /// What was shown and the policy holds, which it is not shown again without more.
    held: Bytes,
    phase: Phase,
    /// The policy looks at a piece beside the worker.
    away: Option<Away>,
    notice: Rc<Notice>,
}

struct Away {
    called: Pin<Box<dyn Future<Output = Decided>>>,
    piece: Bytes,
    last: bool,
}

/// A piece that goes on. What is absent stays as it was.
#[derive(Default)]
struct Piece {
    bytes: Option<Bytes>,
    /// For the policy's next hook.
    state: Option<Vec<u8>>,
    /// How many of the bytes shown these are; all, if absent.
    judged: Option<usize>,
}

/// What a hook made of a piece.
type Decided = Result<Decision<Piece>, PluginFault>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Reading,
    /// The inner body has ended; what waits is the last of it.
    Draining,
    /// The policy broke and is skipped: what comes goes by.
    Skipping,
    Over,
}

impl Chunks {
    pub(super) fn wrap(
        inner: Body,
        pool: Rc<Pool>,
        at: At<'_>,
        exchange: &Exchange,
        place: Place<'_>,
        state: Vec<u8>,
        notice: Rc<Notice>,
    ) -> Body {
        let (at, step, direction) = (at.at, at.step.clone(), at.direction);
        let place = (place.api.into(), place.route.into());
        let (waiting, held, phase) = (BytesMut::new(), Bytes::new(), Phase::Reading);
        let witnesses = Witnesses::of_pieces(exchange);
        let (behalf, away) = (behalf(exchange), None);
        Body::stream(Self {
            inner,
            pool,
            at,
            step,
            direction,
            behalf,
            witnesses,
            place,
            state,
            seen: 0,
            waiting,
            held,
            phase,
            away,
            notice,
        })
    }

    fn hook(&self) -> Option<&BodyHook> {
        hook(&self.step, self.direction)
    }

    /// Collect what has arrived. Pending only if nothing has.
    fn gather(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        while self.phase == Phase::Reading && self.waiting.len() < JOIN {
            match Pin::new(&mut self.inner).poll_frame(cx) {
                Poll::Pending if self.waiting.is_empty() => return Poll::Pending,
                Poll::Pending => break,
                Poll::Ready(None) => self.phase = Phase::Draining,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                // Trailers are not shown to policies, so they do not pass one.
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    self.seen += data.len() as u64;
                    self.waiting.extend_from_slice(&data);
                    if self.inner.is_end_stream() {
                        self.phase = Phase::Draining;
                    }
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Show the next piece to the policy; what comes back goes on. Nothing does yet where it looks beside the worker.
    fn show(&mut self) -> Result<Bytes, BodyError> {
        let held = std::mem::take(&mut self.held);
        let most = self.hook().map_or(MAX_CHUNK, |hook| hook.interest.max_piece as usize).min(MAX_CHUNK - held.len());
        let new = self.waiting.split_to(self.waiting.len().min(most)).freeze();
        let piece = if held.is_empty() { new } else { [held, new].concat().into() };
        let last = self.phase == Phase::Draining && self.waiting.is_empty();
        if last {
            self.phase = Phase::Over;
        }
        let too_long =
            self.hook().is_some_and(|hook| hook.interest.max_bytes > 0 && self.seen > hook.interest.max_bytes);
        if too_long {
            let fault = match self.direction {
                BodyDirection::Request => Fault::unread(BodyError::TooLong),
                BodyDirection::Response => Fault::unread_response(BodyError::TooLong),
            };
            return Err(self.depart(Err(fault)));
        }
        let (step, direction, shown) = (self.step.clone(), self.direction, piece.clone());
        let judge = move |verdict: Verdict<ChunkEdits>| {
            let hook = hook(&step, direction);
            let hook = hook.ok_or_else(|| PluginFault::Answer("the hook is not declared".into()))?;
            Decision::of(verdict, &hook.writes, |ChunkEdits { bytes, state, hold }| {
                state.as_deref().map_or(Ok(()), check_state)?;
                let judged = judged(&shown, hold, last)?;
                Ok(Piece { bytes: changed(bytes, hook.edit(), &shown[..judged])?, state, judged: Some(judged) })
            })
        };
        let state = std::mem::take(&mut self.state);
        let call = OnChunk { direction, chunk: piece.clone(), last, state };
        if self.pool.is_away() {
            let (pool, behalf, witnesses) = (self.pool.clone(), self.behalf.clone(), self.witnesses.clone());
            let id = self.step.id;
            self.state = call.state.clone();
            let called = Box::pin(async move {
                let timed = Timed::before(&witnesses);
                let decided = pool.away(behalf, call, judge).await;
                timed.after(&witnesses, &pool, id);
                decided
            });
            self.away = Some(Away { called, piece, last });
            return Ok(Bytes::new());
        }
        let timed = Timed::before(&self.witnesses);
        let decided = self.pool.call(self.behalf.clone(), &call, judge);
        timed.after(&self.witnesses, &self.pool, self.step.id);
        self.state = call.state;
        self.decided(piece, last, decided)
    }

    /// What becomes of a piece.
    fn decided(&mut self, mut piece: Bytes, last: bool, decided: Decided) -> Result<Bytes, BodyError> {
        let skipped = match decided {
            Ok(Decision::Go(Piece { bytes, state, judged })) => {
                if let Some(state) = state {
                    self.state = state;
                }
                if let Some(judged) = judged {
                    self.held = piece.split_off(judged);
                }
                return Ok(bytes.unwrap_or(piece));
            }
            Ok(Decision::Answer(response)) => return Err(self.depart(Ok(*response))),
            Ok(Decision::Failed(failure)) => self.step.failed(failure),
            Err(fault) => self.step.broke_at(&self.behalf.exchange, &self.place.0, &self.place.1, fault),
        };
        match skipped {
            Ok(()) => {
                self.phase = if last { Phase::Over } else { Phase::Skipping };
                Ok(piece)
            }
            Err(fault) => Err(self.depart(Err(fault))),
        }
    }

    /// The exchange ends here. Whoever reads this body sees an error, so that a part is never taken for the whole.
    fn depart(&mut self, outcome: Result<http::Response<Body>, Fault>) -> BodyError {
        self.phase = Phase::Over;
        *self.notice.0.borrow_mut() = Some(Departure { at: self.at, outcome });
        BodyError::Departed
    }
}

/// How many bytes of a piece a hook that holds the last `hold` has judged.
fn judged(piece: &[u8], hold: u32, last: bool) -> Result<usize, PluginFault> {
    let hold = hold as usize;
    match piece.len().checked_sub(hold) {
        Some(judged) if hold <= MAX_HELD && (hold == 0 || !last) => Ok(judged),
        _ => Err(PluginFault::Answer("it holds more of a piece than it may".into())),
    }
}

fn hook(step: &Step, direction: BodyDirection) -> Option<&BodyHook> {
    match direction {
        BodyDirection::Request => step.request_body.as_ref(),
        BodyDirection::Response => step.response_body.as_ref(),
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            if let Some(away) = &mut this.away {
                let decided = ready!(away.called.as_mut().poll(cx));
                let (piece, last) = (std::mem::take(&mut away.piece), away.last);
                this.away = None;
                match this.decided(piece, last, decided) {
                    Ok(bytes) if bytes.is_empty() => continue,
                    passed => return Poll::Ready(Some(passed.map(Frame::data))),
                }
            }
            match this.phase {
                Phase::Over => return Poll::Ready(None),
                Phase::Skipping if this.waiting.is_empty() => return Pin::new(&mut this.inner).poll_frame(cx),
                Phase::Skipping => return Poll::Ready(Some(Ok(Frame::data(this.waiting.split().freeze())))),
                Phase::Reading | Phase::Draining => {}
            }
            if let Err(error) = ready!(this.gather(cx)) {
                this.phase = Phase::Over;
                return Poll::Ready(Some(Err(error)));
            }
            match this.show() {
                // A policy may keep everything back for now.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.phase == Phase::Over && self.away.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // A body that is only looked at keeps its length, and with it the framing the client chose.
        match self.hook() {
            Some(hook) if !hook.edit() && self.seen == 0 => self.inner.size_hint(),
            _ => SizeHint::default(),
        }
    }
}
