//! A histogram of durations that merges exactly: the exponential buckets of OpenTelemetry at scale 5, few in memory and short as bytes.

use std::sync::LazyLock;

#[cfg(test)]
mod tests;

/// Buckets for each doubling: 2^5. What is read from them is at most 1.1 % off.
const PER_OCTAVE: u32 = 32;
/// The bucket of 2^64, the longest there is.
const LAST: u16 = 64 * PER_OCTAVE as u16 + 1;
/// Of the bytes, in front of them.
const FORMAT: u8 = 1;

/// Beyond so many buckets that were recorded one after the other, or merged, they are counts side by side, of which none
/// is looked for.
const MOST_RECORDED: usize = 16;
const MOST_MERGED: usize = 128;
/// Room that is made below the first of those.
const BELOW: u16 = 16;

/// Durations in microseconds. Bucket 0 is of zero; bucket `n` is of those above 2^((n-2)/32) and not above
/// 2^((n-1)/32), which OpenTelemetry calls `n-2`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    buckets: Buckets,
    sum: u64,
}

#[derive(Debug, Clone)]
enum Buckets {
    /// By number, each with how many there are, which is never 0.
    Few(Vec<(u16, u64)>),
    Many {
        first: u16,
        counts: Vec<u64>,
    },
}

impl Default for Buckets {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

/// A duration and its bucket, which is looked for once, whatever it is counted in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lap {
    us: u64,
    bucket: u16,
}

impl Lap {
    pub(crate) fn of(us: u64) -> Self {
        Self { us, bucket: bucket(us) }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, Lap { us, bucket }: Lap) {
        self.buckets.add(bucket, 1);
        self.sum = self.sum.saturating_add(us);
    }

    /// As if everything had been recorded here.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.buckets.merge(&other.buckets);
        self.sum = self.sum.saturating_add(other.sum);
    }

    pub(crate) fn count(&self) -> u64 {
        self.buckets.each().fold(0, |sum, (_, count)| sum.saturating_add(count))
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    /// The duration that a part `q` of all do not exceed, in microseconds; none where there are none.
    pub(crate) fn quantile(&self, q: f64) -> Option<f64> {
        self.bucket_of(q).map(middle)
    }

    /// The longest that may count as this quantile.
    pub(crate) fn quantile_limit(&self, q: f64) -> Option<f64> {
        self.bucket_of(q).map(|bucket| if bucket == 0 { 0.0 } else { bound(i32::from(bucket) - 1) })
    }

    fn bucket_of(&self, q: f64) -> Option<u16> {
        let count = self.count();
        let rank = ((q.clamp(0.0, 1.0) * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0_u64;
        let within = self.buckets.each().find(|(_, count)| {
            seen = seen.saturating_add(*count);
            seen >= rank
        });
        within.map(|(bucket, _)| bucket)
    }

    /// As few bytes as there are buckets, about two for each; none for none.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (mut bytes, mut next) = (Vec::new(), 0);
        for (bucket, count) in self.buckets.each() {
            if bytes.is_empty() {
                bytes.push(FORMAT);
                put(&mut bytes, self.sum);
            }
            put(&mut bytes, u64::from(bucket - next));
            put(&mut bytes, count);
            next = bucket + 1;
        }
        bytes
    }

    /// None where these are not bytes of [`Self::encode`].
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let Some((format, mut rest)) = bytes.split_first() else { return Some(Self::default()) };
        let sum = (*format == FORMAT).then(|| take(&mut rest))??;
        // Two bytes each, mostly.
        let (mut list, mut next) = (Vec::with_capacity(rest.len() / 2), 0_u64);
        while !rest.is_empty() {
            let bucket = next.checked_add(take(&mut rest)?)?;
            let number = u16::try_from(bucket).ok().filter(|number| *number <= LAST)?;
            let count = take(&mut rest).filter(|count| *count > 0)?;
            list.push((number, count));
            next = bucket + 1;
        }
        (!list.is_empty()).then_some(Self { buckets: Buckets::Few(list), sum })
    }
}

impl PartialEq for Histogram {
    fn eq(&self, other: &Self) -> bool {
        self.sum == other.sum && self.buckets.each().eq(other.buckets.each())
    }
}

impl Eq for Histogram {}

impl Buckets {
    fn add(&mut self, bucket: u16, more: u64) {
        match self {
            Self::Few(list) => match list.binary_search_by_key(&bucket, |(number, _)| *number) {
                Ok(at) => list[at].1 = list[at].1.saturating_add(more),
                Err(at) if list.len() < MOST_RECORDED => list.insert(at, (bucket, more)),
                Err(_) => {
                    *self = Self::side_by_side(list);
                    self.add(bucket, more);
                }
            },
            Self::Many { first, counts } => {
                let at = place(first, counts, bucket);
                counts[at] = counts[at].saturating_add(more);
            }
        }
    }

    fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Few(list), _) if list.is_empty() => *self = other.clone(),
            (Self::Few(list), Self::Few(more)) if list.len() < MOST_MERGED => {
                let mut from = 0;
                for (bucket, more) in more {
                    let at = from + list[from..].partition_point(|(number, _)| number < bucket);
                    match list.get_mut(at).filter(|(number, _)| number == bucket) {
                        Some((_, count)) => *count = count.saturating_add(*more),
                        None => list.insert(at, (*bucket, *more)),
                    }
                    from = at + 1;
                }
            }
            (Self::Few(list), _) => {
                *self = Self::side_by_side(list);
                self.merge(other);
            }
            (Self::Many { first, counts }, Self::Many { first: least, counts: more }) => {
                let from = place(first, counts, *least);
                if counts.len() < from + more.len() {
                    counts.resize(from + more.len(), 0);
                }
                for (count, more) in counts[from..].iter_mut().zip(more) {
                    *count = count.saturating_add(*more);
                }
            }
            (Self::Many { .. }, Self::Few(more)) => more.iter().for_each(|(bucket, more)| self.add(*bucket, *more)),
        }
    }

    fn side_by_side(list: &[(u16, u64)]) -> Self {
        let mut many = Self::Many { first: 0, counts: Vec::with_capacity(4 * list.len()) };
        list.iter().for_each(|(number, count)| many.add(*number, *count));
        many
    }

    /// By number, without those of which there is none.
    fn each(&self) -> impl Iterator<Item = (u16, u64)> {
        let (few, first, many) = match self {
            Self::Few(list) => (&list[..], 0, &[][..]),
            Self::Many { first, counts } => (&[][..], *first, &counts[..]),
        };
        let many = (first..).zip(many.iter().copied()).filter(|(_, count)| *count > 0);
        few.iter().copied().chain(many)
    }
}

/// Where a bucket is among counts side by side, which begin with the bucket `first`; they are made to have it.
#[inline]
fn place(first: &mut u16, counts: &mut Vec<u64>, bucket: u16) -> usize {
    // Nearly always.
    if let Some(at) = bucket.checked_sub(*first).map(usize::from)
        && at < counts.len()
    {
        return at;
    }
    widen(first, counts, bucket)
}

/// Make counts side by side have a bucket, and say where.
fn widen(first: &mut u16, counts: &mut Vec<u64>, bucket: u16) -> usize {
    if counts.is_empty() {
        *first = bucket;
    } else if bucket < *first {
        let begin = bucket.saturating_sub(BELOW);
        counts.splice(..0, std::iter::repeat_n(0, usize::from(*first - begin)));
        *first = begin;
    }
    let at = usize::from(bucket - *first);
    counts.resize(counts.len().max(at + 1), 0);
    at
}

/// The bucket of a duration. Where it lies between two powers of two, its first digits say but for one bucket.
fn bucket(us: u64) -> u16 {
    static OCTAVE: LazyLock<Octave> = LazyLock::new(Octave::new);
    if us == 0 {
        return 0;
    }
    let zeros = us.leading_zeros();
    (63 - zeros) as u16 * PER_OCTAVE as u16 + OCTAVE.place(us << zeros) + 1
}

/// Where buckets end between a power of two and the next, as if that were 2^63.
struct Octave {
    /// The greatest number of each bucket; the first has the power itself, and nothing is beyond the last.
    ends: [u64; PER_OCTAVE as usize + 1],
    /// How many of those lie below each of so many equal parts, none of which has more than one in it.
    below: [u16; Self::PARTS],
}

impl Octave {
    const PARTS: usize = 64;

    fn new() -> Self {
        let power = 1_u64 << 63;
        let end = |number: usize| match number as u32 == PER_OCTAVE {
            true => u64::MAX,
            false => (bound(number as i32) * power as f64) as u64,
        };
        let ends = std::array::from_fn(end);
        let part = |number: usize| power + number as u64 * (power / Self::PARTS as u64);
        let below = std::array::from_fn(|number| ends.iter().take_while(|end| **end < part(number)).count() as u16);
        Self { ends, below }
    }

    /// How many buckets end below a number, whose first digit is a 1.
    fn place(&self, number: u64) -> u16 {
        let below = self.below[(number >> 57) as usize % Self::PARTS];
        below + u16::from(number > self.ends[usize::from(below)])
    }
}

/// The upper bound of the bucket whose number is greater by one.
fn bound(number: i32) -> f64 {
    (f64::from(number) / f64::from(PER_OCTAVE)).exp2()
}

/// What is closest to all that a bucket may hold. Durations are whole microseconds, so where a bucket holds one, it is
/// that.
fn middle(bucket: u16) -> f64 {
    static MIDDLES: LazyLock<Vec<f64>> = LazyLock::new(|| {
        let middle = |number: u16| {
            let (mut first, mut last) = (bound(i32::from(number) - 1), bound(number.into()));
            // Beyond, numbers with a fraction have no digits for it.
            if last < 1e15 {
                (first, last) = ((first + 1e-9).floor() + 1.0, (last + 1e-9).floor());
            }
            2.0 * first * last / (first + last)
        };
        std::iter::once(0.0).chain((0..LAST).map(middle)).collect()
    });
    MIDDLES.get(usize::from(bucket)).copied().unwrap_or_default()
}

/// A number as its digits to the base 128, the last first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    // Nearly all.
    if let Some((byte, rest)) = bytes.split_first().filter(|(byte, _)| **byte < 0x80) {
        *bytes = rest;
        return Some((*byte).into());
    }
    let mut number = 0_u64;
    for digit in 0..10 {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if digit == 9 && bits > 1 {
            return None;
        }
        number |= bits << (7 * digit);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
