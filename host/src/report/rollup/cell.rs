//! What is counted of the requests of one series in one span of time.

use super::super::finished::Finished;
use super::super::histogram::{Histogram, Lap};

/// Sums, and histograms of how long it took: of two spans the cell is the merge of theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) requests: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u64,
    pub(crate) policy_us: u64,
    pub(crate) total: Histogram,
    pub(crate) upstream: Histogram,
    pub(crate) gateway: Histogram,
}

/// The durations of a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Laps {
    pub(crate) total: Lap,
    pub(crate) upstream: Option<Lap>,
    pub(crate) gateway: Lap,
}

impl Laps {
    pub(crate) fn of(finished: &Finished) -> Self {
        Self {
            total: Lap::of(finished.total_us),
            upstream: finished.upstream_us.map(Lap::of),
            gateway: Lap::of(finished.gateway_us),
        }
    }
}

impl Cell {
    pub(crate) fn record(&mut self, finished: &Finished, laps: &Laps) {
        self.add([1, finished.bytes_in, finished.bytes_out, u64::from(finished.retries), finished.policy_us]);
        self.total.record(laps.total);
        self.gateway.record(laps.gateway);
        if let Some(lap) = laps.upstream {
            self.upstream.record(lap);
        }
    }

    /// Of a call there is only how long it took.
    pub(crate) fn record_call(&mut self, took_us: u64) {
        self.add([1, 0, 0, 0, took_us]);
        self.total.record(Lap::of(took_us));
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.add([other.requests, other.bytes_in, other.bytes_out, other.retries, other.policy_us]);
        self.total.merge(&other.total);
        self.upstream.merge(&other.upstream);
        self.gateway.merge(&other.gateway);
    }

    fn add(&mut self, more: [u64; 5]) {
        let sums =
            [&mut self.requests, &mut self.bytes_in, &mut self.bytes_out, &mut self.retries, &mut self.policy_us];
        for (sum, more) in sums.into_iter().zip(more) {
            // SQLite has no greater number.
            *sum = sum.saturating_add(more).min(i64::MAX as u64);
        }
    }
}
