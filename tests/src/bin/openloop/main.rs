//! Sends requests by a timetable, whether or not earlier ones were answered, and tells how long after its time each answer was whole.
//!
//! Load generators that wait for an answer before they send again measure a slow server less often than a quick one.
//! Here a request that had to wait for a free connection has waited since the time it was due, and one that was never
//! answered counts as slower than all others.
#![allow(clippy::print_stdout, reason = "a benchmark tells what it measured")]

mod http1;
mod http2;
mod line;
mod timetable;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use line::Line;
use timetable::Timetable;

/// How long answers may still come in after the last request was due.
const GRACE: Duration = Duration::from_secs(1);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is sent, and how often.
#[derive(Parser)]
struct Options {
    /// Where to send requests.
    address: SocketAddr,
    /// What to ask for, in turns.
    #[arg(required = true)]
    paths: Vec<String>,
    /// Requests per second.
    #[arg(long)]
    rate: f64,
    /// For how long.
    #[arg(long)]
    seconds: f64,
    /// Connections to keep.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Speak TLS, and trust this certificate alone.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// Speak HTTP/2, with so many requests at once on a connection.
    #[arg(long)]
    streams: Option<usize>,
    /// A connection of its own for each request.
    #[arg(long, conflicts_with = "streams")]
    fresh: bool,
}

/// What all connections share: requests that are due, and what became of them. The semaphores count those that wait and
/// those that are over.
struct Run {
    due: RefCell<VecDeque<Instant>>,
    waiting: Semaphore,
    over: Semaphore,
    latencies: RefCell<Vec<Duration>>,
    failed: Cell<usize>,
    fault: RefCell<Option<String>>,
}

fn main() -> Outcome<()> {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, run(options))
}

async fn run(options: Options) -> Outcome<()> {
    let run = Rc::new(Run {
        due: RefCell::default(),
        waiting: Semaphore::new(0),
        over: Semaphore::new(0),
        latencies: RefCell::default(),
        failed: Cell::new(0),
        fault: RefCell::default(),
    });
    for line in Line::open(&options).await? {
        spawn_local(work(line, run.clone()));
    }
    let mut timetable = Timetable::begin(options.rate, options.seconds)?;
    while let Some(due) = timetable.next().await? {
        run.waiting.add_permits(due.len());
        run.due.borrow_mut().extend(due);
    }
    let scheduled = timetable.requests();
    let in_time = run.latencies.borrow().len();
    let all = run.over.acquire_many(u32::try_from(scheduled)?);
    // Those that are not over by then count as never answered.
    let _ = timeout(GRACE, all).await;
    println!("{}", run.report(scheduled, in_time));
    Ok(())
}

/// Send what is due, one after the other.
async fn work(mut line: Line, run: Rc<Run>) {
    while let Ok(permit) = run.waiting.acquire().await {
        permit.forget();
        let Some(due) = run.due.borrow_mut().pop_front() else { continue };
        match line.ask().await {
            Ok(()) => run.latencies.borrow_mut().push(due.elapsed()),
            Err(error) => {
                run.failed.set(run.failed.get() + 1);
                run.fault.borrow_mut().get_or_insert_with(|| error.to_string());
            }
        }
        run.over.add_permits(1);
    }
}

impl Run {
    fn report(&self, scheduled: usize, in_time: usize) -> serde_json::Value {
        let mut latencies = self.latencies.borrow_mut();
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let rank = (scheduled * percent).div_ceil(100).max(1) - 1;
            latencies.get(rank).map(|latency| latency.as_secs_f64() * 1e6)
        };
        json!({
            "scheduled": scheduled,
            "in_time": in_time,
            "answered": latencies.len(),
            "failed": self.failed.get(),
            "fault": *self.fault.borrow(),
            "p50_us": percentile(50),
            "p99_us": percentile(99),
        })
    }
}
