//! Tests of histograms: against exact ranks, against each other, and against any bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn of(durations: &[u64]) -> Histogram {
    let mut histogram = Histogram::default();
    durations.iter().for_each(|us| histogram.record(Lap::of(*us)));
    histogram
}

fn merged(one: &Histogram, other: &Histogram) -> Histogram {
    let mut merged = one.clone();
    merged.merge(other);
    merged
}

/// As they come: some short, some of any length.
fn duration() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_u64, 0..5_000_000_u64, any::<u64>(), (0..64_u32).prop_map(|doublings| 1 << doublings)]
}

fn durations() -> impl Strategy<Value = Vec<u64>> {
    prop_oneof![vec(duration(), 0..300), vec(duration(), 0..10)]
}

#[test]
fn bounds_of_buckets_are_those_of_opentelemetry() {
    for doublings in 0..64_u32 {
        let power = 1_u64 << doublings;
        assert_eq!(u32::from(bucket(power)), doublings * PER_OCTAVE + 1, "the upper bound belongs to the bucket");
    }
    for (us, expected) in [(0, 0), (1, 1), (2, 33), (3, 52), (4, 65), (u64::MAX, LAST)] {
        assert_eq!(bucket(us), expected, "{us}");
    }
}

#[test]
fn every_bucket_ends_where_its_bound_is() {
    for number in 0..i32::from(LAST) {
        let last = bound(number).floor() as u64;
        // Beyond, there is no number with a fraction to tell the next by.
        if (1..1 << 53).contains(&last) {
            assert_eq!(
                (bucket(last) <= number as u16 + 1, bucket(last + 1) > number as u16 + 1),
                (true, true),
                "{last}"
            );
        }
    }
}

proptest! {
    #[test]
    fn a_bucket_is_what_the_logarithm_says(us in 1..1_u64 << 50) {
        let log = (us as f64).log2() * f64::from(PER_OCTAVE);
        prop_assert_eq!(bucket(us), log.ceil() as u16 + 1);
    }
}

#[test]
fn few_durations_are_exact_and_take_few_bytes() {
    for us in 0..=45 {
        assert_eq!(of(&[us]).quantile(0.5), Some(us as f64));
    }
    assert_eq!((Histogram::default().quantile(0.5), Histogram::default().encode().len()), (None, 0));
    assert!(of(&[1_000, 1_500, 90_000]).encode().len() <= 12);
}

proptest! {
    #[test]
    fn merging_is_recording_everything_in_one(parts in vec(durations(), 1..6)) {
        let all = of(&parts.concat());
        let merged = parts.iter().fold(Histogram::default(), |sum, part| merged(&sum, &of(part)));
        prop_assert_eq!(merged.count(), parts.concat().len() as u64);
        prop_assert_eq!(merged, all);
    }

    #[test]
    fn merging_is_associative_and_commutative(a in durations(), b in durations(), c in durations()) {
        let (a, b, c) = (of(&a), of(&b), of(&c));
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
    }

    #[test]
    fn quantiles_are_those_of_exact_ranks_within_the_bound(mut all in vec(duration(), 1..300), q in 0.0..=1.0_f64) {
        all.sort_unstable();
        let rank = ((q * all.len() as f64).ceil() as usize).max(1);
        let (exact, read) = (all[rank - 1] as f64, of(&all).quantile(q).unwrap());
        prop_assert!((read - exact).abs() <= 0.011 * exact, "{} for {}", read, exact);
        let limit = of(&all).quantile_limit(q).unwrap();
        prop_assert!(exact <= limit * (1.0 + 1e-12) && limit <= exact * 1.022, "{} for {}", limit, exact);
    }

    #[test]
    fn what_is_written_reads_back_the_same(all in durations()) {
        let histogram = of(&all);
        prop_assert_eq!(Histogram::decode(&histogram.encode()), Some(histogram));
    }

    #[test]
    fn any_bytes_are_a_histogram_or_none(bytes in vec(any::<u8>(), 0..64), formatted in any::<bool>()) {
        let bytes = if formatted { [vec![FORMAT], bytes].concat() } else { bytes };
        if let Some(histogram) = Histogram::decode(&bytes) {
            prop_assert_eq!(Histogram::decode(&histogram.encode()), Some(histogram.clone()));
            histogram.quantile(0.99);
            merged(&histogram, &histogram).count();
        }
    }
}
