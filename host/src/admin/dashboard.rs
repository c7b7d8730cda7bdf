//! What browsers and programs may ask about finished requests: pages, `/report` and `/samples`; and how a browser is let in.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use http::header::{ACCEPT, CONTENT_SECURITY_POLICY, HOST, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use tokio::sync::Semaphore;

use super::session::{self, Sessions};
use super::{Answer, JSON, text, with_type};
use crate::dashboard::{Message, POLICY, Place, QUESTION, Shown, Why, read_address};
use crate::report::{Interrupt, Pick, Query, QueryFault, Reader, StoreError};

/// Questions that are answered at once: each takes a thread, and reads from the disk.
const MOST: usize = 2;
/// How long a question may take.
const PATIENCE: Duration = Duration::from_secs(10);
const HTML: &str = "text/html; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8; header=present";
const PROBLEM: &str = "application/problem+json";
/// What `/samples` can be asked about.
const SAMPLES: [&str; 4] = ["from", "to", "where", "limit"];

pub(super) struct Dashboard {
    place: Place,
    pub(super) sessions: Sessions,
    places: Arc<Semaphore>,
}

/// Why nothing was read.
enum Unread {
    Busy,
    TooLong,
}

impl Dashboard {
    pub(super) fn new(place: Place) -> Self {
        Self { place, sessions: Sessions::default(), places: Arc::new(Semaphore::new(MOST)) }
    }

    pub(super) async fn overview(&self, query: Option<&str>) -> Answer {
        self.page(query, Place::overview).await
    }

    pub(super) async fn request(&self, query: Option<&str>) -> Answer {
        self.page(query, Place::request).await
    }

    async fn page(&self, query: Option<&str>, make: fn(&Place, &str, &Interrupt) -> Shown) -> Answer {
        let (place, query) = (self.place.clone(), query.unwrap_or_default().to_owned());
        match self.read(move |interrupt| make(&place, &query, interrupt)).await {
            Ok(shown) => html(shown),
            Err(Unread::Busy) => later(message(Why::Busy)),
            Err(Unread::TooLong) => message(Why::TooLong),
        }
    }

    /// What `lockgate report` would say, as JSON or as CSV.
    pub(super) async fn report(&self, query: Option<&str>, headers: &HeaderMap) -> Answer {
        let (asked, [format], mut faults) = read_address(query.unwrap_or_default(), &QUESTION, ["format"]);
        let is_csv = match format.as_deref() {
            None => headers.get(ACCEPT).and_then(|it| it.to_str().ok()).is_some_and(|it| it.contains("text/csv")),
            Some(format @ ("csv" | "json")) => format == "csv",
            Some(other) => {
                let reason = format!("nothing is told as {other:?}");
                faults.push(QueryFault { key: "format", reason, advice: "write `json` or `csv`".to_owned() });
                false
            }
        };
        let query = Query::parse(&asked, SystemTime::now()).map_err(|more| faults.extend(more)).ok();
        let Some(query) = query.filter(|_| faults.is_empty()) else { return refused(&faults) };
        self.told(move |reader| {
            let answer = reader.query(&query)?;
            Ok(if is_csv { (answer.csv(), CSV) } else { (answer.json(), JSON) })
        })
        .await
    }

    /// Requests that were kept one by one, the newest first.
    pub(super) async fn samples(&self, query: Option<&str>) -> Answer {
        let (asked, [], mut faults) = read_address(query.unwrap_or_default(), &SAMPLES, []);
        let query = Query::parse_of_samples(&asked, SystemTime::now()).map_err(|more| faults.extend(more)).ok();
        let Some(query) = query.filter(|_| faults.is_empty()) else { return refused(&faults) };
        self.told(move |reader| {
            let samples = reader.samples(&query, Pick::Newest)?;
            Ok((json!(samples).to_string(), JSON))
        })
        .await
    }

    async fn told(
        &self,
        tell: impl FnOnce(&Reader) -> Result<(String, &'static str), StoreError> + Send + 'static,
    ) -> Answer {
        let place = self.place.clone();
        let told = self.read(move |interrupt| {
            let reader = place.reader(interrupt).map_err(|why| Message::of(why).line())?;
            tell(&reader).map_err(|error| error.to_string())
        });
        match told.await {
            Ok(Ok((said, kind))) => with_type(StatusCode::OK, said, kind),
            Ok(Err(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why, &[]),
            Err(Unread::Busy) => later(problem(StatusCode::SERVICE_UNAVAILABLE, &Message::of(Why::Busy).line(), &[])),
            Err(Unread::TooLong) => problem(StatusCode::SERVICE_UNAVAILABLE, &Message::of(Why::TooLong).line(), &[]),
        }
    }

    /// Read from the disk, beside this thread, for as long as somebody waits for it and not longer than may be.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Interrupt) -> T + Send + 'static) -> Result<T, Unread> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Unread::Busy)?;
        let interrupt = Interrupt::default();
        let _ended = EndOnDrop(interrupt.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let read = read(&interrupt);
            drop(place);
            read
        });
        tokio::time::timeout(PATIENCE, reading).await.ok().and_then(Result::ok).ok_or(Unread::TooLong)
    }

