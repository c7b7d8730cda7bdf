//! `/alerts`: what is watched for, how it stands, and who was told of it.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, with_type};
use crate::alerts::{Alert, Alerts, Standing};
use crate::telemetry::metrics::Label;
use crate::telemetry::rfc3339;

/// All of them as JSON text, in the order of their names.
pub(super) fn all(alerts: &Alerts) -> Answer {
    let alerts: Vec<Value> = alerts.all().iter().map(|alert| about(alert)).collect();
    with_type(StatusCode::OK, json!({ "alerts": alerts }).to_string(), super::JSON)
}

fn about(alert: &Alert) -> Value {
    let (settings, Standing { phase, reading, since, .. }) = (alert.settings(), alert.standing());
    let told = alert.told().into_iter().map(|(to, told)| {
        let (at, state) = told.as_ref().map(|told| (rfc3339(told.at), told.state)).unzip();
        json!({ "to": to, "at": at, "state": state, "outcome": told.map(|told| told.outcome.name()) })
    });
    json!({
        "name": alert.name(),
        "state": phase.name(),
        "since": rfc3339(since),
        "when": settings.when.to_string(),
        "value": reading.value,
        "shown": alert.shown(),
        "threshold": settings.when.limit(),
        "requests": reading.requests,
        "errors": reading.errors,
        "window": settings.over.as_secs(),
        "where": settings.conditions,
        "notifications": told.collect::<Vec<_>>(),
    })
}
