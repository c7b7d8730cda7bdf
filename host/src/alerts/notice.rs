//! What a receiver is sent: a JSON object of a stable shape, with a sentence for people.

use serde::Serialize;

use super::alert::{Alert, Standing};
use super::course::Phase;
use super::window::Reading;
use crate::config::{Measure, When};
use crate::report::show_span;
use crate::telemetry::rfc3339;

/// Of the shape. What is added later does not change it.
const FORMAT: u32 = 1;
pub(super) const FIRING: &str = "firing";
pub(super) const RESOLVED: &str = "resolved";

/// That an alert fires, or does not any more. Nothing in it was said by a client.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Notice {
    format: u32,
    name: String,
    pub(super) state: &'static str,
    /// It was told before, and still lasts.
    repeated: bool,
    /// A sentence, where services that show `text` look for it.
    pub(super) text: String,
    when: String,
    value: Option<f64>,
    threshold: f64,
    /// Of both: `ratio`, `microseconds` or `per_minute`.
    unit: &'static str,
    requests: u64,
    errors: u64,
    /// In seconds.
    window: u64,
    #[serde(rename = "where")]
    conditions: Vec<String>,
    /// When it began to fire: what is told of it later has the same.
    since: Option<String>,
}

impl Notice {
    pub(super) fn of(alert: &Alert, standing: &Standing, repeated: bool) -> Self {
        let settings = alert.settings();
        let Reading { requests, errors, value } = standing.reading;
        let state = if standing.phase == Phase::Firing { FIRING } else { RESOLVED };
        Self {
            format: FORMAT,
            name: alert.name().to_owned(),
            state,
            repeated,
            text: text(alert, standing, repeated),
            when: settings.when.to_string(),
            value,
            threshold: settings.when.limit(),
            unit: unit(settings.when.measure),
            requests,
            errors,
            window: settings.over.as_secs(),
            conditions: settings.conditions.clone(),
            since: standing.fired.map(rfc3339),
        }
    }

    pub(super) fn json(&self) -> Vec<u8> {
        // There is nothing in it that is no JSON.
        serde_json::to_vec(self).unwrap_or_default()
    }
}

/// One sentence.
fn text(alert: &Alert, standing: &Standing, repeated: bool) -> String {
    let (settings, name) = (alert.settings(), alert.name());
    if standing.is_over {
        return format!("{name} is not watched any more: it was changed or removed while it fired");
    }
    let When { measure, is_above, .. } = settings.when;
    let Reading { requests, errors, value } = standing.reading;
    let (what, over) = (measure.name(), show_span(settings.over.as_secs()));
    let is = match value {
        Some(value) if measure == Measure::Requests => format!("requests came at {}", shown(measure, value)),
        Some(value) if requests >= settings.at_least => format!("{what} is {}", shown(measure, value)),
        _ => format!("there are too few requests to tell its {what}"),
    };
    let verb = match (standing.phase, repeated) {
        (Phase::Firing, false) => "fires",
        (Phase::Firing, true) => "still fires",
        _ => "is resolved",
    };
    let of = if settings.conditions.is_empty() {
        String::new()
    } else {
        format!(" where {}", settings.conditions.join(" and "))
    };
    let sign = if is_above { "above" } else { "below" };
    let noun = if requests == 1 { "request" } else { "requests" };
    let counted = match measure {
        Measure::ErrorRate => format!("{errors} of {requests} {noun}"),
        _ => format!("{requests} {noun}"),
    };
    let per = if measure == Measure::Requests { " a minute" } else { "" };
    let threshold = format!("{}{per}", settings.when.threshold());
    format!("{name} {verb}: {is} over the last {over}{of} ({counted}; it fires {sign} {threshold})")
}

fn unit(measure: Measure) -> &'static str {
    match measure {
        Measure::ErrorRate => "ratio",
        Measure::P50 | Measure::P90 | Measure::P99 => "microseconds",
        Measure::Requests => "per_minute",
    }
}

/// A value in the unit of thresholds.
pub(super) fn shown(measure: Measure, value: f64) -> String {
    let plain = |number: f64| format!("{number:.2}").trim_end_matches('0').trim_end_matches('.').to_owned();
    match measure {
        Measure::ErrorRate => format!("{}%", plain(100.0 * value)),
        Measure::P50 | Measure::P90 | Measure::P99 if value >= 1e6 => format!("{}s", plain(value / 1e6)),
        Measure::P50 | Measure::P90 | Measure::P99 => format!("{}ms", plain(value / 1e3)),
        Measure::Requests => format!("{} a minute", plain(value)),
    }
}
