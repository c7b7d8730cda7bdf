//! The log of the process on standard error, written by a thread of its own so that no request waits for whoever reads it.

use std::fmt;
use std::io::IsTerminal;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use tracing_appender::non_blocking::{ErrorCounter, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Lines that may wait for the writer; more are dropped and counted.
const QUEUE: usize = 8192;

/// Start logging: lines for people on a terminal, JSON for everything else. `LOCKGATE_LOG` sets levels (`debug`,
/// `policy=trace`).
///
/// Dropping the guard writes what is queued.
#[must_use = "the log ends when the guard is dropped"]
pub(crate) fn start() -> (WorkerGuard, LostLines) {
    let (filter, misread) = filter(std::env::var_os("LOCKGATE_LOG"));
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(QUEUE).thread_name("log");
    let (writer, guard) = queue.finish(std::io::stderr());
    let lost = LostLines(writer.error_counter());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer);
    if std::io::stderr().is_terminal() {
        log.compact().init();
    } else {
        log.json().flatten_event(true).init();
    }
    if let Some(reason) = misread {
        tracing::warn!(
            "LOCKGATE_LOG cannot be used: {reason}; write one of error, warn, info, debug, trace, or such a level for a target, like `policy=trace`"
        );
    }
    (guard, lost)
}

/// The value of a field that is left out where it is empty.
pub(crate) fn told(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// How many lines nobody will read, as a metric.
#[derive(Debug)]
pub(crate) struct LostLines(ErrorCounter);

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let lost = ConstCounter::new(self.0.dropped_lines() as u64);
        let help = "Lines of the log lost because its reader was slow";
        lost.encode(encoder.encode_descriptor("log_dropped", help, None, lost.metric_type())?)
    }
}

/// What to log; where the text says nothing that can be understood, the usual, and why.
fn filter(text: Option<std::ffi::OsString>) -> (EnvFilter, Option<String>) {
    let text = text.filter(|text| !text.is_empty()).unwrap_or_else(|| "info".into());
    let text = text.to_string_lossy();
    // A word alone would be a target, and everything else silent. It is a level that was misspelt.
    if let Some(word) = text.split(',').find(|word| !word.contains(['=', '[']) && word.parse::<LevelFilter>().is_err())
    {
        return (EnvFilter::new("info"), Some(format!("`{word}` is no level")));
    }
    // A folder that is gone is not watched any more: that the system says so too is no news.
    let quiet = |text: &str| format!("notify=warn,{text}");
    match EnvFilter::try_new(quiet(&text)) {
        Ok(filter) => (filter, None),
        Err(error) => (EnvFilter::new("info"), Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_nobody_understands_is_said() {
        for (text, fits) in [
            (None, true),
            (Some(""), true),
            (Some("policy=trace"), true),
            (Some("policy=loud"), false),
            (Some("verbos"), false),
            (Some("warn,policy=debug"), true),
        ] {
            assert_eq!(filter(text.map(Into::into)).1.is_none(), fits, "{text:?}");
        }
    }
}
