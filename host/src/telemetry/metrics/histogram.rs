//! A histogram of durations in exponential buckets, those of Prometheus' native histograms; the library's own takes a lock each time.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, MetricEncoder, NativeHistogram, NativeHistogramBuckets, NoLabelSet};

/// Four buckets for each doubling: a quantile read from them is at most a tenth off.
const SCHEMA: i32 = 2;
const PER_OCTAVE: usize = 1 << SCHEMA;
/// From 2^-20 s, about a microsecond, to 2^16 s, some 18 hours. What is shorter counts as zero, what is longer in the
/// last bucket.
const LOWEST: i32 = -20;
const HIGHEST: i32 = 16;
const BUCKETS: usize = (HIGHEST - LOWEST) as usize * PER_OCTAVE;
const ZERO_THRESHOLD: f64 = 1.0 / (1_u64 << -LOWEST) as f64;
/// The upper bounds of the text formats, as powers of 2: 0.24 ms to 32 s. Each is a bound of the exponential buckets
/// too, so that both say the same.
const BOUNDS: std::ops::RangeInclusive<i32> = -12..=5;

/// What is behind the leading bit of 2^(1/4), 2^(2/4) and 2^(3/4), rounded as Prometheus rounds them.
const STEPS: [u64; PER_OCTAVE - 1] =
    [fraction(0.594_603_557_501_360_5), fraction(0.707_106_781_186_547_5), fraction(0.840_896_415_253_714_4)];
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;

/// Buckets of four doublings, made when the first of them is counted in: what a route is used for lies within a few
/// such chunks, and a route nobody asks for has none.
type Chunk = [AtomicU64; 4 * PER_OCTAVE];
const CHUNKS: usize = BUCKETS / (4 * PER_OCTAVE);

#[derive(Debug, Default)]
pub(super) struct Histogram {
    chunks: [OnceLock<Box<Chunk>>; CHUNKS],
    zero: AtomicU64,
    sum_us: AtomicU64,
}

impl Histogram {
    /// Two atomic adds.
    pub(super) fn observe(&self, duration: Duration) {
        let cell = match bucket(duration.as_secs_f64()) {
            Some(bucket) => {
                &self.chunks[bucket / (4 * PER_OCTAVE)].get_or_init(Box::default)[bucket % (4 * PER_OCTAVE)]
            }
            None => &self.zero,
        };
        cell.fetch_add(1, Relaxed);
        let us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.sum_us.fetch_add(us, Relaxed);
    }

    /// The count is the sum of the buckets read, so that the two agree while others observe.
    pub(super) fn encode(&self, encoder: &mut MetricEncoder<'_>, labels: &impl EncodeLabelSet) -> fmt::Result {
        let zero = self.zero.load(Relaxed);
        let counts = self.counts();
        let count = zero + counts.iter().map(|(_, count)| count).sum::<u64>();
        if count == 0 {
            return Ok(());
        }
        let sum = self.sum_us.load(Relaxed) as f64 / 1e6;
        let (spans, deltas) = sparse(&counts);
        let native = NativeHistogram {
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: zero,
            negative: NativeHistogramBuckets { spans: &[], deltas: &[] },
            positive: NativeHistogramBuckets { spans: &spans, deltas: &deltas },
            created: None,
        };
        let classic = classic(zero, &counts);
        encoder.encode_family(labels)?.encode_histogram_with_native::<NoLabelSet>(sum, count, &classic, None, native)
    }

    /// Number and count of the buckets that were ever counted in.
    fn counts(&self) -> Vec<(usize, u64)> {
        let chunks = self.chunks.iter().enumerate().filter_map(|(at, chunk)| Some((at * 4 * PER_OCTAVE, chunk.get()?)));
        let cells =
            chunks.flat_map(|(first, chunk)| chunk.iter().enumerate().map(move |(at, cell)| (first + at, cell)));
        cells.map(|(bucket, cell)| (bucket, cell.load(Relaxed))).filter(|(_, count)| *count > 0).collect()
    }
}

/// The bits of a number between 1/2 and 1 that are behind the leading one.
const fn fraction(number: f64) -> u64 {
    number.to_bits() & ((1 << FRACTION_BITS) - 1)
}

/// The bucket of so many seconds, which are not negative; none where they count as zero. A bound belongs to the bucket
/// it ends.
fn bucket(seconds: f64) -> Option<usize> {
    // One less than the bits of a number are those of the next smaller one: it is in no higher bucket, and never a
    // bound.
    let below = seconds.to_bits().checked_sub(1)?;
    let octave = usize::try_from(i32::try_from(below >> FRACTION_BITS).ok()? - 1023 - LOWEST).ok()?;
    let fraction = below & ((1 << FRACTION_BITS) - 1);
    let step = STEPS.iter().map(|step| usize::from(fraction >= *step)).sum::<usize>();
    Some((octave * PER_OCTAVE + step).min(BUCKETS - 1))
}

/// The number Prometheus has for a bucket: that of bucket 0 ends at 1.
fn index(bucket: usize) -> i32 {
    bucket as i32 + LOWEST * PER_OCTAVE as i32 + 1
}

