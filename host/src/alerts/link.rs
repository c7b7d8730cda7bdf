//! What one receiver has still to be told of an alert, and when: from how the alert stands and what came of telling it before.

use std::time::{Duration, Instant};

use super::alert::Standing;
use super::course::Phase;
use crate::telemetry::metrics::NoticeOutcome;

/// The time between two attempts: the first, and the longest.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(300);
/// What a receiver may want to be waited for at most.
const PATIENCE: Duration = Duration::from_secs(900);
/// How long the same is tried to be told.
const GIVE_UP: Duration = Duration::from_secs(3_600);

/// What is between an alert and a receiver.
#[derive(Debug)]
pub(super) struct Link {
    repeat: Duration,
    /// The firing that the receiver was told of last, or is not to be told of, and when that was.
    dealt: Option<(u64, Instant)>,
    /// Whether it may have heard of a firing, and not that it is over.
    heard: bool,
    trying: Option<Trying>,
    /// How often nobody could be told since somebody was.
    failed: u32,
    not_before: Option<Instant>,
}

/// What is to be told and could not be yet.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trying {
    due: Matter,
    since: Instant,
}

/// Of which firing, and whether it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Matter {
    times: u64,
    is_over: bool,
    pub(super) is_repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Tell(Matter),
    /// Nothing before this, unless there is news.
    At(Instant),
    /// Nothing, unless there is news.
    Nothing,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Delivered,
    /// It would not be taken later either.
    Refused,
    /// It may be taken later, and not before `wait` where that is said. Whether it may have been heard all the same.
    Failed {
        may_be_heard: bool,
        wait: Option<Duration>,
    },
}

impl Link {
    pub(super) fn new(repeat: Duration) -> Self {
        Self { repeat, dealt: None, heard: false, trying: None, failed: 0, not_before: None }
    }

    /// What is due as the alert stands; and whether what was tried to be told before is not any more.
    pub(super) fn due(&mut self, standing: &Standing, now: Instant) -> (Due, bool) {
        let matter = self.matter(standing, now);
        let superseded = match (&self.trying, matter) {
            (Some(trying), Ok(matter)) => trying.due != matter,
            (Some(_), Err(_)) => true,
            (None, _) => false,
        };
        if superseded {
            self.trying = None;
        }
        let due = match (matter, self.not_before.filter(|at| *at > now)) {
            (Ok(_), Some(at)) => Due::At(at),
            (Ok(matter), None) => Due::Tell(matter),
            (Err(Some(at)), _) => Due::At(at),
            (Err(None), _) => Due::Nothing,
        };
        (due, superseded)
    }

    /// What there is to tell, or else when there may be.
    fn matter(&self, standing: &Standing, now: Instant) -> Result<Matter, Option<Instant>> {
        let times = standing.times;
        let matter = |is_over, is_repeated| Ok(Matter { times, is_over, is_repeated });
        match (standing.phase, self.dealt.filter(|(of, _)| *of == times)) {
            (Phase::Firing, None) => matter(false, false),
            (Phase::Firing, Some((_, at))) if now >= at + self.repeat => matter(false, true),
            (Phase::Firing, Some((_, at))) => Err(Some(at + self.repeat)),
            // Who never heard of it need not hear that it is over.
            (Phase::Ok | Phase::Pending, _) if self.heard => matter(true, false),
            (Phase::Ok | Phase::Pending, _) => Err(None),
        }
    }

