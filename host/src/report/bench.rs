//! What the room costs and how exact it is, measured when asked for: a store of millions of requests, and questions to it.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::*;
use crate::telemetry::{Blame, Outcome};

const REQUESTS: u64 = 10_000_000;
const BATCH: u64 = 100_000;
const OPERATIONS: u64 = 50;
const CONSUMERS: u64 = 2_000;
const DAY: u64 = 86_400;
/// Midnight of a day.
const MIDNIGHT: u64 = 1_799_971_200;

/// Requests of one day, as chance has them.
struct Traffic {
    chance: u64,
    operations: Vec<Arc<str>>,
    consumers: Vec<Arc<str>>,
    template: Finished,
}

impl Traffic {
    fn new() -> Self {
        let names = |kind: &str, most| (0..most).map(|n| format!("{kind}-{n}").into()).collect();
        Self {
            chance: 42,
            operations: names("operation", OPERATIONS),
            consumers: names("consumer", CONSUMERS),
            template: tests::finished(MIDNIGHT),
        }
    }

    fn below(&mut self, most: u64) -> u64 {
        // xorshift64*
        self.chance ^= self.chance >> 12;
        self.chance ^= self.chance << 25;
        self.chance ^= self.chance >> 27;
        (self.chance.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % most
    }

    /// The one of `number` in `of`: later ones are later in the day.
    fn request(&mut self, number: u64, of: u64) -> Finished {
        let operation = self.below(OPERATIONS) as usize;
        // A few call most of the time, as it is.
        let most = 1 + self.below(self.consumers.len() as u64);
        let consumer = self.below(most) as usize;
        // Sums of powers: a long tail from 2 ms on.
        let tail = 1_u64 << self.below(9);
        let upstream_us = 1_500 + self.below(4_000) * tail.min(1 + self.below(tail));
        let gateway_us = 20 + self.below(60);
        let (status, class, outcome) = match self.below(200) {
            0 => (Some(502), "upstream_refused", Outcome::Fault(Blame::Upstream)),
            1..=3 => (Some(404), "ok", Outcome::Ok),
            4 => (Some(429), "quota", Outcome::Fault(Blame::Policy)),
            _ => (Some(200), "ok", Outcome::Ok),
        };
        Finished {
            time: UNIX_EPOCH + Duration::from_secs(MIDNIGHT + number * DAY / of),
            operation: Some(self.operations[operation].clone()),
            consumer: Some(self.consumers[consumer].clone()),
            status,
            class,
            outcome,
            total_us: upstream_us + gateway_us,
            upstream_us: Some(upstream_us),
            gateway_us,
            bytes_out: 100 + self.below(20_000),
            ..self.template.clone()
        }
    }
}

fn ask(report: &Report, by: &[&str], conditions: &[&str]) -> Answer {
    let owned = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    let asked = Asked { by: owned(by), conditions: owned(conditions), limit: Some("2000".into()), ..Asked::default() };
    let now = UNIX_EPOCH + Duration::from_secs(MIDNIGHT + DAY - 1);
    report.query(&Query::parse(&asked, now).unwrap()).unwrap()
}

/// The median and the longest of some runs.
fn time(mut run: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<_> = (0..21)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    times.sort();
    (times[10], times[20])
}

/// Megabytes of files whose names begin so.
fn size(state: &Path, name: &str) -> f64 {
    let entries = std::fs::read_dir(state.join(FOLDER)).unwrap().map(Result::unwrap);
    let of = entries.filter(|entry| entry.file_name().to_str().unwrap().starts_with(name));
    of.map(|entry| entry.metadata().unwrap().len() as f64 / 1e6).sum()
}

#[test]
#[ignore = "a benchmark, of minutes"]
fn a_store_of_ten_million_requests() {
    let state = tempfile::tempdir().unwrap();
    let mut report = Report::new(state.path());
    let (mut traffic, mut recording, mut flushing) = (Traffic::new(), Duration::ZERO, Vec::new());
    for first in (0..REQUESTS).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..first + BATCH).map(|number| traffic.request(number, REQUESTS)).collect();
        let (now, begun) = (seconds(batch[batch.len() - 1].time), cpu());
        report.record_at(&batch, now);
        let recorded = cpu();
        recording += recorded - begun;
        report.flush_at(now).unwrap();
        flushing.push(cpu() - recorded);
    }
    flushing.sort();
    println!("recorded: CPU of {:.0} ns each", recording.as_nanos() as f64 / REQUESTS as f64);
    println!(
        "flushed, each 100 k: CPU of {:?}, at most {:?}",
        flushing[flushing.len() / 2],
        flushing[flushing.len() - 1]
    );
    assert_eq!(report.tally(), Tally::default());
    assert_eq!(tests::counts(state.path()), [REQUESTS as i64; 9]);
    let (sums, samples) = (size(state.path(), "rollup"), size(state.path(), "samples"));
    println!(
        "size: {sums:.0} MB of sums, {samples:.0} MB of samples: {:.1} MB for each million",
        (sums + samples) / 10.0
    );
    let connection = report.store.connection().unwrap();
    for axis in rollup::Axis::ALL {
        for unit in Unit::ALL {
            let table = store::table(axis, unit);
            let rows: i64 =
                connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap();
            println!("rows of {table}: {rows}");
        }
    }
    let (operations, longest) = time(|| drop(black_box(ask(&report, &["operation"], &[]))));
    println!("50 operations over 24 h: median {operations:?}, longest {longest:?}");
    for consumer in ["consumer-0", "consumer-700", "consumer-1999"] {
        let condition = format!("consumer={consumer}");
        let (median, longest) = time(|| drop(black_box(ask(&report, &[], &[&condition]))));
        println!("{consumer} over 24 h: median {median:?}, longest {longest:?}");
    }
    let (median, longest) = time(|| drop(black_box(ask(&report, &["consumer", "application", "status"], &[]))));
    println!("2000 consumers over 24 h: median {median:?}, longest {longest:?}");
    let (scan, _) = time(|| {
        let table = store::table(rollup::Axis::Operation, Unit::Minute);
        let mut statement = connection.prepare(&format!("SELECT {} FROM {table}", store::COLUMNS)).unwrap();
        let mut sum = rollup::Cell::default();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            sum.merge(&store::read(row, 0).unwrap());
        }
        assert_eq!(black_box(sum.total.quantile(0.99)).map(|_| sum.requests), Some(REQUESTS));
    });
    println!(
        "full scan of its minutes: median {scan:?}, {:.0} times as long",
        scan.as_secs_f64() / operations.as_secs_f64()
    );
}