    /// A link for one browser.
    pub(super) fn link(&self, headers: &HeaderMap) -> Answer {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        match self.sessions.link(Instant::now()) {
            Ok(code) => {
                let link = format!("http://{host}/login?code={code}");
                with_type(StatusCode::OK, json!({ "link": link, "seconds": session::LINK.as_secs() }).to_string(), JSON)
            }
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "The system has no random bytes.\n"),
        }
    }

    /// Let a browser in that comes with a link. `is_in` says that it has been let in already.
    pub(super) fn login(&self, query: Option<&str>, here: SocketAddr, is_in: bool) -> Answer {
        let code = query.and_then(|query| query.strip_prefix("code=")).unwrap_or_default();
        let begun = self.sessions.begin(code, Instant::now()).ok().flatten();
        let cookie = begun.and_then(|token| HeaderValue::try_from(session::cookie(&token, here)).ok());
        if cookie.is_none() && !is_in {
            return message(Why::Spent);
        }
        overview(cookie)
    }

    /// End what a browser was let in with.
    pub(super) fn logout(&self, headers: &HeaderMap, here: SocketAddr) -> Answer {
        self.sessions.end(headers, here);
        overview(HeaderValue::try_from(session::no_cookie(here)).ok())
    }
}

/// Lead to the overview.
fn overview(cookie: Option<HeaderValue>) -> Answer {
    let mut answer = with_type(StatusCode::SEE_OTHER, "", super::TEXT);
    answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
    answer.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    answer
}

/// Ends what is read when nobody waits for it any more.
struct EndOnDrop(Interrupt);

impl Drop for EndOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

pub(super) fn message(why: Why) -> Answer {
    html(Message::of(why).shown())
}

fn html(Shown { status, html }: Shown) -> Answer {
    let mut answer = with_type(status, html, HTML);
    answer.headers_mut().extend(HeaderValue::from_str(&POLICY).ok().map(|policy| (CONTENT_SECURITY_POLICY, policy)));
    answer
}

fn later(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    answer
}

fn refused(faults: &[QueryFault]) -> Answer {
    let all: Vec<_> = faults.iter().map(ToString::to_string).collect();
    problem(StatusCode::BAD_REQUEST, &all.join(". "), faults)
}

/// As RFC 9457 has it, with each fault by itself.
fn problem(status: StatusCode, detail: &str, faults: &[QueryFault]) -> Answer {
    let title = status.canonical_reason().unwrap_or("Error");
    let problem =
        json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail, "faults": faults });
    with_type(status, problem.to_string(), PROBLEM)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn two_questions_are_answered_at_once_and_what_nobody_waits_for_is_ended() {
        let dashboard = Dashboard::new(Place { state: None, is_kept: false });
        let (begun, mut asked) = tokio::sync::mpsc::unbounded_channel();
        let (ended, over) = mpsc::channel();
        let ask = || {
            let (begun, ended) = (begun.clone(), ended.clone());
            dashboard.read(move |interrupt| {
                begun.send(()).unwrap();
                // As long as somebody waits.
                while interrupt.check().is_ok() {
                    std::thread::yield_now();
                }
                ended.send(()).unwrap();
            })
        };
        let (mut one, mut other) = (Box::pin(ask()), Box::pin(ask()));
        for _ in 0..2 {
            tokio::select! {
                biased;
                _ = &mut one => panic!("it ended by itself"),
                _ = &mut other => panic!("it ended by itself"),
                begun = asked.recv() => begun.unwrap(),
            }
        }
        assert!(matches!(ask().await, Err(Unread::Busy)));
        drop((one, other));
        over.recv().unwrap();
        over.recv().unwrap();
        let free = async {
            while dashboard.places.available_permits() < MOST {
                tokio::task::yield_now().await
            }
        };
        tokio::time::timeout(PATIENCE, free).await.unwrap();
        assert!(dashboard.read(|_| ()).await.is_ok());
    }
}
