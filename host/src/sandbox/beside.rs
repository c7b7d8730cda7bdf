//! Room for calls beside the workers: of each policy so many at once, and of all together what there is memory for.

use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::fault::PluginFault;

/// Calls of one policy, over all workers: a part of what there is, so that it leaves room for others.
const MAX_WAITING: usize = 128;
const MAX_SLOW: usize = 32;

/// The room of one policy.
pub(super) struct Beside {
    own: Semaphore,
    /// For the instances of calls that wait, in slots of memory; of all policies. Others have none before it is their
    /// turn.
    slots: Option<Arc<Semaphore>>,
}

/// A call that is under way.
pub(super) struct Place<'a> {
    _own: SemaphorePermit<'a>,
    _slots: Option<SemaphorePermit<'a>>,
}

impl Beside {
    /// For a policy whose calls wait.
    pub(super) fn waiting(slots: Arc<Semaphore>) -> Self {
        Self { own: Semaphore::new(MAX_WAITING), slots: Some(slots) }
    }

    /// For a policy whose calls go to the slow lane at times.
    pub(super) fn slow() -> Self {
        Self { own: Semaphore::new(MAX_SLOW), slots: None }
    }

    /// A place for a call whose instance takes so many slots.
    pub(super) fn enter(&self, slots: u32) -> Result<Place<'_>, PluginFault> {
        let full = |_| PluginFault::Busy;
        let own = self.own.try_acquire().map_err(full)?;
        let slots = self.slots.as_ref().map(|all| all.try_acquire_many(slots)).transpose().map_err(full)?;
        Ok(Place { _own: own, _slots: slots })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_policy_has_no_more_than_its_part_and_all_together_no_more_than_there_is() {
        let all = Arc::new(Semaphore::new(MAX_WAITING + 3));
        let (greedy, modest, large) =
            (Beside::waiting(all.clone()), Beside::waiting(all.clone()), Beside::waiting(all.clone()));
        let taken: Vec<_> = (0..MAX_WAITING).map(|_| greedy.enter(1)).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert!(greedy.enter(1).is_err(), "its part is used up");
        let place = modest.enter(1);
        assert!(place.is_ok(), "others have room");
        assert!(large.enter(3).is_err(), "not for so much");
        drop(place);
        assert!(large.enter(3).is_ok());
        drop(taken);
        assert!(greedy.enter(1).is_ok());
        assert_eq!(all.available_permits(), MAX_WAITING + 3, "all is given back");
    }

    #[test]
    fn calls_in_the_slow_lane_take_no_memory_while_they_wait() {
        let slow = Beside::slow();
        let taken: Vec<_> = (0..MAX_SLOW).map(|_| slow.enter(64)).collect();
        assert!(taken.iter().all(Result::is_ok) && slow.enter(64).is_err());
    }
}
