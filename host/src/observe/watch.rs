//! Those who watch finished requests as they come: few, and each with a queue of its own that is never waited for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::report::{Filter, Finished};

/// Who may watch at once.
const MOST_WATCHERS: usize = 8;
/// Requests that wait for one of them.
const QUEUE: usize = 4096;

/// Where finished requests are told of to whoever watches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Watchers>>);

#[derive(Debug, Default)]
struct Watchers {
    all: Vec<Watcher>,
    is_over: bool,
}

#[derive(Debug)]
struct Watcher {
    filter: Filter,
    queue: Sender<Seen>,
    /// Admitted of what is read now, some more than there is place for. Workers are read one after the other, so that these
    /// are sorted when all are.
    admitted: Vec<Finished>,
    /// Later than all of them, and let go.
    beyond: u64,
    /// For which there was no place, since it was last told of any.
    missed: u64,
}

/// What whoever watches is told, in the order in which it happened.
#[derive(Debug)]
pub(crate) enum Seen {
    Request(Box<Finished>),
    /// It was too slow for so many that its filter admits.
    Missed(u64),
}

/// Why nobody more can watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    #[error("{MOST_WATCHERS} watch already")]
    Taken,
    #[error("the gateway ends")]
    Over,
}

/// One who watches, while this lives.
#[derive(Debug)]
pub(crate) struct Watching(Receiver<Seen>);

impl Watch {
    /// Watch requests that a filter admits, from now on.
    pub(crate) fn begin(&self, filter: Filter) -> Result<Watching, NoPlace> {
        let mut watchers = self.lock();
        watchers.all.retain(|watcher| !watcher.queue.is_closed());
        if watchers.is_over {
            return Err(NoPlace::Over);
        }
        if watchers.all.len() >= MOST_WATCHERS {
            return Err(NoPlace::Taken);
        }
        let (queue, waiting) = mpsc::channel(QUEUE);
        watchers.all.push(Watcher { filter, queue, admitted: Vec::new(), beyond: 0, missed: 0 });
        Ok(Watching(waiting))
    }

    /// Requests have ended; where that are none, those before are told of.
    pub(crate) fn tell(&self, batch: &[Finished]) {
        let mut watchers = self.lock();
        watchers.all.retain_mut(|watcher| watcher.tell(batch));
    }

    /// Nobody is told anything more.
    pub(crate) fn end(&self) {
        *self.lock() = Watchers { all: Vec::new(), is_over: true };
    }

    fn lock(&self) -> MutexGuard<'_, Watchers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    /// False if nobody listens any more.
    fn tell(&mut self, batch: &[Finished]) -> bool {
        if batch.is_empty() {
            self.tell_all();
        }
        for finished in batch.iter().filter(|finished| self.filter.admits(finished)) {
            self.admitted.push(finished.clone());
            if self.admitted.len() >= 2 * QUEUE {
                self.admitted.sort_by_key(|finished| finished.time);
                self.beyond += (self.admitted.len() - QUEUE) as u64;
                self.admitted.truncate(QUEUE);
            }
        }
        !self.queue.is_closed()
    }

    fn tell_all(&mut self) {
        self.tell_missed();
        self.admitted.sort_by_key(|finished| finished.time);
        for finished in std::mem::take(&mut self.admitted) {
            match self.queue.try_reserve() {
                Ok(place) if self.missed == 0 => place.send(Seen::Request(Box::new(finished))),
                _ => self.missed += 1,
            }
        }
        self.missed += std::mem::take(&mut self.beyond);
    }

    fn tell_missed(&mut self) {
        if self.missed > 0 && self.queue.try_send(Seen::Missed(self.missed)).is_ok() {
            self.missed = 0;
        }
    }
}

impl Watching {
    /// The next; none once nothing more is told.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Seen>> {
        self.0.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::report::tests::{NOON, failed, finished};
    use crate::telemetry::RequestId;

    /// All that waits, as ids of requests and numbers of those that were missed.
    fn taken(watching: &mut Watching) -> Vec<Result<String, u64>> {
        let waiting = std::iter::from_fn(|| watching.0.try_recv().ok());
        let told = waiting.map(|seen| match seen {
            Seen::Request(finished) => Ok(finished.request.to_string()),
            Seen::Missed(count) => Err(count),
        });
        told.collect()
    }