#[test]
#[ignore = "a benchmark, of seconds"]
fn a_million_requests_are_counted_exactly_and_percentiles_are_near() {
    let state = tempfile::tempdir().unwrap();
    let mut report = Report::new(state.path());
    let (mut traffic, mut exact) = (Traffic::new(), Vec::new());
    let (mut bytes, mut errors) = (0, 0);
    for first in (0..1_000_000).step_by(5_000) {
        let batch: Vec<_> = (first..first + 5_000).map(|number| traffic.request(number, 1_000_000)).collect();
        exact.extend(batch.iter().map(|it| it.total_us));
        bytes += batch.iter().map(|it| it.bytes_out).sum::<u64>();
        errors += batch.iter().filter(|it| it.is_error()).count() as u64;
        let now = seconds(batch[batch.len() - 1].time);
        report.record_at(&batch, now);
        report.flush_at(now).unwrap();
    }
    exact.sort_unstable();
    assert_eq!(tests::counts(state.path()), [1_000_000; 9]);
    for by in ["operation", "consumer"] {
        let Answer { total, tables, .. } = ask(&report, &[by], &[]);
        assert_eq!((total.requests, total.errors, total.bytes_out), (1_000_000, errors, bytes));
        assert_eq!(tables[0].rows.iter().map(|row| row.figures.requests).sum::<u64>(), 1_000_000);
        let times = total.total_us.unwrap();
        for (name, read, rank) in [
            ("p50", times.p50, 500_000),
            ("p90", times.p90, 900_000),
            ("p99", times.p99, 990_000),
            ("p99.9", times.p999, 999_000),
        ] {
            let exact = exact[rank - 1] as f64;
            let off = (read - exact) / exact;
            println!("{name}: {read} us, exactly {exact} us, {:+.2} %", 100.0 * off);
            assert!(off.abs() <= 0.015);
        }
    }
}

#[test]
#[ignore = "a benchmark, of seconds"]
fn busy_minutes() {
    for (rate, consumers) in [(5_000, 2_000), (20_000, 100), (20_000, 1)] {
        let state = tempfile::tempdir().unwrap();
        let mut report = Report::new(state.path());
        let mut traffic = Traffic::new();
        traffic.consumers.truncate(consumers);
        let mut used = [Duration::ZERO; 3];
        for flush in 0..12 {
            let begun = cpu();
            let numbers = (flush * 5 * rate..).take(5 * rate as usize);
            let batch: Vec<_> = numbers.map(|number| traffic.request(number, rate * DAY)).collect();
            let (now, made) = (seconds(batch[batch.len() - 1].time), cpu());
            report.record_at(&batch, now);
            let recorded = cpu();
            report.flush_at(now).unwrap();
            let flushed = cpu();
            let spans = [made - begun, recorded - made, flushed - recorded];
            used.iter_mut().zip(spans).for_each(|(sum, span)| *sum += span);
        }
        // The first tells how fast the machine is just now.
        let [made, recorded, flushed] = used.map(|used| used.as_nanos() as u64 / (60 * rate));
        println!(
            "{rate} a second of {consumers} consumers, flushed each 5 s: CPU of {made} ns to make up a request, \
             {recorded} ns to record it and {flushed} ns to flush it"
        );
    }
}

/// What this thread used.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}
