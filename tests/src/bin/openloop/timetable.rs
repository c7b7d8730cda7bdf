//! When requests are due, to the microsecond: a timer of the kernel's, since those of the runtime are good to a millisecond.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

use crate::Outcome;

/// Departures at equal distances.
pub(crate) struct Timetable {
    timer: AsyncFd<OwnedFd>,
    begin: Instant,
    period: Duration,
    departures: usize,
    left: usize,
}

impl Timetable {
    /// The first departure is one period from now.
    pub(crate) fn begin(rate: f64, seconds: f64) -> Outcome<Self> {
        let period = Duration::try_from_secs_f64(1.0 / rate)?;
        let step = Timespec::try_from(period)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        let begin = Instant::now();
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: step, it_value: step })?;
        let departures = ((rate * seconds) as usize).max(1);
        #[expect(
            deprecated,
            reason = "unsound for types that close the descriptor behind its back; an OwnedFd does not"
        )]
        let timer = AsyncFd::new(timer)?;
        Ok(Self { timer, begin, period, departures, left: 0 })
    }

    /// Those whose time has come since the last call: at least one, or none if all have left.
    pub(crate) async fn next(&mut self) -> Outcome<Option<Vec<Instant>>> {
        while self.left < self.departures {
            let mut ready = self.timer.readable().await?;
            let mut ticks = [0; 8];
            if ready.try_io(|timer| Ok(rustix::io::read(timer, &mut ticks)?)).is_err() {
                continue;
            }
            let until = (self.begin.elapsed().as_nanos() / self.period.as_nanos()) as usize;
            let now = self.left..until.min(self.departures);
            if now.is_empty() {
                continue;
            }
            self.left = now.end;
            return Ok(Some(now.map(|number| self.begin + self.period.mul_f64((number + 1) as f64)).collect()));
        }
        Ok(None)
    }

    /// How many there are in all.
    pub(crate) fn departures(&self) -> usize {
        self.departures
    }
}
