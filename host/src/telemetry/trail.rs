//! What policies said in one exchange: of fixed size, so that it can be kept of every exchange.

use std::cell::RefCell;
use std::rc::Rc;

use super::metrics::{CallOutcome, Hook};

/// Calls that are kept of one exchange; of more, how many there were. Five policies have ten on heads.
const MOST: usize = 12;

/// Which policy, by the number its name has in this process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct PolicyId(pub(crate) u16);

/// Calls of a hook in one exchange: one, or those for all pieces of a body together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) policy: PolicyId,
    pub(crate) hook: Hook,
    /// Of several the gravest.
    pub(crate) outcome: CallOutcome,
    /// Of several in all. What its calls wait for is part of it.
    pub(crate) took_us: u32,
}

/// The calls of one exchange, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Calls {
    list: [Call; MOST],
    count: u8,
    /// Policies, by their numbers as far as there are bits, whose calls for pieces are among those that are not kept.
    pieces_left_out: u64,
}

impl Default for Calls {
    fn default() -> Self {
        Self::NONE
    }
}

impl Calls {
    pub(crate) const NONE: Self = {
        let none = Call { policy: PolicyId(0), hook: Hook::Request, outcome: CallOutcome::Pass, took_us: 0 };
        Self { list: [none; MOST], count: 0, pieces_left_out: 0 }
    };

    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.list.iter().take(self.count.into())
    }

    /// How many there were that are not among them.
    pub(crate) fn left_out(&self) -> usize {
        usize::from(self.count).saturating_sub(MOST)
    }

    pub(crate) fn add(&mut self, call: Call) {
        let is_same =
            |known: &&mut Call| call.hook == Hook::Chunk && (known.policy, known.hook) == (call.policy, call.hook);
        if let Some(known) = self.list.iter_mut().take(self.count.into()).find(is_same) {
            known.took_us = known.took_us.saturating_add(call.took_us);
            if gravity(call.outcome) > gravity(known.outcome) {
                known.outcome = call.outcome;
            }
            return;
        }
        match self.list.get_mut(usize::from(self.count)) {
            Some(place) => *place = call,
            None if call.hook == Hook::Chunk => {
                let bit = 1 << (call.policy.0 % 64);
                if self.pieces_left_out & bit != 0 {
                    return;
                }
                self.pieces_left_out |= bit;
            }
            None => {}
        }
        self.count = self.count.saturating_add(1);
    }
}

/// Which of several outcomes is told.
fn gravity(outcome: CallOutcome) -> usize {
    let by_gravity = [
        CallOutcome::Waited,
        CallOutcome::Pass,
        CallOutcome::Edit,
        CallOutcome::Respond,
        CallOutcome::Paused,
        CallOutcome::Busy,
        CallOutcome::Fail,
        CallOutcome::Refused,
        CallOutcome::Limit,
        CallOutcome::Trap,
    ];
    by_gravity.iter().position(|known| *known == outcome).unwrap_or_default()
}

/// The calls of an exchange that is under way. Shared by those who take part in it, all on one thread.
#[derive(Debug, Default)]
pub(crate) struct Trail(RefCell<Calls>);

impl Trail {
    pub(crate) fn called(&self, call: Call) {
        self.0.borrow_mut().add(call);
    }

    pub(crate) fn calls(&self) -> Calls {
        *self.0.borrow()
    }
}

/// Trails of a worker: those of exchanges that are over are used again, so that none takes memory.
#[derive(Debug, Default)]
pub(crate) struct Trails(RefCell<Vec<Rc<Trail>>>);

/// Trails that wait to be used again, at most.
const MOST_IDLE: usize = 256;

impl Trails {
    pub(crate) fn begin(&self) -> Rc<Trail> {
        self.0.borrow_mut().pop().unwrap_or_default()
    }

    /// An exchange is over. Where somebody still has its trail, that is not used again.
    pub(crate) fn end(&self, mut trail: Rc<Trail>) {
        let mut idle = self.0.borrow_mut();
        if idle.len() < MOST_IDLE
            && let Some(sole) = Rc::get_mut(&mut trail)
        {
            *sole = Trail::default();
            idle.push(trail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(policy: u16, hook: Hook, outcome: CallOutcome, took_us: u32) -> Call {
        Call { policy: PolicyId(policy), hook, outcome, took_us }
    }

    #[test]
    fn calls_are_kept_in_order_and_those_for_pieces_are_one() {
        let trail = Trail::default();
        for (policy, hook, outcome, took_us) in [
            (1, Hook::Request, CallOutcome::Edit, 3),
            (2, Hook::Chunk, CallOutcome::Pass, 5),
            (1, Hook::Request, CallOutcome::Pass, 4),
            (2, Hook::Chunk, CallOutcome::Trap, 6),
            (3, Hook::Chunk, CallOutcome::Edit, 1),
            (2, Hook::Chunk, CallOutcome::Paused, u32::MAX),
        ] {
            trail.called(call(policy, hook, outcome, took_us));
        }
        let calls = trail.calls();
        let expected = [
            call(1, Hook::Request, CallOutcome::Edit, 3),
            call(2, Hook::Chunk, CallOutcome::Trap, u32::MAX),
            call(1, Hook::Request, CallOutcome::Pass, 4),
            call(3, Hook::Chunk, CallOutcome::Edit, 1),
        ];
        assert_eq!((calls.iter().copied().collect::<Vec<_>>(), calls.left_out()), (expected.to_vec(), 0));
    }

    #[test]
    fn of_too_many_it_is_known_how_many_there_were() {
        let trail = Trail::default();
        (0..300).for_each(|policy| trail.called(call(policy, Hook::Request, CallOutcome::Pass, 1)));
        let calls = trail.calls();
        assert_eq!((calls.iter().count(), calls.left_out()), (MOST, 255 - MOST));
    }

    #[test]
    fn pieces_that_found_no_place_are_one_call_that_is_left_out() {
        let trail = Trail::default();
        (0..MOST).for_each(|_| trail.called(call(1, Hook::Request, CallOutcome::Pass, 1)));
        for policy in [2, 2, 2, 3, 2] {
            trail.called(call(policy, Hook::Chunk, CallOutcome::Pass, 1));
        }
        assert_eq!(trail.calls().left_out(), 2);
    }

    #[test]
    fn a_trail_is_used_again_only_when_nobody_has_it() {
        let trails = Trails::default();
        let (first, second) = (trails.begin(), trails.begin());
        first.called(call(1, Hook::Request, CallOutcome::Pass, 1));
        let (kept, address) = (second.clone(), Rc::as_ptr(&first));
        trails.end(first);
        trails.end(second);
        let again = trails.begin();
        assert_eq!((Rc::as_ptr(&again), again.calls()), (address, Calls::default()));
        assert_ne!(Rc::as_ptr(&trails.begin()), Rc::as_ptr(&kept));
    }

    #[test]
    fn a_call_is_small() {
        assert!(size_of::<Calls>() <= 8 * MOST + 16, "{} bytes", size_of::<Calls>());
    }
}