/// Runs of buckets, each with the distance from the one before, and how each count differs from that before.
fn sparse(counts: &[(usize, u64)]) -> (Vec<(i32, u32)>, Vec<i64>) {
    let (mut spans, mut deltas) = (Vec::<(i32, u32)>::new(), Vec::new());
    let (mut next, mut last) = (0, 0);
    for (bucket, count) in counts {
        let index = index(*bucket);
        match spans.last_mut() {
            Some((_, length)) if index == next => *length += 1,
            _ => spans.push((index - next, 1)),
        }
        next = index + 1;
        deltas.push(*count as i64 - last);
        last = *count as i64;
    }
    (spans, deltas)
}

/// The counts between the bounds of the text formats.
fn classic(zero: u64, counts: &[(usize, u64)]) -> Vec<(f64, u64)> {
    let bounds = BOUNDS.map(|exponent| (f64::from(exponent).exp2(), exponent * PER_OCTAVE as i32));
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    let mut counts = counts.iter().map(|(bucket, count)| (index(*bucket), *count)).peekable();
    let mut held = zero;
    for (bound, last) in bounds.chain([(f64::INFINITY, i32::MAX)]) {
        while let Some((_, count)) = counts.next_if(|(index, _)| *index <= last) {
            held += count;
        }
        buckets.push((bound, std::mem::take(&mut held)));
    }
    buckets
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bucket as the definition has it: the first whose bound is not below.
    fn by_definition(seconds: f64) -> Option<usize> {
        let bounds = [0.594_603_557_501_360_5, 0.707_106_781_186_547_5, 0.840_896_415_253_714_4, 1.0];
        let bound = |bucket: usize| {
            let octave = LOWEST + (bucket / PER_OCTAVE) as i32;
            bounds[bucket % PER_OCTAVE] * f64::from(octave + 1).exp2()
        };
        (seconds > ZERO_THRESHOLD).then(|| (0..BUCKETS).find(|at| seconds <= bound(*at)).unwrap_or(BUCKETS - 1))
    }

    #[test]
    fn a_bound_belongs_to_the_bucket_it_ends() {
        for exponent in LOWEST + 1..=HIGHEST {
            let bound = f64::from(exponent).exp2();
            let last = ((exponent - LOWEST) as usize) * PER_OCTAVE - 1;
            assert_eq!(bucket(bound), Some(last), "2^{exponent}");
            assert_eq!(index(last), exponent * PER_OCTAVE as i32);
            assert_eq!(bucket(bound.next_up()), Some((last + 1).min(BUCKETS - 1)), "above 2^{exponent}");
            assert_eq!(bucket(bound.next_down()), Some(last), "below 2^{exponent}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_counted_at_its_end() {
        for zero in [0.0, 1e-9, ZERO_THRESHOLD] {
            assert_eq!(bucket(zero), None, "{zero}");
        }
        assert_eq!(bucket(ZERO_THRESHOLD.next_up()), Some(0));
        for long in [65_537.0, 1e9, Duration::MAX.as_secs_f64()] {
            assert_eq!(bucket(long), Some(BUCKETS - 1), "{long}");
        }
    }

    #[test]
    fn runs_and_differences_are_those_of_the_format() {
        let first = -index(0) as usize;
        // Prometheus' buckets 0, 1 and 4.
        let counts = [(first, 5), (first + 1, 3), (first + 4, 3)];
        assert_eq!(sparse(&counts), (vec![(0, 2), (2, 1)], vec![5, -2, 0]));
        assert_eq!(sparse(&[(0, 1)]), (vec![(index(0), 1)], vec![1]));
        assert_eq!(sparse(&[]), (vec![], vec![]));
    }

    #[test]
    fn a_histogram_nobody_counted_in_holds_no_buckets() {
        let histogram = Histogram::default();
        assert!(size_of::<Histogram>() <= 160, "{}", size_of::<Histogram>());
        histogram.observe(Duration::from_millis(5));
        histogram.observe(Duration::from_millis(12));
        assert_eq!(histogram.chunks.iter().filter(|chunk| chunk.get().is_some()).count(), 1);
    }

    proptest! {
        #[test]
        fn every_duration_is_in_the_bucket_of_the_definition(nanos in prop_oneof![0..u64::MAX, 0..10_000_000_000_u64, 0..2_000_000_u64]) {
            let seconds = Duration::from_nanos(nanos).as_secs_f64();
            prop_assert_eq!(bucket(seconds), by_definition(seconds));
        }

        #[test]
        fn both_kinds_of_buckets_hold_the_same(nanos in prop::collection::vec(0..100_000_000_000_u64, 0..50)) {
            let histogram = Histogram::default();
            nanos.iter().for_each(|nanos| histogram.observe(Duration::from_nanos(*nanos)));
            let classic = classic(histogram.zero.load(Relaxed), &histogram.counts());
            let mut below = 0;
            for (bound, count) in classic {
                below += count;
                let expected = nanos.iter().filter(|nanos| Duration::from_nanos(**nanos).as_secs_f64() <= bound).count();
                prop_assert_eq!(below, expected as u64, "up to {}", bound);
            }
        }
    }
}
