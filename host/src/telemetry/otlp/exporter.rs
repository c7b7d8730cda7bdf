//! The thread that sends: gathers traces, tries again what may be taken later, and gives up rather than keep anybody waiting.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message;
use tokio::runtime::LocalOptions;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::client::{Client, Failure};
use super::metrics::Times;
use super::resource::resource;
use super::{Recorded, Settings, metrics, traces};
use crate::telemetry::metrics::{Fate, Label, Metrics, OtlpMetrics, Signal};

/// Requests whose traces are sent at once, and how long they gather after the first.
const BATCH: usize = 512;
const GATHER: Duration = Duration::from_secs(1);
/// How often a batch is tried, and the pauses between: the first, and the longest.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A thread that sends to one collector.
pub(crate) struct Exporter {
    end: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Exporter {
    pub(super) fn start(
        settings: Arc<Settings>,
        waiting: Receiver<Recorded>,
        metrics: &Arc<Metrics>,
        counts: &OtlpMetrics,
    ) -> io::Result<Self> {
        let (end, ends) = watch::channel(false);
        let (metrics, counts) = (metrics.clone(), counts.clone());
        let life = move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            match runtime {
                Ok(runtime) => runtime.block_on(send(&settings, waiting, metrics, counts, ends)),
                Err(error) => tracing::error!(%error, "nothing can be sent to the collector"),
            }
        };
        let thread = std::thread::Builder::new().name("otlp".into()).spawn(life)?;
        Ok(Self { end, thread })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    /// Send what waits, trying nothing twice, and end.
    pub(crate) fn end(&self) {
        self.end.send_replace(true);
    }

    /// Wait until it has ended.
    pub(crate) fn join(self) {
        // A panic was told of by the thread itself.
        drop(self.thread.join());
    }
}

/// The life of the thread.
async fn send(
    settings: &Settings,
    waiting: Receiver<Recorded>,
    metrics: Arc<Metrics>,
    counts: OtlpMetrics,
    ends: watch::Receiver<bool>,
) {
    tracing::info!(collector = ?settings.collector, "traces and metrics are sent");
    let resource = resource(&settings.resource);
    let sender = |signal: Signal| Sender {
        client: Client::new(settings.collector.clone(), signal.name()),
        signal,
        fails: false,
        counts: counts.clone(),
    };
    let (gone, is_gone) = watch::channel(false);
    let traces = Traces { sender: sender(Signal::Traces), resource: resource.clone(), waiting, ends: ends.clone() };
    let traces = async {
        traces.run().await;
        // No worker has a way here any more, or the process ends.
        gone.send_replace(true);
    };
    let numbers = async {
        if let Some(every) = settings.metrics {
            Numbers { sender: sender(Signal::Metrics), resource, metrics, every }.run(is_gone, ends).await;
        }
    };
    tokio::join!(traces, numbers);
}

/// Sends one signal, counts how that goes, and tells the log when it changes.
struct Sender {
    client: Client,
    signal: Signal,
    fails: bool,
    counts: OtlpMetrics,
}

impl Sender {
    async fn send(&mut self, body: Bytes) -> Result<Bytes, Failure> {
        let sent = self.client.send(body).await;
        self.counts.request(self.signal, sent.is_ok());
        let signal = self.signal.name();
        match &sent {
            Err(failure) if !self.fails => {
                tracing::warn!(signal, reason = failure.reason, "the collector does not take what is sent");
            }
            Ok(_) if self.fails => tracing::info!(signal, "the collector takes again what is sent"),
            _ => {}
        }
        self.fails = sent.is_err();
        sent
    }
}

/// The traces of requests.
struct Traces {
    sender: Sender,
    resource: Resource,
    waiting: Receiver<Recorded>,
    ends: watch::Receiver<bool>,
}

impl Traces {
    /// Until no worker can hand over any more, or the process ends.
    async fn run(mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.gather(&mut batch).await {
            self.deliver(&mut batch).await;
        }
        // What waits now; what comes later is lost with the process.
        loop {
            while batch.len() < BATCH
                && let Ok(next) = self.waiting.try_recv()
            {
                batch.push(next);
            }
            if batch.is_empty() {
                return;
            }
            if self.attempt(&mut batch).await.is_err() {
                self.lose(&mut batch);
            }
        }
    }

    /// Wait for requests. False once it is time to end.
    async fn gather(&mut self, batch: &mut Vec<Recorded>) -> bool {
        let Self { waiting, ends, .. } = self;
        let gathered = async {
            if waiting.recv_many(batch, BATCH).await == 0 {
                return false;
            }
            let more = async {
                while batch.len() < BATCH {
                    let room = BATCH - batch.len();
                    if waiting.recv_many(batch, room).await == 0 {
                        return;
                    }
                }
            };
            // Either all that fit, or all that came.
            let _ = timeout(GATHER, more).await;
            true
        };
        tokio::select! {
            biased;
            _ = ends.wait_for(|ends| *ends) => false,
            gathered = gathered => gathered,
        }
    }

    /// Send a batch, again where it may be taken later; it is kept only where the process is to end.
    async fn deliver(&mut self, batch: &mut Vec<Recorded>) {
        let mut pause = PAUSE;
        for _ in 0..TRIES {
            let Err(failure) = self.attempt(batch).await else { return };
            let Some(least) = failure.again else { break };
            let wait = sleep(pause.max(least).min(LONGEST_PAUSE));
            tokio::select! {
                biased;
                _ = self.ends.wait_for(|ends| *ends) => return,
                () = wait => pause *= 2,
            }
        }
        self.lose(batch);
    }

    /// Send a batch once; empty afterwards, if it was taken.
    async fn attempt(&mut self, batch: &mut Vec<Recorded>) -> Result<(), Failure> {
        let body = traces::request(&self.resource, batch).encode_to_vec();
        let answer = self.sender.send(body.into()).await?;
        // An answer that cannot be read says of nothing that it was not taken.
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_spans);
        let (all, rejected) = (spans(batch), u64::try_from(rejected).unwrap_or_default());
        self.sender.counts.spans(Fate::Rejected, rejected.min(all));
        self.sender.counts.spans(Fate::Sent, all.saturating_sub(rejected));
        batch.clear();
        Ok(())
    }

    fn lose(&self, batch: &mut Vec<Recorded>) {
        self.sender.counts.spans(Fate::Undelivered, spans(batch));
        batch.clear();
    }
}

fn spans(batch: &[Recorded]) -> u64 {
    batch.iter().map(|recorded| recorded.spans()).sum()
}

/// The numbers of the gateway. Each sending holds all: one that fails is made up for by the next.
struct Numbers {
    sender: Sender,
    resource: Resource,
    metrics: Arc<Metrics>,
    every: Duration,
}

impl Numbers {
    async fn run(mut self, mut gone: watch::Receiver<bool>, mut ends: watch::Receiver<bool>) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is at once, when there is nothing to tell.
        ticks.tick().await;
        loop {
            let last = tokio::select! {
                biased;
                _ = ends.wait_for(|ends| *ends) => true,
                _ = gone.wait_for(|gone| *gone) => true,
                _ = ticks.tick() => false,
            };
            let times = Times { since: self.metrics.since(), now: SystemTime::now() };
            let body = metrics::request(&self.resource, &self.metrics.families(), times).encode_to_vec();
            drop(self.sender.send(body.into()).await);
            if last {
                return;
            }
        }
    }
}
