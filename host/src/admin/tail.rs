//! `/tail`: finished requests as they come, a JSON object on each line, until whoever asks has enough or the gateway ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::StatusCode;
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use serde_json::json;

use super::{Answer, answer, text, with_type};
use crate::observe::{NoPlace, Seen, Watch, Watching};
use crate::report::{Filter, Sample};

const NDJSON: &str = "application/x-ndjson";
/// Bytes that are written at once where more wait.
const PIECE: usize = 16 << 10;

/// Follow what the query asks about: `where=status%3D5xx&where=api%3Dorders&slower=500ms`.
pub(super) fn follow(watch: Option<&Watch>, query: Option<&str>) -> Answer {
    let Some(watch) = watch else {
        return text(
            StatusCode::CONFLICT,
            "no request is kept account of, so there is none to follow: add the table [analytics] to gateway.toml and restart the gateway\n",
        );
    };
    let filter = match filter(query.unwrap_or_default()) {
        Ok(filter) => filter,
        Err(reason) => return with_type(StatusCode::BAD_REQUEST, reason, super::TEXT),
    };
    match watch.begin(filter) {
        Ok(watching) => answer(StatusCode::OK, Lines(watching).boxed(), NDJSON),
        Err(reason @ (NoPlace::Taken | NoPlace::Over)) => {
            with_type(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n"), super::TEXT)
        }
    }
}

fn filter(query: &str) -> Result<Filter, String> {
    let (mut conditions, mut slower) = (Vec::new(), None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "where" => conditions.push(value.into_owned()),
            "slower" if slower.is_none() => slower = Some(value.into_owned()),
            _ => {
                return Err(
                    "The query may be where=DIMENSION%3DVALUES, several of them, and slower=500ms.\n".to_owned()
                );
            }
        }
    }
    Filter::parse(&conditions, slower.as_deref())
        .map_err(|faults| faults.iter().map(|fault| format!("{fault}\n")).collect())
}

/// A body without an end of its own.
struct Lines(Watching);

impl Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(first) = ready!(self.0.poll_next(context)) else { return Poll::Ready(None) };
        let mut piece = line(&first);
        while piece.len() < PIECE
            && let Poll::Ready(Some(seen)) = self.0.poll_next(context)
        {
            piece.push_str(&line(&seen));
        }
        Poll::Ready(Some(Ok(Frame::data(piece.into()))))
    }
}

fn line(seen: &Seen) -> String {
    let object = match seen {
        Seen::Request(finished) => serde_json::to_string(&Sample::of(finished)).unwrap_or_default(),
        Seen::Missed(missed) => json!({ "missed": missed }).to_string(),
    };
    object + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_is_what_is_asked_about_and_nothing_else() {
        let conditions = ["status=5xx".to_owned(), "consumer=a&b=c".to_owned()];
        let wanted = Filter::parse(&conditions, Some("500ms")).unwrap();
        assert_eq!(filter("where=status%3D5xx&where=consumer%3Da%26b%3Dc&slower=500ms"), Ok(wanted));
        assert_eq!(filter(""), Ok(Filter::default()));
        for wrong in ["n=1", "slower=1s&slower=2s", "where"] {
            assert!(filter(wrong).is_err(), "{wrong}");
        }
        let said = filter("where=colour%3Dred&slower=soon").unwrap_err();
        assert!(said.contains("colour") && said.contains("write `500ms`"), "{said}");
    }
}
