//! The look at all connections of a worker: who was silent for too long, and who is too slow.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::{Doing, Pulse, Told};
use crate::tls::Session;

/// How long a client that says nothing is waited for once the process was asked to end.
const LAST_CALL: Duration = Duration::from_secs(1);
/// How often clients are forgiven, however often looks come.
const FORGIVES: Duration = Duration::from_secs(1);
/// After so long without a request a connection gives its buffers back.
const REST: Duration = Duration::from_secs(1);
/// How long a client that ended its side of the connection may be sent nothing of the answer it asked for: one that
/// only has no more to ask cannot be told from one that has gone.
const LEFT_ALONE: Duration = Duration::from_secs(5);

/// What clients may take, in time and slowness.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Time for a request head.
    pub(crate) head: Duration,
    /// Time between requests, and for a client to take something of what is written to it.
    pub(crate) idle: Duration,
    /// Bytes a second to be taken of what is written, measured over the same time; 0 for any.
    pub(crate) rate: u64,
}

/// The connections of one worker on one listener.
pub(crate) struct Sweep {
    connections: RefCell<Vec<Weak<Pulse>>>,
    limits: Limits,
    draining: Cell<bool>,
    /// When clients were last forgiven what they did too often.
    forgiven: Cell<Option<Instant>>,
}

impl Sweep {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { connections: RefCell::default(), limits, draining: Cell::new(false), forgiven: Cell::new(None) }
    }

    /// How often to look: limits are kept to an eighth, or to a second.
    pub(crate) fn period(&self) -> Duration {
        (self.limits.head.min(self.limits.idle) / 8).clamp(Duration::from_millis(5), Duration::from_secs(1))
    }

    pub(crate) fn add(&self, pulse: &Rc<Pulse>) {
        self.connections.borrow_mut().push(Rc::downgrade(pulse));
        if self.draining.get() {
            pulse.drain();
        }
    }

    /// Ask every connection, those to come too, to end when its exchange has. One on which a request may be on its way
    /// gets a moment for that.
    pub(crate) fn drain(&self, now: Instant) {
        self.draining.set(true);
        for pulse in self.connections.borrow().iter().filter_map(Weak::upgrade) {
            drain(&pulse, now);
        }
    }

    /// Ask those connections to end, likewise, whose client `is_unwanted`.
    pub(crate) fn dismiss(&self, now: Instant, is_unwanted: impl Fn(&Session) -> bool) {
        let connections = self.connections.borrow();
        let unwanted = |pulse: &Rc<Pulse>| pulse.session.get().is_some_and(|session| is_unwanted(session));
        connections.iter().filter_map(Weak::upgrade).filter(unwanted).for_each(|pulse| drain(&pulse, now));
    }

    /// Stop the connections whose clients were silent for too long, or too slow.
    pub(crate) fn look(&self, now: Instant) {
        let forgives = self.forgiven.get().is_none_or(|last| now.duration_since(last) >= FORGIVES);
        if forgives {
            self.forgiven.set(Some(now));
        }
        self.connections.borrow_mut().retain(|connection| {
            let Some(pulse) = connection.upgrade() else { return false };
            if forgives {
                pulse.forgive();
            }
            if self.is_silent(&pulse, now) || self.is_slow(&pulse, now) {
                pulse.tell(Told::Stop);
            } else if pulse.may_rest() && silence(&pulse, now) >= REST {
                pulse.tell(Told::Rest);
            }
            true
        });
    }

    fn is_silent(&self, pulse: &Pulse, now: Instant) -> bool {
        let Limits { head, idle, .. } = self.limits;
        let is_draining = self.draining.get() || pulse.is_draining();
        let limit = match pulse.doing.get() {
            _ if pulse.blocked.get() => idle,
            _ if is_draining && pulse.awaits_head() => head.min(LAST_CALL),
            Doing::Fresh | Doing::Head => head,
            // Of HTTP/2, which may wait for an answer of a client that is no more.
            Doing::Idle if is_draining => idle.min(LEFT_ALONE),
            Doing::Idle => idle,
            Doing::Exchange if pulse.half_closed.get() => idle.min(LEFT_ALONE),
            Doing::Exchange => return false,
        };
        silence(pulse, now) >= limit
    }

    /// Whether the client took less than it has to while it was the one who was waited for: at each look, for the whole
    /// time.
    fn is_slow(&self, pulse: &Pulse, now: Instant) -> bool {
        if !pulse.blocked.get() {
            pulse.measured.set(None);
            return false;
        }
        let Some((since, before)) = pulse.measured.get() else {
            pulse.measured.set(Some((now, pulse.taken())));
            return false;
        };
        let time = now.duration_since(since);
        if time < self.limits.idle {
            return false;
        }
        let taken = pulse.taken();
        pulse.measured.set(Some((now, taken)));
        let due = u128::from(self.limits.rate) * time.as_millis() / 1000;
        let is_due = |now: u64, before: u64, due: u128| u128::from(now.wrapping_sub(before)) < due;
        // Streams share what a slow network carries: one is not slow where all of them together are not.
        let shared = pulse.connection.as_ref().is_some_and(|connection| {
            !is_due(taken.beside, before.beside, due * u128::from(connection.exchanges.get()))
        });
        is_due(taken.own, before.own, due) && !shared
    }
}

