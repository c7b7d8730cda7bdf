//! What clients are told: the fields `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers), and 429.

use crate::config::Limit;
use lockgate_sdk::limiter::{Rule, Standing};
use lockgate_sdk::{Problem, Response};
use std::fmt::Write;

/// Of the registry of problem types, as the draft of the fields has it.
const QUOTA_EXCEEDED: &str = "https://iana.org/assignments/http-problem-types#quota-exceeded";

/// The value of `RateLimit-Policy`.
pub(crate) fn policy(limits: &[Limit]) -> String {
    let mut field = String::new();
    for limit in limits {
        let (amount, period_ms, burst) = match limit.rule {
            Rule::Concurrent((most, _)) => (most, 0, None),
            Rule::Bucket((allowance, burst)) => (allowance.amount, allowance.period_ms, Some(burst)),
            Rule::FixedWindow(allowance) | Rule::SlidingWindow(allowance) => {
                (allowance.amount, allowance.period_ms, None)
            }
            Rule::Monthly(amount) => (amount, 0, None),
        };
        separate(&mut field);
        // Writing to a string cannot fail.
        let _ = write!(field, "\"{}\";q={amount}", limit.name);
        if let Rule::Concurrent(_) = limit.rule {
            field.push_str(";qu=\"concurrent-requests\"");
        }
        // A window has whole seconds, and a month has not always the same.
        if period_ms >= 1000 && period_ms.is_multiple_of(1000) {
            let _ = write!(field, ";w={}", period_ms / 1000);
        }
        if let Some(burst) = burst {
            let _ = write!(field, ";lockgate-burst={burst}");
        }
    }
    field
}

/// The value of `RateLimit`.
pub(crate) fn standing(limits: &[Limit], standings: &[Standing]) -> String {
    let mut field = String::with_capacity(32 * limits.len());
    for (limit, standing) in limits.iter().zip(standings) {
        separate(&mut field);
        // Where there is no room, who comes back before there is finds none.
        let until = standing.retry_ms.map_or(standing.reset_ms, |retry| retry.max(standing.reset_ms));
        let reset = until.div_ceil(1000);
        let _ = write!(field, "\"{}\";r={};t={reset}", limit.name, standing.remaining);
    }
    field
}

fn separate(field: &mut String) {
    if !field.is_empty() {
        field.push_str(", ");
    }
}

/// The answer to a request for which some limit has no room.
pub(crate) fn refusal(limits: &[Limit], standings: &[Standing]) -> Response {
    let violated = limits.iter().zip(standings).filter(|(_, standing)| !standing.has_room);
    let (names, waits): (Vec<_>, Vec<_>) = violated.map(|(limit, standing)| (&*limit.name, standing.retry_ms)).unzip();
    let problem = Problem::new(429, "Too Many Requests")
        .kind(QUOTA_EXCEEDED)
        .detail("as many requests as may be have been made already")
        .member("violated-policies", names);
    let response = Response::from(problem);
    // Whoever comes back once the longest of these is over finds room, if nobody else took it.
    match waits.into_iter().collect::<Option<Vec<_>>>().and_then(|waits| waits.into_iter().max()) {
        Some(wait) => response.field("retry-after", wait.div_ceil(1000).max(1).to_string()),
        None => response,
    }
}
