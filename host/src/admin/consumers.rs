//! `/consumers`, `/applications` and `/keys`: lists, a page at a time; and what can be done to them, as JSON that is sent to `/consumers`.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use serde_json::json;

use super::{Answer, text, with_type};
use crate::consumers::{Act, Consumers, NotDone, Page};

/// Entries of a page unless the query says how many, and at most.
const USUAL: u32 = 100;
const MOST: u32 = 1000;
/// Longest act.
const MAX_ACT: usize = 64 << 10;

/// A page of a list, as the query wants it: `of=shop&after=NAME&n=50`, each of them only if it is needed.
pub(super) async fn list<T: Serialize + Send + 'static>(
    consumers: &Arc<Consumers>,
    query: Option<&str>,
    list: fn(&Consumers, &Page) -> Result<Vec<T>, NotDone>,
) -> Answer {
    let Some(page) = page(query.unwrap_or_default()) else {
        return text(
            StatusCode::BAD_REQUEST,
            "The query may be of=CONSUMER or of=CONSUMER/APPLICATION, after=NAME and n=1 to n=1000, joined by &.\n",
        );
    };
    let consumers = consumers.clone();
    // A disk that is slow is none of the others' business who ask.
    match tokio::task::spawn_blocking(move || list(&consumers, &page)).await {
        Ok(Ok(entries)) => with_type(StatusCode::OK, json!({ "entries": entries }).to_string(), super::JSON),
        Ok(Err(error)) => refused(&error),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "They cannot be read.\n"),
    }
}

/// Do what the body says.
pub(super) async fn act(consumers: &Arc<Consumers>, request: Request<Incoming>) -> Answer {
    let Ok(body) = Limited::new(request.into_body(), MAX_ACT).collect().await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "The body does not arrive, or is longer than 64 KiB.\n");
    };
    let act: Act = match serde_json::from_slice(&body.to_bytes()) {
        Ok(act) => act,
        Err(error) => {
            return with_type(StatusCode::BAD_REQUEST, format!("The body is no act: {error}\n"), super::TEXT);
        }
    };
    let consumers = consumers.clone();
    // It is done even if whoever asks does not wait for it.
    match tokio::task::spawn_blocking(move || consumers.act(&act)).await {
        Ok(Ok(done)) => with_type(StatusCode::OK, json!(done).to_string(), super::JSON),
        Ok(Err(error)) => refused(&error),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "It is not known whether it was done.\n"),
    }
}

fn refused(error: &NotDone) -> Answer {
    let status = match error {
        NotDone::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        NotDone::Failed(_) | NotDone::Unknown(_) => {
            tracing::error!(%error, "consumers cannot be read or changed");
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::CONFLICT,
    };
    with_type(status, format!("{error}\n"), super::TEXT)
}

fn page(query: &str) -> Option<Page> {
    let mut page = Page { of: None, after: String::new(), most: USUAL };
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "of" => page.of = Some(value.parse().ok()?),
            "after" => page.after = value.into_owned(),
            "n" => page.most = value.parse().ok().filter(|most| (1..=MOST).contains(most))?,
            _ => return None,
        }
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_what_the_query_says_and_nothing_else() {
        let usual = Page { of: None, after: String::new(), most: USUAL };
        assert_eq!(page(""), Some(usual.clone()));
        let of = "shop/web".parse().ok();
        let wanted = Some(Page { of, after: "a".into(), most: 1000 });
        assert_eq!(page("of=shop/web&after=a&n=1000"), wanted);
        assert_eq!(page("of=shop%2Fweb&after=%61&n=1000"), wanted);
        for wrong in ["n=0", "n=1001", "n=x", "of=Shop", "of=", "x=1", "n"] {
            assert_eq!(page(wrong), None, "{wrong}");
        }
    }
}
