//! One connection to a collector, kept as long as it does (OTLP over HTTP, binary protobuf).

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Collector;

/// Bytes of an answer: it says in a few words what was not taken.
const MAX_ANSWER: usize = 64 * 1024;
const AGENT: HeaderValue = HeaderValue::from_static(concat!("lockgate/", env!("CARGO_PKG_VERSION")));
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Sends the requests of one signal, one after the other.
pub(super) struct Client {
    collector: Collector,
    path: String,
    host: String,
    kept: Option<SendRequest<Full<Bytes>>>,
}

/// Why a request was not taken.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) reason: String,
    /// Whether it may be later, and the least time the collector wants until then.
    pub(super) again: Option<Duration>,
}

type Broken = Box<dyn Error + Send + Sync>;

impl Client {
    /// `signal` is the last part of the path.
    pub(super) fn new(collector: Collector, signal: &str) -> Self {
        let path = format!("{}/v1/{signal}", collector.path);
        let name = if collector.host.contains(':') { format!("[{}]", collector.host) } else { collector.host.clone() };
        let host = format!("{name}:{}", collector.port);
        Self { collector, path, host, kept: None }
    }

    /// Send a request. Returns what was answered to one that was taken.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<Bytes, Failure> {
        let limit = self.collector.timeout;
        match timeout(limit, self.exchange(body)).await {
            Ok(Ok((head, body))) => judge(&head, body),
            Ok(Err(broken)) => Err(Failure { reason: chain(&*broken), again: Some(Duration::ZERO) }),
            Err(_) => {
                let reason = format!("no answer within {} ms", limit.as_millis());
                Err(Failure { reason, again: Some(Duration::ZERO) })
            }
        }
    }

    async fn exchange(&mut self, body: Bytes) -> Result<(Response<()>, Bytes), Broken> {
        let mut sender = match self.kept.take().filter(|kept| kept.is_ready()) {
            Some(kept) => kept,
            None => connect(&self.collector).await?,
        };
        let (head, body) = sender.send_request(self.request(body)?).await?.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await?.to_bytes();
        self.kept = Some(sender);
        Ok((Response::from_parts(head, ()), body))
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::builder().method(Method::POST).uri(&self.path).body(Full::new(body))?;
        let headers = request.headers_mut();
        headers.extend(self.collector.headers.clone());
        headers.insert(HOST, HeaderValue::try_from(&self.host)?);
        headers.insert(USER_AGENT, AGENT);
        headers.insert(CONTENT_TYPE, PROTOBUF);
        Ok(request)
    }
}

/// What a status means (OTLP specification, "OTLP/HTTP Response").
fn judge(head: &Response<()>, body: Bytes) -> Result<Bytes, Failure> {
    let status = head.status();
    if status.is_success() {
        return Ok(body);
    }
    let passes = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::BAD_GATEWAY,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::GATEWAY_TIMEOUT,
    ];
    let wait = head.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let again = passes.contains(&status).then(|| Duration::from_secs(wait.unwrap_or_default()));
    Err(Failure { reason: format!("it answered {}", status.as_u16()), again })
}

async fn connect(collector: &Collector) -> Result<SendRequest<Full<Bytes>>, Broken> {
    let stream = TcpStream::connect((collector.host.as_str(), collector.port)).await?;
    stream.set_nodelay(true)?;
    match &collector.tls {
        None => start(stream).await,
        Some(config) => start(shake_hands(stream, config, &collector.host).await?).await,
    }
}

async fn shake_hands(
    stream: TcpStream,
    config: &Arc<ClientConfig>,
    host: &str,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Broken> {
    let name = ServerName::try_from(host.to_owned())?;
    Ok(TlsConnector::from(config.clone()).connect(name, stream).await?)
}

async fn start<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
    // What goes wrong with it is told to whoever waits for an answer.
    tokio::task::spawn_local(async move { drop(connection.await) });
    Ok(sender)
}

/// An error and what it came from, outermost first.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
