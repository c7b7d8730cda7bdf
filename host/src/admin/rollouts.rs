//! `/rollouts`: new versions of policies that do not simply serve; `/rollouts/promote` and `/rollouts/abort`: deciding about one.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Answer, text, with_type};
use crate::reload::{Asker, Choice, Fulfilled, Rollout, Status, Wish, beginning};

/// All of them as JSON text.
pub(super) fn all(status: &Status) -> Answer {
    let rollouts: Vec<Value> = status.now().rollouts().map(about).collect();
    with_type(StatusCode::OK, json!({ "rollouts": rollouts }).to_string(), super::JSON)
}

/// Do with the version the query names, `policy=NAME` and perhaps `&digest=sha256:…`, what is wished. Answers when
/// every worker serves what came of it.
pub(super) async fn decide(asker: &Asker, query: Option<&str>, wish: fn(Choice) -> Wish) -> Answer {
    let Some(choice) = query.and_then(choice) else {
        return text(StatusCode::BAD_REQUEST, "The query must be policy=NAME or policy=NAME&digest=sha256:….\n");
    };
    match asker.ask(wish(choice)).await {
        Some(Ok(Fulfilled { code, serves, .. })) => {
            with_type(StatusCode::OK, json!({ "digest": code, "serves": serves }).to_string(), super::JSON)
        }
        Some(Err(refusal)) => with_type(StatusCode::CONFLICT, format!("{refusal}\n"), super::TEXT),
        None => text(StatusCode::SERVICE_UNAVAILABLE, "The gateway ends, or too many wait already.\n"),
    }
}

fn choice(query: &str) -> Option<Choice> {
    let (policy, digest) = match query.split_once('&') {
        Some((policy, digest)) => (policy, Some(beginning(digest.strip_prefix("digest=")?)?)),
        None => (query, None),
    };
    let policy = policy.strip_prefix("policy=").filter(|name| !name.is_empty())?.to_owned();
    Some(Choice { policy, digest })
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
