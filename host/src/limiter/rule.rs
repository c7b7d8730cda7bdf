//! What a limit says, and the arithmetic of it: whole numbers only, so that every store that counts comes to the same.

use std::num::{NonZeroU32, NonZeroU64};

use super::calendar;

/// What is multiplied stays below this, and so exact where numbers are floating point, as those of Redis's scripts are.
const EXACT: u64 = 1 << 52;
/// Longest period, in milliseconds: 366 days.
const LONGEST: u64 = 366 * 24 * 60 * 60 * 1000;

/// How often something may happen. Times are in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rule {
    /// A token bucket: `amount` tokens come in each period, evenly, and at most `burst` lie there.
    Bucket { amount: NonZeroU32, period: NonZeroU64, burst: NonZeroU32 },
    /// So many in each period; periods follow each other since 1970.
    Fixed { amount: NonZeroU32, period: NonZeroU64 },
    /// So many in the last period, where those of the period before count by the share of it that is still within.
    Sliding { amount: NonZeroU32, period: NonZeroU64 },
    /// So many in each month, in UTC.
    Monthly { amount: NonZeroU32 },
    /// So many at once: what is taken is held, and given back. In a store that others share it lapses after so long, for
    /// gateways end without giving back what they hold.
    Concurrent { most: NonZeroU32, lapses: NonZeroU64 },
}

/// What is said of when something will be given back, which nobody knows, in milliseconds.
const SOON: u64 = 1000;

/// Why there is no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit has an amount and a period of at least 1, a period of at most 366 days, and not too much of both")]
pub(crate) struct Unusable;

/// What was counted for one rule and one key. Nothing yet is the default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// When a bucket was counted last; when the period began, of all others.
    pub(super) at: u64,
    /// Units in this period; of a bucket, what is missing, in periods-th of a token.
    pub(super) used: u64,
    /// Units in the period before, where those matter.
    pub(super) before: u64,
}

/// How a limit stands for one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Whether there is room for what was asked for.
    pub(crate) has_room: bool,
    /// Units that are left.
    pub(crate) remaining: u64,
    /// Milliseconds until there are more, if there ever are more than now.
    pub(crate) reset: u64,
    /// Milliseconds until there would be room, if nobody else took it; none if there never will be.
    pub(crate) retry: Option<u64>,
}

impl Rule {
    pub(crate) fn bucket(amount: u32, period: u64, burst: u32) -> Result<Self, Unusable> {
        let (amount, period) = usable(amount, period)?;
        let burst = NonZeroU32::new(burst).ok_or(Unusable)?;
        usable(burst.get(), period.get())?;
        Ok(Self::Bucket { amount, period, burst })
    }

    pub(crate) fn fixed(amount: u32, period: u64) -> Result<Self, Unusable> {
        usable(amount, period).map(|(amount, period)| Self::Fixed { amount, period })
    }

    pub(crate) fn sliding(amount: u32, period: u64) -> Result<Self, Unusable> {
        usable(amount, period).map(|(amount, period)| Self::Sliding { amount, period })
    }

    pub(crate) fn monthly(amount: u32) -> Result<Self, Unusable> {
        NonZeroU32::new(amount).map(|amount| Self::Monthly { amount }).ok_or(Unusable)
    }

    pub(crate) fn concurrent(most: u32, lapses: u64) -> Result<Self, Unusable> {
        usable(most, lapses).map(|(most, lapses)| Self::Concurrent { most, lapses })
    }

    /// Whether what is taken is given back.
    pub(super) fn is_held(self) -> bool {
        matches!(self, Self::Concurrent { .. })
    }

    /// Kind and period: rules that share them share what was counted, so that an amount can be changed on the way.
    pub(super) fn series(self) -> (u8, u64) {
        match self {
            Self::Bucket { period, .. } => (b'b', period.get()),
            Self::Fixed { period, .. } => (b'f', period.get()),
            Self::Sliding { period, .. } => (b's', period.get()),
            Self::Monthly { .. } => (b'm', 0),
            Self::Concurrent { .. } => (b'c', 0),
        }
    }

    /// The most there can be at once.
    pub(super) fn capacity(self) -> u64 {
        match self {
            Self::Bucket { burst: most, .. } | Self::Concurrent { most, .. } => most.get().into(),
            Self::Fixed { amount, .. } | Self::Sliding { amount, .. } | Self::Monthly { amount } => amount.get().into(),
        }
    }

