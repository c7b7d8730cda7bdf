//! Overhears what policies, and the gateway about them, have to say while exchanges are played.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Most lines that are kept of one exchange.
const MOST: usize = 1000;

/// What was said since it was asked for last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Overheard(Arc<Mutex<Vec<Said>>>);

/// One line.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) level: &'static str,
    /// By the policy itself, not about it.
    pub(super) by_policy: bool,
    pub(super) text: String,
}

impl Overheard {
    /// Overhear this process from now on, in the place of its log.
    pub(crate) fn start() -> Self {
        let overheard = Self::default();
        // Nobody else listens in a process that plays.
        let _ = tracing_subscriber::registry().with(Ear(overheard.clone())).try_init();
        overheard
    }

    pub(super) fn take(&self) -> Vec<Said> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Ear(Overheard);

impl<S: Subscriber> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let by_policy = event.metadata().target() == "policy";
        let level = *event.metadata().level();
        // What else goes wrong is in the answer.
        let about_policy = level <= Level::WARN && event.fields().any(|field| field.name() == "policy");
        if !by_policy && !about_policy {
            return;
        }
        let mut text = Message(String::new());
        event.record(&mut text);
        let mut all = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            let level = match level {
                Level::ERROR => "error",
                Level::WARN => "warn",
                Level::INFO => "info",
                Level::DEBUG | Level::TRACE => "debug",
            };
            all.push(Said { level, by_policy, text: text.0 });
        }
    }
}

/// The message of an event; its other fields are about what is known here.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string cannot fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}
