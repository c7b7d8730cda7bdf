//! One finished request with all that may be told of it, as it is kept, shown and told of.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::finished::{Called, Finished};
use crate::telemetry::metrics::Label;
use crate::telemetry::rfc3339;

/// Times are microseconds, sizes bytes; what is not known is none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Sample {
    pub(crate) time: String,
    /// Since 1970.
    pub(crate) time_us: u64,
    pub(crate) id: String,
    pub(crate) trace: Option<String>,
    pub(crate) api: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) operation: Option<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) application: Option<String>,
    pub(crate) method: String,
    pub(crate) path: Option<String>,
    pub(crate) status: Option<u16>,
    pub(crate) class: String,
    pub(crate) blame: String,
    pub(crate) total_us: u64,
    pub(crate) upstream_us: Option<u64>,
    pub(crate) policy_us: u64,
    pub(crate) gateway_us: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retries: u32,
    pub(crate) generation: u64,
    pub(crate) client: Option<String>,
    pub(crate) policies: Said,
}

/// What policies said in a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Said {
    pub(crate) calls: Vec<Call>,
    /// How many there were besides.
    pub(crate) left_out: usize,
}

/// Calls of a hook: one, or those for all pieces of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Call {
    pub(crate) policy: String,
    pub(crate) hook: String,
    /// The verdict, or how it broke.
    pub(crate) said: String,
    pub(crate) us: u64,
}

impl Sample {
    /// Of a request that was over when it says.
    pub(crate) fn of(it: &Finished) -> Self {
        let time = it.time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::at(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), it)
    }

    /// Of a request that counts as over at a time since 1970.
    pub(super) fn at(time_us: u64, it: &Finished) -> Self {
        let text = |name: Option<&Arc<str>>| name.map(|name| name.to_string());
        Self {
            time: shown(time_us),
            time_us,
            id: it.request.to_string(),
            trace: it.trace.map(|trace| format!("{trace:032x}")),
            api: text(it.api()),
            version: text(it.version()),
            operation: text(it.name()),
            consumer: text(it.consumer.as_ref()),
            application: text(it.application.as_ref()),
            method: it.method.to_owned(),
            path: text(it.pattern()),
            status: it.status,
            class: it.class.to_owned(),
            blame: it.outcome.name().to_owned(),
            total_us: it.total_us,
            upstream_us: it.upstream_us,
            policy_us: it.policy_us,
            gateway_us: it.gateway_us,
            bytes_in: it.bytes_in,
            bytes_out: it.bytes_out,
            retries: it.retries,
            generation: it.generation,
            client: it.client.as_ref().map(ToString::to_string),
            policies: Said::of(it),
        }
    }
}

impl Said {
    fn of(finished: &Finished) -> Self {
        let call = |call: &Called| Call {
            policy: call.policy.to_string(),
            hook: call.hook.name().to_owned(),
            said: call.outcome.name().to_owned(),
            us: call.took_us,
        };
        Self { calls: finished.calls.iter().map(call).collect(), left_out: finished.calls_left_out }
    }
}

/// A time of microseconds since 1970.
pub(super) fn shown(time_us: u64) -> String {
    UNIX_EPOCH.checked_add(Duration::from_micros(time_us)).map(rfc3339).unwrap_or_default()
}
