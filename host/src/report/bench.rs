//! What the room costs and how exact it is: a store of millions of requests, questions to it, busy minutes, and an hour of them.
// Benchmarks print what they measured.
#![allow(clippy::print_stdout)]

use std::fs;
use std::hint::black_box;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, ensure};

use super::finished::{Called, Operation};
use super::*;
use crate::telemetry::metrics::{CallOutcome, Hook};
use crate::telemetry::{Blame, Outcome, RequestId};

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
    operations: Vec<Arc<Operation>>,
    consumers: Vec<Arc<str>>,
    template: Finished,
}

/// What all requests have in common: two policies were asked.
fn template() -> Finished {
    let text = |text: &str| Some(Arc::from(text));
    let call = |policy: &str, hook| Called { policy: policy.into(), hook, outcome: CallOutcome::Pass, took_us: 12 };
    Finished {
        time: UNIX_EPOCH,
        request: RequestId::Number(0xa1),
        trace: None,
        operation: None,
        consumer: None,
        application: text("web"),
        method: "GET",
        status: Some(200),
        class: "ok",
        outcome: Outcome::Ok,
        total_us: 0,
        upstream_us: None,
        policy_us: 24,
        gateway_us: 0,
        bytes_in: 10,
        bytes_out: 0,
        retries: 0,
        generation: 1,
        client: Some(IpAddr::from([192, 0, 2, 1]).into()),
        calls: vec![call("jwt", Hook::Request), call("cors", Hook::Response)],
        calls_left_out: 0,
    }
}

