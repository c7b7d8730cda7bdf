//! The memory of the gateway over time.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lockgate_tests::Gateway;

const INTERVAL: Duration = Duration::from_secs(1);
const MIB: f64 = 1024.0 * 1024.0;

/// Looks at it now and then.
pub(crate) struct Watch {
    stop: mpsc::Sender<()>,
    samples: JoinHandle<Vec<(f64, f64)>>,
}

/// Seconds and MiB.
pub(crate) struct Memory(Vec<(f64, f64)>);

impl Watch {
    pub(crate) fn start(gateway: &Arc<Gateway>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let (gateway, begun) = (gateway.clone(), Instant::now());
        let look = move || {
            let mut samples = Vec::new();
            loop {
                samples.push((begun.elapsed().as_secs_f64(), gateway.memory().0 as f64 / MIB));
                if stopped.recv_timeout(INTERVAL) != Err(RecvTimeoutError::Timeout) {
                    return samples;
                }
            }
        };
        Self { stop, samples: std::thread::spawn(look) }
    }

    pub(crate) fn stop(self) -> Memory {
        drop(self.stop);
        Memory(self.samples.join().unwrap())
    }
}

/// MiB per minute, by least squares.
fn slope(samples: &[(f64, f64)]) -> f64 {
    let count = samples.len() as f64;
    let mean = |value: fn(&(f64, f64)) -> f64| samples.iter().map(value).sum::<f64>() / count;
    let (time, memory) = (mean(|it| it.0), mean(|it| it.1));
    let along: f64 = samples.iter().map(|it| (it.0 - time) * (it.1 - memory)).sum();
    let spread: f64 = samples.iter().map(|it| (it.0 - time).powi(2)).sum();
    60.0 * along / spread
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = &self.0;
        let at = |at: usize| samples.get(at).map_or(f64::NAN, |it| it.1);
        let most = samples.iter().map(|it| it.1).fold(0.0, f64::max);
        let half = samples.len() / 2;
        write!(
            f,
            "memory: {:.1} MiB at the beginning, {:.1} after half the time, {:.1} at the end, {most:.1} at most; \
             slope of the second half {:+.2} MiB per minute",
            at(0),
            at(half),
            at(samples.len() - 1),
            slope(&samples[half..]),
        )
    }
}