fn drain(pulse: &Pulse, now: Instant) {
    if pulse.awaits_head() {
        pulse.since.set(Some(now));
    }
    pulse.drain();
}

/// How long nothing has changed, as far as looks tell.
fn silence(pulse: &Pulse, now: Instant) -> Duration {
    match pulse.since.get() {
        Some(since) => now.duration_since(since),
        None => {
            pulse.since.set(Some(now));
            Duration::ZERO
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::*;
    use crate::telemetry::metrics::Refusal;

    const HEAD: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(60);
    const RATE: u64 = 100;

    fn sweep() -> Sweep {
        Sweep::new(Limits { head: HEAD, idle: IDLE, rate: RATE })
    }

    fn heard(pulse: &Pulse) -> Option<Told> {
        pulse.told(&Context::from_waker(Waker::noop()))
    }

    /// What a connection in some state has been told after it was silent for a time.
    fn told(doing: Doing, blocked: bool, draining: bool, silent: Duration) -> Option<Told> {
        let sweep = Sweep::new(Limits { rate: 0, ..sweep().limits });
        let pulse = Pulse::new();
        sweep.add(&pulse);
        pulse.now(doing);
        pulse.blocked(blocked);
        let now = Instant::now();
        if draining {
            sweep.drain(now);
        }
        sweep.look(now);
        sweep.look(now + silent);
        heard(&pulse)
    }

    #[test]
    fn silence_ends_a_connection_after_the_time_its_state_allows() {
        for (doing, blocked, limit) in [
            (Doing::Fresh, false, HEAD),
            (Doing::Head, false, HEAD),
            (Doing::Idle, false, IDLE),
            (Doing::Idle, true, IDLE),
            (Doing::Exchange, true, IDLE),
        ] {
            let early = limit - Duration::from_millis(1);
            assert_ne!(told(doing, blocked, false, early), Some(Told::Stop), "{doing:?}");
            assert_eq!(told(doing, blocked, false, limit), Some(Told::Stop), "{doing:?}");
        }
        assert_eq!(told(Doing::Exchange, false, false, IDLE * 9), None);
    }

    #[test]
    fn a_drain_leaves_whoever_is_silent_a_moment_to_say_something() {
        for doing in [Doing::Fresh, Doing::Idle] {
            let early = LAST_CALL - Duration::from_millis(1);
            assert_eq!(told(doing, false, true, early), Some(Told::Drain), "{doing:?}");
            assert_eq!(told(doing, false, true, LAST_CALL), Some(Told::Stop), "{doing:?}");
        }
        assert_eq!(told(Doing::Head, false, true, LAST_CALL), Some(Told::Drain));
        assert_eq!(told(Doing::Exchange, false, true, IDLE * 9), Some(Told::Drain));
        let pulse = Pulse::new();
        let sweep = sweep();
        sweep.drain(Instant::now());
        assert!(!pulse.is_draining());
        sweep.add(&pulse);
        assert!(pulse.is_draining());
    }

    #[test]
    fn a_connection_rests_only_while_there_is_nothing_to_remember() {
        for (doing, blocked, rests) in [
            (Doing::Idle, false, true),
            (Doing::Idle, true, false),
            (Doing::Fresh, false, false),
            (Doing::Head, false, false),
            (Doing::Exchange, false, false),
        ] {
            let told = told(doing, blocked, false, REST);
            assert_eq!(told == Some(Told::Rest), rests, "{doing:?}");
        }
        let pulse = Pulse::new();
        pulse.now(Doing::Idle);
        assert!(pulse.may_rest());
        pulse.ahead(true);
        assert!(!pulse.may_rest());
        pulse.tell(Told::Rest);
        pulse.now(Doing::Head);
        assert_eq!(heard(&pulse), None);
    }

    #[test]
    fn a_client_that_ended_its_side_is_answered_as_long_as_there_is_something_to_send() {
        let sweep = sweep();
        let pulse = Pulse::new();
        sweep.add(&pulse);
        pulse.begin();
        pulse.half_close();
        let mut now = Instant::now();
        for _ in 0..3 {
            pulse.blocked(false);
            sweep.look(now);
            now += LEFT_ALONE - Duration::from_millis(1);
            sweep.look(now);
            assert_eq!(heard(&pulse), None);
        }
        sweep.look(now + LEFT_ALONE);
        assert_eq!(heard(&pulse), Some(Told::Stop));
    }

    #[test]
    fn whatever_happens_starts_the_time_anew() {
        let sweep = sweep();
        let pulse = Pulse::new();
        sweep.add(&pulse);
        let now = Instant::now();
        sweep.look(now);
        pulse.now(Doing::Idle);
        sweep.look(now + IDLE);
        assert_eq!(heard(&pulse), None);
        drop(pulse);
        sweep.look(now + IDLE);
        assert!(sweep.connections.borrow().is_empty(), "connections that are gone are forgotten");
    }

    /// Whether a client is stopped that owes for three measures and takes so many bytes in each.
    fn is_stopped(pulse: &Rc<Pulse>, takes: impl Fn(&Pulse)) -> bool {
        let sweep = sweep();
        sweep.add(pulse);
        let mut now = Instant::now();
        pulse.hand(0);
        sweep.look(now);
        for _ in 0..3 {
            takes(pulse);
            now += IDLE;
            sweep.look(now);
        }
        pulse.is_stopped()
    }

    #[test]
    fn a_client_that_is_waited_for_has_to_take_what_it_is_sent_at_a_rate() {
        let due = 60 * RATE as usize;
        assert!(!is_stopped(&Pulse::new(), |pulse| pulse.hand(due)));
        assert!(is_stopped(&Pulse::new(), |pulse| pulse.hand(due - 1)));
        assert!(!is_stopped(&Pulse::new(), Pulse::settled), "nobody waits for a client that has taken all there is");
    }

    #[test]
    fn a_stream_is_not_slow_where_the_streams_of_its_connection_are_not() {
        let due = 60 * RATE as usize;
        let connection = Pulse::new();
        connection.multiplexes();
        (0..4).for_each(|_| connection.begin());
        let beside = |bytes: usize| {
            is_stopped(&Pulse::of_stream(&connection), |stream| {
                stream.hand(1);
                connection.took(bytes);
            })
        };
        assert!(!beside(4 * due));
        assert!(beside(4 * due - 1));
    }

    #[test]
    fn frames_that_bring_nothing_are_forgiven_in_time_and_for_what_is_asked_and_sent() {
        let (sweep, pulse) = (sweep(), Pulse::new());
        sweep.add(&pulse);
        let now = Instant::now();
        for second in 0..9 {
            pulse.idle_frames(400);
            sweep.look(now + Duration::from_secs(second));
        }
        for _ in 0..10_000 {
            pulse.begin();
            pulse.idle_frames(2);
            pulse.end(true);
            Pulse::of_stream(&pulse).hand(10_000);
            pulse.idle_frames(20);
        }
        assert_eq!(heard(&pulse), None);
        // By now about as many as can be are forgiven ahead.
        pulse.idle_frames(32_000);
        assert_eq!(heard(&pulse), None);
        pulse.idle_frames(2_000);
        assert_eq!((heard(&pulse), pulse.refusal()), (Some(Told::Stop), Some(Refusal::Http2)));
    }
}
