//! A limiter that counts as if periods never ended, or answers as the test says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const MAX_DEMANDS: usize = 16;
const MAX_KEY: usize = 1024;

thread_local! {
    static USED: RefCell<BTreeMap<(String, Vec<u8>, Rule), u64>> = const { RefCell::new(BTreeMap::new()) };
    static FAILURE: Cell<Option<Error>> = const { Cell::new(None) };
}

/// So many units in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance {
    /// At least 1.
    pub amount: u32,
    /// Milliseconds.
    pub period_ms: u64,
}

/// How units come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A token bucket that is refilled evenly and holds at most so many.
    Bucket((Allowance, u32)),
    /// Periods follow each other; each begins with the whole amount.
    FixedWindow(Allowance),
    /// The last period.
    SlidingWindow(Allowance),
    /// Months of the calendar, in UTC.
    Monthly(u32),
    /// So many at once, which lapse after so many milliseconds. Here nothing is given back but by [`forget`].
    Concurrent((u32, u64)),
}

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand<'a> {
    /// Whom or what it is counted for.
    pub key: &'a [u8],
    /// The limit.
    pub rule: Rule,
    /// Units; 0 only looks.
    pub cost: u32,
}

/// How a demand stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether there was room for it.
    pub has_room: bool,
    /// Units that are left.
    pub remaining: u64,
    /// Milliseconds until there are more.
    pub reset_ms: u64,
    /// Milliseconds until there would be room for it; none where there never is.
    pub retry_ms: Option<u64>,
}

/// What is to happen while a shared store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// `Unavailable`.
    Fail,
    /// Counting goes on in one process alone.
    CountHere,
}

/// Why nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted.
    Denied,
    /// No demands or too many, a key that is too long, or a rule that is none.
    Invalid,
    /// The store did not answer; a `dependency` failure.
    Unavailable,
}

/// Let every further call fail with this error, or none. `Unavailable` fails no call that asks to be counted here then.
pub fn fail_with(error: Option<Error>) {
    FAILURE.set(error);
}

/// A period is over: what was counted is forgotten.
pub fn forget() {
    USED.with_borrow_mut(BTreeMap::clear);
}

pub(crate) fn take(limiter: &str, demands: &[Demand<'_>], absence: Absence) -> Result<Vec<Standing>, Error> {
    super::refuse_while_configuring("limiter");
    match FAILURE.get() {
        Some(Error::Unavailable) if absence == Absence::CountHere => {}
        Some(error) => return Err(error),
        None => {}
    }
    let is_long = |demand: &Demand<'_>| demand.key.len() > MAX_KEY || demand.rule.most() == 0;
    if demands.is_empty() || demands.len() > MAX_DEMANDS || demands.iter().any(is_long) {
        return Err(Error::Invalid);
    }
    USED.with_borrow_mut(|used| {
        let place = |demand: &Demand<'_>| (limiter.to_owned(), demand.key.to_vec(), demand.rule);
        let left = |used: &BTreeMap<_, u64>, demand: &Demand<'_>| {
            demand.rule.most().saturating_sub(used.get(&place(demand)).copied().unwrap_or_default())
        };
        let has_room = |used: &BTreeMap<_, u64>, demand: &Demand<'_>| u64::from(demand.cost) <= left(used, demand);
        let standing = |used: &BTreeMap<_, u64>, demand: &Demand<'_>, has_room: bool| Standing {
            has_room,
            remaining: left(used, demand),
            reset_ms: demand.rule.period_ms(),
            retry_ms: match has_room {
                true => Some(0),
                false => (u64::from(demand.cost) <= demand.rule.most()).then(|| demand.rule.period_ms()),
            },
        };
        if !demands.iter().all(|demand| has_room(used, demand)) {
            return Ok(demands.iter().map(|demand| standing(used, demand, has_room(used, demand))).collect());
        }
        for demand in demands {
            *used.entry(place(demand)).or_default() += u64::from(demand.cost);
        }
        Ok(demands.iter().map(|demand| standing(used, demand, true)).collect())
    })
}

pub(super) fn reset() {
    forget();
    FAILURE.set(None);
}

impl Rule {
    fn most(self) -> u64 {
        match self {
            Self::Bucket((_, burst)) => burst.into(),
            Self::FixedWindow(allowance) | Self::SlidingWindow(allowance) => allowance.amount.into(),
            Self::Monthly(most) | Self::Concurrent((most, _)) => most.into(),
        }
    }

    fn period_ms(self) -> u64 {
        match self {
            Self::Bucket((allowance, _)) | Self::FixedWindow(allowance) | Self::SlidingWindow(allowance) => {
                allowance.period_ms
            }
            Self::Monthly(_) => 30 * 24 * 60 * 60 * 1000,
            Self::Concurrent(_) => 1000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter;

    const TWO: Rule = Rule::FixedWindow(Allowance { amount: 2, period_ms: 1000 });

    fn ask(cost: u32) -> Vec<Standing> {
        let wide = Demand { key: b"all", rule: Rule::Monthly(100), cost };
        limiter::take("l", &[Demand { key: b"k", rule: TWO, cost }, wide], Absence::Fail).unwrap()
    }

    #[test]
    fn units_are_taken_together_until_the_period_is_over() {
        assert!(ask(2)[0].has_room);
        let [full, wide] = ask(1)[..] else { panic!("two were asked about") };
        assert_eq!((full.has_room, full.remaining, full.retry_ms), (false, 0, Some(1000)));
        assert_eq!((wide.has_room, wide.remaining), (true, 98), "nothing is taken where one has no room");
        assert_eq!(ask(3)[0].retry_ms, None, "there never is so much");
        forget();
        assert!(ask(1)[0].has_room);
    }

    #[test]
    fn what_cannot_be_asked_is_invalid_and_an_outage_is_told() {
        let take = |demands: &[Demand<'_>], absence| limiter::take("l", demands, absence);
        let demand = Demand { key: b"k", rule: TWO, cost: 1 };
        assert_eq!(take(&[], Absence::Fail), Err(Error::Invalid));
        assert_eq!(take(&[demand; 17], Absence::Fail), Err(Error::Invalid));
        assert_eq!(take(&[Demand { key: &[0; 1025], ..demand }], Absence::Fail), Err(Error::Invalid));
        fail_with(Some(Error::Unavailable));
        assert_eq!(take(&[demand], Absence::Fail), Err(Error::Unavailable));
        assert!(take(&[demand], Absence::CountHere).unwrap()[0].has_room);
    }
}
