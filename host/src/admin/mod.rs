//! The admin listener: health, readiness, metrics, status and history, on loopback and behind a token.

mod access;
mod format;
mod history;
mod rollouts;
mod status;

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::listen::{Shutdown, Stage};
use crate::record::History;
use crate::reload::{Asker, Status, Wish};
use crate::telemetry::metrics::{self, Metrics};
pub(crate) use access::Token;
use format::Format;

/// Time for a request head on this listener.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What the admin listener can tell.
pub(crate) struct Admin {
    pub(crate) token: Token,
    pub(crate) status: Arc<Status>,
    pub(crate) reload: Asker,
    pub(crate) history: Arc<History>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) shutdown: Shutdown,
}

type Answer = Response<Full<Bytes>>;

/// Serve until the process ends. Runs on the control thread, away from the data plane.
pub(crate) async fn serve(admin: Rc<Admin>, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let admin = admin.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let admin = admin.clone();
                async move { Ok::<_, Infallible>(admin.answer(&request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "admin connection ended");
            }
        });
    }
}

impl Admin {
    async fn answer(&self, request: &Request<Incoming>) -> Answer {
        if let Err(refusal) = access::local(request.headers()) {
            return text(StatusCode::FORBIDDEN, refusal);
        }
        let path = request.uri().path();
        let methods = match path {
            "/healthz" | "/readyz" | "/metrics" | "/status" => "GET, HEAD",
            "/history" | "/rollouts" => "GET, HEAD",
            "/reload" | "/announce" | "/rollouts/promote" | "/rollouts/abort" => "POST",
            _ => {
                let there_is = "There is /healthz, /readyz, /metrics, /status, /history, /rollouts, /reload, /announce, \
                                /rollouts/promote and /rollouts/abort.\n";
                return text(StatusCode::NOT_FOUND, there_is);
            }
        };
        if !methods.split(", ").any(|method| method == request.method().as_str()) {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "The field Allow says which methods there are.\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
            return answer;
        }
        match path {
            "/healthz" => return text(StatusCode::OK, "ok\n"),
            "/readyz" if *self.shutdown.borrow() > Stage::Serving => {
                return text(StatusCode::SERVICE_UNAVAILABLE, "draining\n");
            }
            "/readyz" if !self.status.is_ready() => {
                return text(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "not all of the folder could be loaded yet; see /status\n",
                );
            }
            "/readyz" => return text(StatusCode::OK, "ready\n"),
            _ => {}
        }
        if !self.token.admits(request.headers()) {
            let mut answer =
                text(StatusCode::UNAUTHORIZED, "The token stands in the file admin-token of the state directory.\n");
            answer
                .headers_mut()
                .insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"lockgate admin\""));
            return answer;
        }
        match path {
            "/metrics" => match Format::wanted(request.headers()) {
                Format::Plain => with_type(StatusCode::OK, self.metrics.encode_plain(), metrics::PLAIN),
                Format::OpenMetrics => with_type(StatusCode::OK, self.metrics.encode(), metrics::OPENMETRICS),
                Format::Protobuf => with_type(StatusCode::OK, self.metrics.encode_protobuf(), metrics::PROTOBUF),
            },
            "/reload" => match self.reload.ask(Wish::Look).await {
                Some(_) => with_type(StatusCode::OK, status::looked(&self.status), "application/json"),
                None => text(StatusCode::SERVICE_UNAVAILABLE, "The gateway ends, or too many wait already.\n"),
            },
            "/history" => history::newest(&self.history, request.uri().query()).await,
            "/announce" => history::announce(&self.history, request.uri().query()),
            "/rollouts" => rollouts::all(&self.status),
            "/rollouts/promote" => rollouts::decide(&self.reload, request.uri().query(), Wish::Promote).await,
            "/rollouts/abort" => rollouts::decide(&self.reload, request.uri().query(), Wish::Abort).await,
            _ => with_type(StatusCode::OK, status::json(&self.status, &self.history), "application/json"),
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Answer {
    with_type(status, text, "text/plain; charset=utf-8")
}

fn with_type(status: StatusCode, body: impl Into<Bytes>, kind: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