    /// What was counted, as it counts now. Clocks of several gateways differ, and may be set back: a count from a little
    /// later stays, one from much later is none.
    pub(super) fn settle(self, count: Count, now: u64) -> Count {
        match self {
            Self::Bucket { amount, period, .. } => {
                if count.at > now {
                    return if count.at - now > period.get() { Count { at: now, ..Count::default() } } else { count };
                }
                let (amount, elapsed) = (u64::from(amount.get()), now - count.at);
                let is_full = elapsed >= count.used.div_ceil(amount);
                Count { at: now, used: if is_full { 0 } else { count.used - elapsed * amount }, before: 0 }
            }
            Self::Fixed { period, .. } => in_period(count, now - now % period, period.get()),
            Self::Sliding { period, .. } => {
                let (period, start) = (period.get(), now - now % period);
                match in_period(count, start, period) {
                    // The one before this ended when this began.
                    fresh if fresh.at != count.at && start.checked_sub(period) == Some(count.at) => {
                        Count { before: count.used, ..fresh }
                    }
                    settled => settled,
                }
            }
            Self::Monthly { .. } => {
                let (start, end) = calendar::month(now);
                in_period(count, start, end - start)
            }
            Self::Concurrent { .. } => count,
        }
    }

    /// How a settled count stands, if so much is asked for.
    pub(super) fn stand(self, count: Count, now: u64, cost: u32) -> Standing {
        let (capacity, cost) = (self.capacity(), u64::from(cost));
        match self {
            Self::Bucket { amount, period, .. } => {
                let (amount, period) = (u64::from(amount.get()), period.get());
                let whole = capacity * period;
                let free = whole.saturating_sub(count.used);
                let until = |free_then: u64| (free_then - free).div_ceil(amount);
                let has_room = cost <= capacity && cost * period <= free;
                let remaining = free / period;
                let retry = match has_room {
                    true => Some(0),
                    false => (cost <= capacity).then(|| until(cost * period)),
                };
                let reset = if remaining < capacity { until((remaining + 1) * period) } else { 0 };
                Standing { has_room, remaining, reset, retry }
            }
            Self::Fixed { .. } | Self::Monthly { .. } => {
                let (remaining, reset) = (capacity.saturating_sub(count.used), self.end(count).saturating_sub(now));
                let has_room = cost <= remaining;
                let retry = if has_room { Some(0) } else { (cost <= capacity).then_some(reset) };
                Standing { has_room, remaining, reset, retry }
            }
            Self::Sliding { period, .. } => {
                let (period, into) = (period.get(), now.saturating_sub(count.at));
                let before = count.before.min(capacity);
                let weighs = (before * period.saturating_sub(into)).div_ceil(period);
                let remaining = capacity.saturating_sub(count.used).saturating_sub(weighs);
                let reset = period.saturating_sub(into);
                let has_room = cost <= remaining;
                let retry = match has_room {
                    true => Some(0),
                    // As soon as those before weigh little enough, in this period or in the next, when these are those.
                    false if cost > capacity => None,
                    false if count.used + cost <= capacity => {
                        Some(lighter(before, capacity - count.used - cost, period).saturating_sub(into))
                    }
                    false => Some(reset + lighter(count.used.min(capacity), capacity - cost, period)),
                };
                Standing { has_room, remaining, reset, retry }
            }
            Self::Concurrent { .. } => {
                let remaining = capacity.saturating_sub(count.used);
                let has_room = cost <= remaining;
                let retry = if has_room { Some(0) } else { (cost <= capacity).then_some(SOON) };
                Standing { has_room, remaining, reset: if count.used > 0 { SOON } else { 0 }, retry }
            }
        }
    }

    /// The count after so much was given back.
    pub(super) fn give_back(count: Count, cost: u32) -> Count {
        Count { used: count.used.saturating_sub(cost.into()), ..count }
    }

    /// The count after so much was taken, for which there is room.
    pub(super) fn take(self, count: Count, cost: u32) -> Count {
        let unit = if let Self::Bucket { period, .. } = self { period.get() } else { 1 };
        Count { used: count.used + u64::from(cost) * unit, ..count }
    }

    /// When a count is as good as none.
    pub(super) fn end(self, count: Count) -> u64 {
        match self {
            Self::Bucket { amount, .. } => count.at + count.used.div_ceil(amount.get().into()),
            Self::Fixed { period, .. } => count.at + period.get(),
            Self::Sliding { period, .. } => count.at + 2 * period.get(),
            Self::Monthly { .. } => calendar::month(count.at).1,
            // As long as something is held.
            Self::Concurrent { .. } => {
                if count.used > 0 {
                    u64::MAX
                } else {
                    0
                }
            }
        }
    }
}

fn usable(amount: u32, period: u64) -> Result<(NonZeroU32, NonZeroU64), Unusable> {
    let (amount, period) = NonZeroU32::new(amount).zip(NonZeroU64::new(period)).ok_or(Unusable)?;
    let is_exact = u64::from(amount.get()).checked_mul(period.get()).is_some_and(|product| product <= EXACT);
    if is_exact && period.get() <= LONGEST { Ok((amount, period)) } else { Err(Unusable) }
}

/// The count of the period that began at `start`.
fn in_period(count: Count, start: u64, period: u64) -> Count {
    let is_of_now = count.at == start || count.at > start && count.at - start <= period;
    if is_of_now { count } else { Count { at: start, ..Count::default() } }
}

/// How far into a period those before it, `before` of them, weigh no more than `most`.
fn lighter(before: u64, most: u64, period: u64) -> u64 {
    if before <= most { 0 } else { period - most * period / before }
}
