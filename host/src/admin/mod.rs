//! The admin listener: health, readiness, metrics, status, history, account of requests, and requests as they end, on loopback and behind a token.

mod access;
mod alerts;
mod consumers;
mod dashboard;
mod format;
mod history;
mod page;
mod rollouts;
mod session;
mod status;
mod tail;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, REFERRER_POLICY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::alerts::Alerts;
use crate::consumers::Consumers;
use crate::dashboard::{Place, Why};
use crate::listen::{Shutdown, Stage};
use crate::observe::Watch;
use crate::record::History;
use crate::reload::{Asker, Status, Wish};
use crate::telemetry::metrics::{self, Metrics};
use crate::token::{self, Token};
use dashboard::Dashboard;
use format::Format;
use page::{Access, Page};

/// Time for a request head on this listener, and between two requests of a connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at once; others are closed. Whoever is on this machine can open them, and files are for clients.
const MOST_CONNECTIONS: usize = 64;
const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Of each answer: nobody keeps it, takes it for something else, shows it in a page of their own or hears of its address.
/// Our own pages do, or browsers would not say that a form is theirs.
const FIELDS: [(HeaderName, &str); 4] = [
    (CACHE_CONTROL, "no-store"),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (REFERRER_POLICY, "same-origin"),
];

/// What the admin listener can tell.
pub(crate) struct Admin {
    pub(crate) token: Token,
    pub(crate) status: Arc<Status>,
    pub(crate) reload: Asker,
    pub(crate) history: Arc<History>,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) alerts: Arc<Alerts>,
    /// None where no account of requests is kept.
    pub(crate) watch: Option<Watch>,
    pub(crate) shutdown: Shutdown,
    /// Where account is kept of finished requests.
    pub(crate) requests: Place,
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

/// Serve until the process ends. Runs on the control thread, away from the data plane.
pub(crate) async fn serve(admin: Rc<Admin>, listener: TcpListener) {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    tokio::task::spawn_local(end_tails(admin.watch.clone(), admin.shutdown.clone()));
    let dashboard = Rc::new(Dashboard::new(admin.requests.clone()));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let Ok(here) = stream.local_addr() else { continue };
        let (admin, dashboard) = (admin.clone(), dashboard.clone());
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let (admin, dashboard) = (admin.clone(), dashboard.clone());
                async move {
                    let proof = admin.proof(request.headers(), here);
                    let mut answer = admin.answer(request, &dashboard, here).await;
                    answer.headers_mut().extend(proof.map(|proof| (HeaderName::from_static(token::PROOF), proof)));
                    Ok::<_, Infallible>(answer)
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "admin connection ended");
            }
            drop(place);
        });
    }
}

/// What would never end by itself ends when the process begins to.
async fn end_tails(watch: Option<Watch>, mut shutdown: Shutdown) {
    let Some(watch) = watch else { return };
    let _ = shutdown.wait_for(|stage| *stage >= Stage::Draining).await;
    watch.end();
}

impl Admin {
    /// That this is the gateway whose token the client knows, where it asks for that before it says it.
    fn proof(&self, headers: &HeaderMap, here: SocketAddr) -> Option<HeaderValue> {
        let challenge = headers.get(token::CHALLENGE)?;
        HeaderValue::try_from(self.token.proof(challenge.as_bytes(), here)?).ok()
    }

    async fn answer(&self, request: Request<Incoming>, dashboard: &Dashboard, here: SocketAddr) -> Answer {
        if let Err(refusal) = access::local(request.headers()) {
            return text(StatusCode::FORBIDDEN, refusal);
        }
        let Some(page) = Page::at(request.uri().path()) else {
            return with_type(StatusCode::NOT_FOUND, Page::list(), TEXT);
        };
        if !page.allows(request.method().as_str()) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "The field Allow says which methods there are.\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(page.methods()));
            return answer;
        }
        let headers = request.headers();
        let is_in = || dashboard.sessions.admit(headers, here, Instant::now());
        let is_admitted = match page.access() {
            Access::Open => true,
            Access::Session => self.token.admits(headers) || is_in(),
            Access::Token => self.token.admits(headers),
        };
        if !is_admitted {
            return unadmitted(page);
        }
        let query = request.uri().query();
        match page {
            Page::Overview => dashboard.overview(query).await,
            Page::Request => dashboard.request(query).await,
            Page::Report => dashboard.report(query, headers).await,
            Page::Samples => dashboard.samples(query).await,
            Page::Link => dashboard.link(headers),
            Page::Login => dashboard.login(query, here, is_in()),
            Page::Logout => dashboard.logout(headers, here),
            Page::Health => text(StatusCode::OK, "ok\n"),
            Page::Readiness => self.readiness(),
            Page::Metrics => match Format::wanted(request.headers()) {
                Format::Plain => with_type(StatusCode::OK, self.metrics.encode_plain(), metrics::PLAIN),
                Format::OpenMetrics => with_type(StatusCode::OK, self.metrics.encode(), metrics::OPENMETRICS),
                Format::Protobuf => with_type(StatusCode::OK, self.metrics.encode_protobuf(), metrics::PROTOBUF),
            },
            Page::Status => with_type(StatusCode::OK, status::json(self), JSON),
            Page::History => history::newest(&self.history, query).await,
            Page::Consumers if request.method() == Method::POST => consumers::act(&self.consumers, request).await,
            Page::Consumers => consumers::list(&self.consumers, query, Consumers::consumers).await,
            Page::Applications => consumers::list(&self.consumers, query, Consumers::applications).await,
            Page::Keys => consumers::list(&self.consumers, query, Consumers::keys).await,
            Page::Rollouts => rollouts::all(&self.status),
            Page::Tail => tail::follow(self.watch.as_ref(), query),
            Page::Alerts => alerts::all(&self.alerts),
            Page::Reload => match self.reload.ask(Wish::Look).await {
                Some(Ok(looked)) => with_type(StatusCode::OK, status::looked(looked.now), JSON),
                Some(Err(_)) | None => {
                    text(StatusCode::SERVICE_UNAVAILABLE, "The gateway ends, or too many wait already.\n")
                }
            },
            Page::Announce => history::announce(&self.history, query),
            Page::Promote => rollouts::decide(&self.reload, query, Wish::Promote).await,
            Page::Abort => rollouts::decide(&self.reload, query, Wish::Abort).await,
        }
    }

    fn readiness(&self) -> Answer {
        if *self.shutdown.borrow() > Stage::Serving {
            return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
        }
        if !self.status.is_ready() {
            let why = "not all of the folder could be loaded yet; see /status\n";
            return text(StatusCode::SERVICE_UNAVAILABLE, why);
        }
        text(StatusCode::OK, "ready\n")
    }
}

/// To who has neither the token nor, for pages, signed in.
fn unadmitted(page: Page) -> Answer {
    let mut answer = match page.is_html() {
        true => dashboard::message(Why::SignedOut),
        false => text(StatusCode::UNAUTHORIZED, "The token stands in the file admin-token of the state directory.\n"),
    };
    let scheme = HeaderValue::from_static("Bearer realm=\"lockgate admin\"");
    answer.headers_mut().insert(WWW_AUTHENTICATE, scheme);
    answer
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    with_type(status, text, TEXT)
}

fn with_type(status: StatusCode, body: impl Into<Bytes>, kind: &'static str) -> Answer {
    answer(status, Full::new(body.into()).boxed(), kind)
}

fn answer(status: StatusCode, body: BoxBody<Bytes, Infallible>, kind: &'static str) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (field, value) in FIELDS {
        answer.headers_mut().insert(field, HeaderValue::from_static(value));
    }
    answer
}
