//! When requests are due, to the microsecond: a timer of the kernel's, since those of the runtime are good to a millisecond.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::Outcome;

/// The least time from one departure to the next. Where requests are due more often, several leave at once: to be woken
/// for each of them would cost more than to send them.
const FINEST: Duration = Duration::from_micros(50);

/// Departures at equal distances.
pub(crate) struct Timetable {
    timer: AsyncFd<OwnedFd>,
    begin: Instant,
    period: Duration,
    departures: u32,
    left: u32,
    /// How many requests leave at once.
    together: usize,
}

impl Timetable {
    /// The first departure is one period from now.
    pub(crate) fn begin(rate: f64, seconds: f64) -> Outcome<Self> {
        let together = (rate * FINEST.as_secs_f64()).ceil();
        let period = Duration::try_from_secs_f64(together / rate)?;
        let step = Timespec::try_from(period)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let begin = Instant::now();
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: step, it_value: step })?;
        let departures = (rate * seconds / together) as u32;
        #[expect(
            deprecated,
            reason = "unsound for types that close the descriptor behind its back; an OwnedFd does not"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, begin, period, departures: departures.max(1), left: 0, together: together as usize })
    }

    /// When the requests were due whose time has come since the last call: at least one, or none if all have left.
    pub(crate) async fn next(&mut self) -> Outcome<Option<Vec<Instant>>> {
        while self.left < self.departures {
            let mut ready = self.timer.readable().await?;
            let mut ticks = [0; 8];
            if ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?)).is_err() {
                continue;
            }
            let past = self.begin.elapsed().as_nanos() / self.period.as_nanos();
            let now = self.left..self.departures.min(past as u32);
            if now.is_empty() {
                continue;
            }
            self.left = now.end;
            let due = |number| std::iter::repeat_n(self.begin + self.period * (number + 1), self.together);
            return Ok(Some(now.flat_map(due).collect()));
        }
        Ok(None)
    }

    /// How many requests there are in all.
    pub(crate) fn requests(&self) -> usize {
        self.departures as usize * self.together
    }
}