    /// Whether the last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failed > 0
    }

    /// It was tried to tell something, by chance between 0 and 1 a little later or earlier. Returns what is to be counted.
    pub(super) fn sent(&mut self, matter: Matter, sent: Sent, now: Instant, chance: f64) -> NoticeOutcome {
        let outcome = match sent {
            Sent::Delivered => NoticeOutcome::Delivered,
            Sent::Refused => NoticeOutcome::Refused,
            Sent::Failed { may_be_heard, wait } => {
                self.heard |= may_be_heard && !matter.is_over;
                let since = self.trying.get_or_insert(Trying { due: matter, since: now }).since;
                let pause = FIRST.saturating_mul(1_u32.checked_shl(self.failed).unwrap_or(u32::MAX)).min(LONGEST);
                let pause = pause.mul_f64(0.5 + chance / 2.0).max(wait.unwrap_or_default().min(PATIENCE));
                self.failed = self.failed.saturating_add(1);
                self.not_before = Some(now + pause);
                if now + pause < since + GIVE_UP {
                    return NoticeOutcome::Failed;
                }
                NoticeOutcome::Expired
            }
        };
        match (matter.is_over, outcome) {
            (true, _) => self.heard = false,
            (false, outcome) => {
                self.dealt = Some((matter.times, now));
                self.heard |= outcome == NoticeOutcome::Delivered;
            }
        }
        self.trying = None;
        if outcome != NoticeOutcome::Expired {
            (self.failed, self.not_before) = (0, None);
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::alerts::window::Reading;

    const REPEAT: Duration = Duration::from_secs(14_400);
    const DOWN: Sent = Sent::Failed { may_be_heard: false, wait: None };
    const ODD: Sent = Sent::Failed { may_be_heard: true, wait: None };

    fn standing(phase: Phase, times: u64) -> Standing {
        let reading = Reading::default();
        Standing { phase, reading, since: SystemTime::UNIX_EPOCH, fired: None, times, is_over: false }
    }

    fn firing(times: u64) -> Standing {
        standing(Phase::Firing, times)
    }

    fn over(times: u64) -> Standing {
        standing(Phase::Ok, times)
    }

    /// A receiver, and the seconds since something.
    struct Story {
        link: Link,
        begun: Instant,
    }

    impl Story {
        fn new() -> Self {
            Self { link: Link::new(REPEAT), begun: Instant::now() }
        }

        fn due(&mut self, standing: &Standing, second: u64) -> (Due, bool) {
            self.link.due(standing, self.begun + Duration::from_secs(second))
        }

        /// Tell what is due, which something has to be.
        #[track_caller]
        fn tell(&mut self, standing: &Standing, second: u64, sent: Sent) -> (Matter, NoticeOutcome) {
            let (Due::Tell(matter), _) = self.due(standing, second) else { panic!("nothing is due") };
            let outcome = self.link.sent(matter, sent, self.begun + Duration::from_secs(second), 1.0);
            (matter, outcome)
        }

        fn waits(&mut self, standing: &Standing, second: u64) -> Option<u64> {
            match self.due(standing, second).0 {
                Due::At(at) => Some((at - self.begun).as_secs()),
                Due::Tell(_) => panic!("something is due"),
                Due::Nothing => None,
            }
        }
    }

    #[test]
    fn firing_and_its_end_are_told_once_each_and_what_lasts_again() {
        let mut story = Story::new();
        assert_eq!(story.waits(&over(0), 0), None);
        let (matter, outcome) = story.tell(&firing(1), 1, Sent::Delivered);
        assert!(outcome == NoticeOutcome::Delivered && !matter.is_repeated && !matter.is_over);
        assert_eq!(story.waits(&firing(1), 2), Some(1 + 14_400));
        assert!(story.tell(&firing(1), 14_401, Sent::Delivered).0.is_repeated);
        assert!(story.tell(&over(1), 15_000, Sent::Delivered).0.is_over);
        assert_eq!(story.waits(&over(1), 15_001), None);
        assert!(!story.tell(&firing(2), 15_002, Sent::Delivered).0.is_repeated);
    }

    #[test]
    fn who_never_heard_of_it_is_not_told_that_it_is_over() {
        let mut story = Story::new();
        assert_eq!(story.tell(&firing(1), 0, DOWN).1, NoticeOutcome::Failed);
        assert_eq!(story.due(&over(1), 1), (Due::Nothing, true));
        assert_eq!(story.due(&over(1), 2), (Due::Nothing, false));
    }

    #[test]
    fn who_may_have_heard_of_it_is_told_that_it_is_over() {
        let mut story = Story::new();
        story.tell(&firing(1), 0, ODD);
        assert_eq!(story.waits(&over(1), 0), Some(1), "and not sooner than it may be asked again");
        assert!(story.tell(&over(1), 1, ODD).0.is_over);
        assert!(story.tell(&over(1), 3, Sent::Delivered).0.is_over);
        assert_eq!(story.waits(&over(1), 4), None);
    }

    #[test]
    fn the_newest_firing_takes_the_place_of_the_end_of_the_one_before() {
        let mut story = Story::new();
        story.tell(&firing(1), 0, Sent::Delivered);
        story.tell(&over(1), 1, DOWN);
        let (due, superseded) = story.due(&firing(2), 60);
        assert!(matches!(due, Due::Tell(Matter { times: 2, is_over: false, is_repeated: false })) && superseded);
        story.tell(&firing(2), 60, Sent::Delivered);
        assert!(story.tell(&over(2), 61, Sent::Delivered).0.is_over);
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_after_an_hour_it_is_given_up_until_it_is_told_again() {
        let (mut story, mut second, mut pauses) = (Story::new(), 0, Vec::new());
        loop {
            match story.tell(&firing(1), second, DOWN).1 {
                NoticeOutcome::Failed => {}
                NoticeOutcome::Expired => break,
                other => panic!("{other:?}"),
            }
            let next = story.waits(&firing(1), second).unwrap();
            pauses.push(next - second);
            second = next;
        }
        assert_eq!(pauses[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert!((3_000..3_600).contains(&second) && pauses.iter().all(|pause| *pause <= 300), "{second} {pauses:?}");
        assert_eq!(story.waits(&firing(1), second + 1), Some(second + 14_400));
        assert!(story.tell(&firing(1), second + 14_400, Sent::Delivered).0.is_repeated);
    }

    #[test]
    fn after_somebody_was_told_pauses_are_short_again() {
        let mut story = Story::new();
        story.tell(&firing(1), 0, DOWN);
        story.tell(&firing(1), 1, DOWN);
        story.tell(&firing(1), 3, Sent::Delivered);
        story.tell(&over(1), 4, DOWN);
        assert_eq!(story.waits(&over(1), 4), Some(5));
    }

    #[test]
    fn a_receiver_may_say_how_long_it_is_to_be_left_alone_within_bounds() {
        for (wanted, waited) in [(0, 1), (7, 7), (900, 900), (100_000, 900)] {
            let mut story = Story::new();
            let wait = Some(Duration::from_secs(wanted));
            story.tell(&firing(1), 0, Sent::Failed { may_be_heard: true, wait });
            assert_eq!(story.waits(&firing(1), 0), Some(waited), "{wanted}");
        }
    }

    #[test]
    fn what_is_refused_is_not_told_again_soon_nor_its_end() {
        let mut story = Story::new();
        assert_eq!(story.tell(&firing(1), 0, Sent::Refused).1, NoticeOutcome::Refused);
        assert_eq!(story.waits(&firing(1), 1), Some(14_400));
        assert_eq!(story.waits(&over(1), 2), None);
    }
}