impl Traffic {
    fn new() -> Self {
        let (api, version, pattern) = ("petstore".into(), "1.2.0".into(), "/pets/{id}".into());
        let named = Operation { api, version, name: "".into(), pattern };
        let operation = |n| Arc::new(Operation { name: format!("operation-{n}").into(), ..named.clone() });
        Self {
            chance: 42,
            operations: (0..OPERATIONS).map(operation).collect(),
            consumers: (0..CONSUMERS).map(|n| format!("consumer-{n}").into()).collect(),
            template: template(),
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
            0 => (Some(502), "upstream_closed", Outcome::Fault(Blame::Upstream)),
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

fn ask(report: &Report, by: &[&str], conditions: &[&str]) -> anyhow::Result<Answer> {
    let owned = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect();
    let asked = Asked { by: owned(by), conditions: owned(conditions), limit: Some("2000".into()), ..Asked::default() };
    let now = UNIX_EPOCH + Duration::from_secs(MIDNIGHT + DAY - 1);
    let query = Query::parse(&asked, now).ok().context("the question has a fault")?;
    Ok(query::answer(report.store.connection()?, &query)?)
}

/// All requests are there, on each axis.
fn check(report: &Report, requests: u64) -> anyhow::Result<()> {
    for by in ["operation", "consumer"] {
        let answer = ask(report, &[by], &[])?;
        let told: u64 = answer.tables[0].rows.iter().map(|row| row.figures.requests).sum();
        ensure!((answer.total.requests, told) == (requests, requests), "{told} of {requests} by {by}");
    }
    Ok(())
}

/// The median and the longest of some runs.
fn time(mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<(Duration, Duration)> {
    let timed = |_| {
        let begun = Instant::now();
        run().map(|()| begun.elapsed())
    };
    let mut times = (0..21).map(timed).collect::<anyhow::Result<Vec<_>>>()?;
    times.sort();
    Ok((times[10], times[20]))
}

/// Megabytes of files whose names begin so.
fn size(state: &Path, name: &str) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for entry in fs::read_dir(state.join(FOLDER))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(name) {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes as f64 / 1e6)
}

/// A store of ten million requests of one day, and questions to it: of minutes.
pub fn ten_million_requests(state: &Path) -> anyhow::Result<()> {
    let mut report = Report::new(state);
    let (mut traffic, mut recording, mut flushing) = (Traffic::new(), Duration::ZERO, Vec::new());
    for first in (0..REQUESTS).step_by(BATCH as usize) {
        let batch: Vec<_> = (first..first + BATCH).map(|number| traffic.request(number, REQUESTS)).collect();
        let (now, begun) = (seconds(batch[batch.len() - 1].time), cpu());
        report.record_at(&batch, now);
        let recorded = cpu();
        recording += recorded - begun;
        report.flush_as(at(now))?;
        flushing.push(cpu() - recorded);
    }
    flushing.sort();
    println!("recorded: CPU of {:.0} ns each", recording.as_nanos() as f64 / REQUESTS as f64);
    println!(
        "flushed, each 100 k: CPU of {:?}, at most {:?}",
        flushing[flushing.len() / 2],
        flushing[flushing.len() - 1]
    );
    ensure!(report.tally() == Tally::default(), "{:?}", report.tally());
    check(&report, REQUESTS)?;
    let (sums, samples) = (size(state, "rollup")?, size(state, "samples")?);
    println!(
        "size: {sums:.0} MB of sums, {samples:.0} MB of samples: {:.1} MB for each million",
        (sums + samples) / 10.0
    );
    let connection = report.store.connection()?;
    for axis in rollup::Axis::ALL {
        for unit in Unit::ALL {
            let table = store::table(axis, unit);
            let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            println!("rows of {table}: {rows}");
        }
    }
    let (operations, longest) = time(|| ask(&report, &["operation"], &[]).map(|it| drop(black_box(it))))?;
    println!("50 operations over 24 h: median {operations:?}, longest {longest:?}");
    for consumer in ["consumer-0", "consumer-700", "consumer-1999"] {
        let condition = format!("consumer={consumer}");
        let (median, longest) = time(|| ask(&report, &[], &[&condition]).map(|it| drop(black_box(it))))?;
        println!("{consumer} over 24 h: median {median:?}, longest {longest:?}");
    }
    let (median, longest) =
        time(|| ask(&report, &["consumer", "application", "status"], &[]).map(|it| drop(black_box(it))))?;
    println!("2000 consumers over 24 h: median {median:?}, longest {longest:?}");
    let (scan, _) = time(|| {
        let table = store::table(rollup::Axis::Operation, Unit::Minute);
        let mut statement = connection.prepare(&format!("SELECT {} FROM {table}", store::COLUMNS))?;
        let mut sum = rollup::Cell::default();
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            sum.merge(&store::read(row, 0)?);
        }
        ensure!(black_box(sum.total.quantile(0.99)).is_some() && sum.requests == REQUESTS, "{}", sum.requests);
        Ok(())
    })?;
    println!(
        "full scan of its minutes: median {scan:?}, {:.0} times as long",
        scan.as_secs_f64() / operations.as_secs_f64()
    );
    Ok(())
}

/// A million requests are counted exactly, and percentiles are near: of seconds.
pub fn exactness(state: &Path) -> anyhow::Result<()> {
    let mut report = Report::new(state);
    let (mut traffic, mut exact) = (Traffic::new(), Vec::new());
    let (mut bytes, mut errors) = (0, 0);
    for first in (0..1_000_000).step_by(5_000) {
        let batch: Vec<_> = (first..first + 5_000).map(|number| traffic.request(number, 1_000_000)).collect();
        exact.extend(batch.iter().map(|it| it.total_us));
        bytes += batch.iter().map(|it| it.bytes_out).sum::<u64>();
        errors += batch.iter().filter(|it| it.is_error()).count() as u64;
        let now = seconds(batch[batch.len() - 1].time);
        report.record_at(&batch, now);
        report.flush_as(at(now))?;
    }
    exact.sort_unstable();
    check(&report, 1_000_000)?;
    for by in ["operation", "consumer"] {
        let Answer { total, .. } = ask(&report, &[by], &[])?;
        ensure!((total.errors, total.bytes_out) == (errors, bytes), "{errors} errors, {bytes} bytes: {total:?}");
        let times = total.total_us.context("nothing took any time")?;
        for (name, read, rank) in [
            ("p50", times.p50, 500_000),
            ("p90", times.p90, 900_000),
            ("p99", times.p99, 990_000),
            ("p99.9", times.p999, 999_000),
        ] {
            let exact = exact[rank - 1] as f64;
            let off = (read - exact) / exact;
            println!("{name}: {read} us, exactly {exact} us, {:+.2} %", 100.0 * off);
            ensure!(off.abs() <= 0.015, "too far off");
        }
    }
    Ok(())
}

/// What each request costs in a minute that has many: of seconds.
pub fn busy_minutes(state: &Path) -> anyhow::Result<()> {
    for (rate, consumers) in [(5_000, 2_000), (20_000, 100), (20_000, 1)] {
        let mut report = Report::new(&state.join(format!("{rate}-{consumers}")));
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
            report.flush_as(at(now))?;
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
    Ok(())
}

/// An hour of 1 000 requests a second, as fast as they are counted: memory stays as it is after the first minutes.
pub fn an_hour(state: &Path) -> anyhow::Result<()> {
    const RATE: u64 = 1_000;
    let (mut report, mut traffic, mut after_ten) = (Report::new(state), Traffic::new(), 0);
    for second in (0..3_600).step_by(5) {
        let batch: Vec<_> =
            (second * RATE..).take(5 * RATE as usize).map(|number| traffic.request(number, RATE * DAY)).collect();
        let now = seconds(batch[batch.len() - 1].time);
        report.record_at(&batch, now);
        report.flush_as(at(now))?;
        if second % 600 == 0 {
            let resident = resident()?;
            println!("after {} minutes: {resident} KiB resident", second / 60);
            after_ten = if second == 600 { resident } else { after_ten };
        }
    }
    let resident = resident()?;
    println!("after 60 minutes: {resident} KiB resident");
    check(&report, 3_600 * RATE)?;
    ensure!(resident < after_ten * 5 / 4, "memory grew from {after_ten} KiB after ten minutes");
    Ok(())
}

/// Of this process.
fn resident() -> anyhow::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("the system does not say")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// A moment at which both clocks are so many seconds on.
fn at(second: u64) -> Now {
    static BEGINNING: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
    Now { second, run: *BEGINNING + Duration::from_secs(second) }
}

/// What this thread used.
fn cpu() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(used.tv_sec as u64, used.tv_nsec as u32)
}
