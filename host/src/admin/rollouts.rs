//! `/rollouts`: new versions of policies that do not simply serve; `/rollouts/promote` and `/rollouts/abort`: deciding about one.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, text, with_type};
use crate::reload::{Asker, Rollout, Status, Wish};

/// All of them as JSON text.
pub(super) fn all(status: &Status) -> Answer {
    let rollouts: Vec<Value> = status.now().rollouts().map(about).collect();
    with_type(StatusCode::OK, json!({ "rollouts": rollouts }).to_string(), super::JSON)
}

/// Do with the policy the query names, `policy=NAME`, what is wished. Answers when every worker serves what came of it.
pub(super) async fn decide(asker: &Asker, query: Option<&str>, wish: fn(String) -> Wish) -> Answer {
    let Some(policy) = query.and_then(|query| query.strip_prefix("policy=")).filter(|name| !name.is_empty()) else {
        return text(StatusCode::BAD_REQUEST, "The query must be policy=NAME.\n");
    };
    match asker.ask(wish(policy.to_owned())).await {
        Some(Ok(())) => with_type(StatusCode::OK, "{}", super::JSON),
        Some(Err(refusal)) => with_type(StatusCode::CONFLICT, format!("{refusal}\n"), super::TEXT),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "The gateway ends, or too many wait already.\n"),
    }
}

fn about(rollout: Rollout) -> Value {
    json!({
        "policy": rollout.policy,
        "stage": rollout.stage.as_str(),
        "seconds_left": rollout.stage.left().map(|left| left.as_secs()),
        "digest": rollout.digest,
        "before": rollout.before,
        "compared": rollout.counts,
    })
}
