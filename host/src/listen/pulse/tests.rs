//! What a silent connection is told, in each of its states.

use super::*;

const HEAD: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(60);

fn heard(pulse: &Pulse) -> Option<Told> {
    pulse.told(&Context::from_waker(Waker::noop()))
}

/// What a connection in some state has been told after it was silent for a time.
fn told(doing: Doing, blocked: bool, draining: bool, silent: Duration) -> Option<Told> {
    let sweep = Sweep::new(HEAD, IDLE);
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
    let sweep = Sweep::new(HEAD, IDLE);
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
    let sweep = Sweep::new(HEAD, IDLE);
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
    let sweep = Sweep::new(HEAD, IDLE);
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