    fn taken_times(watching: &mut Watching) -> Vec<std::time::SystemTime> {
        let waiting = std::iter::from_fn(|| watching.0.try_recv().ok());
        let time = |seen| if let Seen::Request(finished) = seen { Some(finished.time) } else { None };
        waiting.filter_map(time).collect()
    }

    fn errors() -> Filter {
        Filter::parse(&["status=5xx".to_owned()], None).unwrap()
    }

    #[test]
    fn each_is_told_what_its_filter_admits() {
        let watch = Watch::default();
        let (mut all, mut errors) = (watch.begin(Filter::default()).unwrap(), watch.begin(errors()).unwrap());
        watch.tell(&[finished(NOON), failed(NOON)]);
        watch.tell(&[finished(NOON)]);
        watch.tell(&[]);
        assert_eq!((taken(&mut all).len(), taken(&mut errors).len()), (3, 1));
    }

    #[test]
    fn what_several_workers_told_of_is_told_in_the_order_in_which_it_ended() {
        let watch = Watch::default();
        let mut watching = watch.begin(Filter::default()).unwrap();
        let at = |millis, id| Finished {
            time: finished(NOON).time + Duration::from_millis(millis),
            request: RequestId::Number(id),
            ..finished(NOON)
        };
        watch.tell(&[at(1, 1), at(3, 3)]);
        watch.tell(&[at(2, 2), at(4, 4)]);
        watch.tell(&[]);
        let told: Vec<_> = taken(&mut watching).into_iter().map(Result::unwrap).collect();
        assert_eq!(told, [1, 2, 3, 4].map(|id| RequestId::Number(id).to_string()));
    }

    #[test]
    fn who_is_slow_loses_the_newest_and_is_told_how_many_where_they_are_missing() {
        let watch = Watch::default();
        let mut slow = watch.begin(errors()).unwrap();
        let batch: Vec<_> = (0..QUEUE + 7).flat_map(|_| [failed(NOON), finished(NOON)]).collect();
        let tell = |batch: &[Finished]| [batch, &[]].iter().for_each(|it| watch.tell(it));
        tell(&batch);
        assert_eq!(taken(&mut slow).iter().filter(|told| told.is_ok()).count(), QUEUE);
        tell(&[failed(NOON), failed(NOON)]);
        let told = taken(&mut slow);
        assert!(matches!(told[..], [Err(7), Ok(_), Ok(_)]), "{told:?}");
        // Of more than that the first are told of, whichever worker was read first.
        let at = |second| failed(NOON + second);
        tell(&(0..3 * QUEUE as u64).rev().map(at).collect::<Vec<_>>());
        let told = taken_times(&mut slow);
        assert_eq!((told.len(), told[0], told[QUEUE - 1]), (QUEUE, at(0).time, at(QUEUE as u64 - 1).time));
        watch.tell(&[]);
        assert!(matches!(taken(&mut slow)[..], [Err(missed)] if missed == 2 * QUEUE as u64));
        // It hears of them also where nothing more comes.
        tell(&batch);
        taken(&mut slow);
        watch.tell(&[]);
        assert!(matches!(taken(&mut slow)[..], [Err(7)]));
    }

    #[test]
    fn eight_may_watch_and_who_goes_makes_room() {
        let watch = Watch::default();
        let mut all: Vec<_> = (0..MOST_WATCHERS).map(|_| watch.begin(Filter::default()).unwrap()).collect();
        assert_eq!(watch.begin(Filter::default()).unwrap_err(), NoPlace::Taken);
        all.pop();
        all.push(watch.begin(Filter::default()).unwrap());
        all.clear();
        watch.tell(&[finished(NOON)]);
        assert!(watch.lock().all.is_empty(), "nothing is done for nobody");
    }

    #[test]
    fn at_the_end_all_hear_that_it_is_over() {
        let watch = Watch::default();
        let mut watching = watch.begin(Filter::default()).unwrap();
        watch.tell(&[finished(NOON)]);
        watch.tell(&[]);
        watch.end();
        assert_eq!(taken(&mut watching).len(), 1, "what was told before is heard");
        assert!(watching.0.is_closed() && watch.begin(Filter::default()).unwrap_err() == NoPlace::Over);
    }
}
