//! `/history`: the newest entries of the record; `/announce`: why contents come that are about to be put into the folder.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::{Answer, text, with_type};
use crate::record::{Announcement, History};

/// Entries that are told unless the query says how many, and at most.
const USUAL: usize = 20;
const MOST: usize = 1000;

/// As many entries as the query wants, `n=50`, as JSON text.
pub(super) async fn newest(history: &Arc<History>, query: Option<&str>) -> Answer {
    let wanted = query.map_or(Some(USUAL), |query| query.strip_prefix("n=")?.parse().ok());
    let Some(wanted) = wanted.filter(|wanted| (1..=MOST).contains(wanted)) else {
        return text(StatusCode::BAD_REQUEST, "The query may be n=1 to n=1000, and nothing else.\n");
    };
    let history = history.clone();
    // A disk that is slow is none of the others' business who ask.
    match tokio::task::spawn_blocking(move || history.newest(wanted)).await {
        Ok(Ok(entries)) => with_type(StatusCode::OK, json!({ "entries": entries }).to_string(), super::JSON),
        Ok(Err(error)) => {
            tracing::error!(%error, "the record cannot be read");
            text(StatusCode::INTERNAL_SERVER_ERROR, "The record cannot be read; the log says why.\n")
        }
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "The record cannot be read.\n"),
    }
}

/// Remember what the query says, `why=apply&contents=DIGEST`, until these contents serve.
pub(super) fn announce(history: &History, query: Option<&str>) -> Answer {
    match query.and_then(Announcement::parse) {
        Some(announcement) => {
            history.announce(announcement);
            with_type(StatusCode::OK, "{}", super::JSON)
        }
        None => text(
            StatusCode::BAD_REQUEST,
            "The query must be why=apply or why=rollback&of=ENTRY, then &contents=DIGEST.\n",
        ),
    }
}
