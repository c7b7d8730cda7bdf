//! Traces and metrics for a collector, by OTLP. A worker hands over what it knows about a request and never waits; the rest is
//! done by a thread of its own.

mod client;
mod exporter;
mod metrics;
mod resource;
mod sample;
mod traces;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Version};
use rustls::ClientConfig;
use tokio::sync::mpsc::{Receiver, Sender, channel};

pub(crate) use exporter::Exporter;
pub(crate) use sample::Sample;

use super::SpanContext;
use super::access_log::Record;
use super::account::{Call, Try};
use super::metrics::{Fate, Metrics, OtlpMetrics};

/// Where and what to send.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    pub(crate) collector: Collector,
    /// What is said about the gateway besides what is said anyway.
    pub(crate) resource: Vec<(String, String)>,
    /// None where no traces are sent.
    pub(crate) sample: Option<Sample>,
    /// How often metrics are sent, if they are.
    pub(crate) metrics: Option<Duration>,
    /// Requests whose traces may wait.
    pub(crate) queue: usize,
}

/// A server that takes OTLP over HTTP.
#[derive(Clone)]
pub(crate) struct Collector {
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// A name or an address.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Before `/v1/...`.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) timeout: Duration,
}

/// The way to a collector, shared by the workers while a generation names it. When the last is gone, what waits is
/// sent, and the thread ends.
pub(crate) struct Otlp {
    settings: Arc<Settings>,
    queue: Sender<Recorded>,
    /// Until the thread is there to take them.
    waiting: Mutex<Option<Receiver<Recorded>>>,
    counts: OtlpMetrics,
}

/// One request that is over, with what came to pass in it.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) context: SpanContext,
    pub(crate) record: Record,
    /// What the client called the gateway.
    pub(crate) host: Box<str>,
    pub(crate) https: bool,
    pub(crate) version: Version,
    pub(crate) begun: Instant,
    pub(crate) calls: Vec<Call>,
    pub(crate) tries: Vec<Try>,
    /// Calls and tries of which there were too many.
    pub(crate) left_out: usize,
}

impl Otlp {
    /// Nothing is sent before it is started.
    pub(crate) fn new(settings: Settings, counts: OtlpMetrics) -> Self {
        let (queue, waiting) = channel(settings.queue);
        Self { settings: Arc::new(settings), queue, waiting: Mutex::new(Some(waiting)), counts }
    }

    /// Start the thread that sends; none where there is one already.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(crate) fn start(&self, metrics: &Arc<Metrics>) -> io::Result<Option<Exporter>> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.map(|waiting| Exporter::start(self.settings.clone(), waiting, metrics, &self.counts)).transpose()
    }

    pub(crate) fn is_of(&self, settings: &Settings) -> bool {
        *self.settings == *settings
    }

    /// Which traces that begin here are recorded; none where none are sent, whoever began them.
    pub(crate) fn sample(&self) -> Option<Sample> {
        self.settings.sample
    }

    /// Hand over a request, or drop it where too many wait.
    pub(crate) fn record(&self, recorded: Recorded) {
        let spans = recorded.spans();
        if self.queue.try_send(recorded).is_err() {
            self.counts.spans(Fate::QueueFull, spans);
        }
    }
}

impl Recorded {
    fn spans(&self) -> u64 {
        (1 + self.calls.len() + self.tries.len()) as u64
    }
}

/// The same TLS is the same configuration: that keeps its sessions.
impl PartialEq for Collector {
    fn eq(&self, other: &Self) -> bool {
        let same_tls = match (&self.tls, &other.tls) {
            (None, None) => true,
            (Some(tls), Some(other)) => Arc::ptr_eq(tls, other),
            _ => false,
        };
        let key = |it: &Self| (it.host.clone(), it.port, it.path.clone(), it.timeout);
        same_tls && key(self) == key(other) && self.headers == other.headers
    }
}

/// Without the fields, which hold secrets.
impl fmt::Debug for Collector {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(out, "{scheme}://{}:{}{}", self.host, self.port, self.path)
    }
}
