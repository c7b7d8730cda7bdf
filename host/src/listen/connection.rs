//! One client connection: TLS where the listener has it, then HTTP/1.1 or HTTP/2 until the client, a limit or a drain ends it.

use std::cell::RefCell;
use std::convert::Infallible;
use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio_rustls::LazyConfigAcceptor;

use super::admission::Seat;
use super::delivery::{Delivery, Exchanging};
use super::desk::Desk;
use super::floods::FrameCounter;
use super::inspect::Inspected;
use super::proxy;
use super::pulse::{Pulse, Told, Watched};
use super::socket::Stream;
use super::streams::Streams;
use super::strict::{Strict, Strictness};
use super::transport::Transport;
use crate::exchange::Patience;
use crate::serve::{Connection, End, serve};
use crate::telemetry::metrics::Refusal;
use crate::tls;

/// Bytes a client may send of one body, and of all, before the gateway has passed them on. HTTP/1.1 leaves that to the
/// kernel.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// Bytes kept for a client that does not take them, for each of its streams.
const SEND_BUFFER: usize = 128 << 10;

/// Serve one connection to its end.
pub(super) async fn connection(desk: Rc<Desk>, stream: Stream, peer: Option<IpAddr>, mut seat: Seat, pulse: Rc<Pulse>) {
    stream.set_nodelay();
    // The peer, unless a proxy in front says for whom it speaks.
    let mut client = peer.map(|peer| peer.to_canonical());
    let config = &desk.listener.config;
    let stream = Watched { stream, inspector: pulse.clone() };
    // What is needed once is not kept as long as the connection.
    let opening = Box::pin(open(&desk, &mut client, stream, &mut seat, &pulse));
    let opened = pulse.unless_stopped(opening).await;
    let Opened { transport, http2, tls } = match opened {
        Some(Ok(opened)) => opened,
        Some(Err((reason, error))) => {
            tracing::debug!(%error, listener = config.name, "connection not opened");
            return desk.refuse(client, reason);
        }
        None => return pulse.refusal().into_iter().for_each(|reason| desk.refuse(client, reason)),
    };
    let facts = Rc::new(Connection {
        entrance: desk.entrance.clone(),
        client,
        client_field: client.and_then(|client| HeaderValue::try_from(client.to_string()).ok()),
        tls,
        max_target: usize::try_from(config.max_target_bytes).unwrap_or(usize::MAX),
        max_body: config.max_body_bytes,
        max_headers: config.max_headers as usize,
        patience: Patience { timeout: config.body_timeout, rate: config.min_rate },
        tunnel: RefCell::default(),
    });
    let ended = match http2 {
        true => speak_http2(&desk, transport, facts, &pulse).await,
        false => speak_http1(&desk, transport, facts, &pulse).await,
    };
    match ended {
        Driven::Closed(Ok(())) | Driven::Resting => {}
        Driven::Closed(Err(error)) => {
            tracing::debug!(%error, listener = config.name, "connection ended");
            fault_of(&error).into_iter().for_each(|reason| desk.refuse(client, reason));
        }
        Driven::Stopped => {
            pulse.refusal().into_iter().for_each(|reason| desk.refuse(client, reason));
            tracing::debug!(
                listener = config.name,
                "connection closed: its client did nothing for too long, or too much"
            );
        }
    }
}

/// What a connection ended with, where no request tells of it.
fn fault_of(error: &hyper::Error) -> Option<Refusal> {
    if error.is_parse_too_large() {
        return Some(Refusal::HeadTooLarge);
    }
    if error.is_parse() {
        return Some(Refusal::Malformed);
    }
    if error.is_incomplete_message() {
        return Some(Refusal::Left);
    }
    let http2 = error.source()?.downcast_ref::<h2::Error>()?;
    http2.is_library().then_some(Refusal::Http2)
}

/// A connection on which requests may come.
struct Opened {
    transport: Transport,
    http2: bool,
    tls: Option<Rc<tls::Session>>,
}

/// Hear for whom it is, shake hands, and find out which HTTP it is to be.
async fn open(
    desk: &Desk,
    client: &mut Option<IpAddr>,
    mut stream: Watched<Stream>,
    seat: &mut Seat,
    pulse: &Pulse,
) -> Result<Opened, (Refusal, io::Error)> {
    let config = &desk.listener.config;
    if config.proxy_protocol {
        // Where the operator says who is trusted, nobody else is.
        let generation = &desk.worker.current().generation;
        if generation.forwarding.trusts_anyone() && !generation.forwarding.trusts(*client) {
            return Err((Refusal::ProxyHeader, proxy::untrusted()));
        }
        let announced = proxy::read(&mut stream).await.map_err(|error| in_stage(Refusal::ProxyHeader, error))?;
        *client = announced.map(|announced| announced.ip().to_canonical()).or(*client);
        if !desk.claims(seat, *client) {
            return Err((Refusal::Address, io::Error::other("its client has as many connections as it may have")));
        }
    }
    let Some(server) = desk.entrance.server() else {
        pulse.fresh();
        let mut transport = Transport::plain(stream);
        let http2 = config.http2 && transport.begins_http2().await.map_err(|error| (Refusal::Left, error))?;
        return Ok(Opened { transport, http2, tls: None });
    };
    let in_tls = |error| in_stage(Refusal::Tls, error);
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.map_err(in_tls)?;
    let host = start.client_hello().server_name().map(str::to_ascii_lowercase);
    let identity = server.identity(host.as_deref()).clone();
    drop(server);
    let stream = match start.into_stream(identity.config()).into_fallible().await {
        Ok(stream) => stream,
        Err((error, stream)) => {
            // In TLS 1.3 a client may have said more before it hears what was wrong with its certificate.
            Transport::plain(stream).linger(true).await;
            return Err(in_tls(error));
        }
    };
    pulse.fresh();
    let (_, connection) = stream.get_ref();
    let http2 = connection.alpn_protocol() == Some(tls::H2);
    let tls = Rc::new(tls::Session::new(&identity, host, connection));
    // It may have changed during the handshake who may connect.
    if !desk.entrance.admits(&tls) {
        return Err((Refusal::Tls, io::Error::other("its certificate is admitted no more")));
    }
    pulse.admitted(&tls);
    Ok(Opened { transport: Transport::tls(stream), http2, tls: Some(tls) })
}

/// What was wrong with the bytes of a stage, if anything was.
fn in_stage(stage: Refusal, error: io::Error) -> (Refusal, io::Error) {
    let is_about_bytes = error.kind() == io::ErrorKind::InvalidData;
    (if is_about_bytes { stage } else { Refusal::Left }, error)
}

/// What has become of a connection that is served no longer.
enum Driven {
    Closed(hyper::Result<()>),
    Stopped,
    /// It has nothing to do for now.
    Resting,
}

async fn speak_http1(desk: &Rc<Desk>, transport: Transport, facts: Rc<Connection>, pulse: &Rc<Pulse>) -> Driven {
    let service = {
        let shared = Rc::new((facts.clone(), desk.worker.clone(), pulse.clone()));
        service_fn(move |request| {
            let shared = shared.clone();
            let exchanging = Exchanging::begin(&shared.2);
            // The future is kilobytes long: written where it stays, it is not copied on its way there or into the
            // connection.
            Box::into_pin(Box::write(Box::new_uninit(), async move {
                let (facts, worker, pulse) = &*shared;
                let is_old = request.version() == Version::HTTP_10;
                let mut response = serve(worker, facts, request).await;
                show_out(facts, pulse);
                // Without chunks, a body of unknown length ends with its connection.
                let is_last = pulse.is_draining() || is_old && response.body().size_hint().exact().is_none();
                if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    match is_old {
                        // Which says so by saying nothing; hyper would say that the connection is kept.
                        true => *response.version_mut() = Version::HTTP_10,
                        false => drop(response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"))),
                    }
                }
                Ok::<_, Infallible>(response.map(|body| Delivery::new(body, exchanging, None)))
            }))
        })
    };
    let max_head = usize::try_from(desk.listener.config.max_header_bytes).unwrap_or(usize::MAX);
    let mut http = http1::Builder::new();
    http.max_buf_size(max_head).max_headers(desk.listener.config.max_headers as usize);
    let strict = Strict { stream: transport, inspector: Strictness::new(pulse.clone()) };
    let (ended, Strict { stream: transport, inspector }, ahead) = take_turns(&http, strict, service, pulse).await;
    match (&ended, facts.tunnel.take()) {
        // What comes with the wish for another protocol should have waited for the answer; it was taken for a request.
        (Driven::Closed(Ok(())), Some(tunnel)) if !inspector.has_refused() => {
            pulse.begin();
            let told = |cx: &mut Context<'_>| {
                pulse.told(cx).and_then(|told| match told {
                    Told::Rest => None,
                    Told::Drain => Some(End::Drain),
                    Told::Stop => Some(End::Now),
                })
            };
            Box::pin(tunnel.run(transport, ahead, told)).await;
        }
        // A response that broke off must not look whole: no polite end for that.
        (Driven::Closed(Err(error)), _) if error.is_user() => {}
        (Driven::Closed(closed), _) => transport.linger(closed.is_err()).await,
        (Driven::Stopped | Driven::Resting, _) => {}
    }
    ended
}

/// Exchanges and rests by turns. hyper keeps 16 KiB of buffers for each connection; one that rests has none.
async fn take_turns<S>(
    http: &http1::Builder,
    mut strict: Strict<Transport>,
    service: S,
    pulse: &Pulse,
) -> (Driven, Strict<Transport>, Bytes)
where
    S: Service<Request<Incoming>, Response = Response<Delivery>, Error = Infallible> + Clone,
{
    loop {
        let mut served = http.serve_connection(TokioIo::new(strict), service.clone());
        // A drain is what the next response tells the client. To close without a word could cost the request it sends
        // meanwhile.
        let ended = drive(Pin::new(&mut served), |_| {}, pulse).await;
        let http1::Parts { io, read_buf: ahead, .. } = served.into_parts();
        strict = io.into_inner();
        let Driven::Resting = ended else { return (ended, strict, ahead) };
        let ended = match pulse.unless_stopped(strict.stream.wakes()).await {
            Some(Ok(())) => continue,
            Some(Err(_)) => Driven::Closed(Ok(())),
            None => Driven::Stopped,
        };
        return (ended, strict, ahead);
    }
}

async fn speak_http2(desk: &Rc<Desk>, transport: Transport, facts: Rc<Connection>, pulse: &Rc<Pulse>) -> Driven {
    pulse.multiplexes();
    let streams = Streams::default();
    let service = {
        let shared = Rc::new((facts, desk.clone(), pulse.clone()));
        let streams = streams.clone();
        service_fn(move |request| {
            let shared = shared.clone();
            let exchanging = Exchanging::begin(&shared.2);
            let stream = Pulse::of_stream(&shared.2);
            shared.1.sweep.add(&stream);
            streams.expect(&stream);
            Box::into_pin(Box::write(Box::new_uninit(), async move {
                let (facts, desk, pulse) = &*shared;
                let response = serve(&desk.worker, facts, request).await;
                show_out(facts, pulse);
                Ok::<_, Infallible>(response.map(|body| Delivery::new(body, exchanging, Some(stream))))
            }))
        })
    };
    let config = &desk.listener.config;
    let counted = Inspected { stream: transport, inspector: FrameCounter::new(pulse.clone()) };
    let served = http2::Builder::new(streams)
        .timer(TokioTimer::new())
        .max_concurrent_streams(config.max_streams)
        .max_header_list_size(u32::try_from(config.max_header_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(TokioIo::new(counted), service);
    drive(std::pin::pin!(served), http2::Connection::graceful_shutdown, pulse).await
}

/// With its answer a client hears that its connection ends, if it might not connect any more: the look at all connections
/// may be a second away, and does not know of certificates that have ended.
fn show_out(facts: &Connection, pulse: &Pulse) {
    if !facts.is_welcome() {
        pulse.drain();
    }
}

/// Poll a connection to its end, and tell it what it is told meanwhile.
async fn drive<C>(mut served: Pin<&mut C>, drain: impl Fn(Pin<&mut C>), pulse: &Pulse) -> Driven
where
    C: Future<Output = hyper::Result<()>>,
{
    let mut draining = false;
    poll_fn(|cx| {
        loop {
            if let Poll::Ready(ended) = served.as_mut().poll(cx) {
                return Poll::Ready(Driven::Closed(ended));
            }
            match pulse.told(cx) {
                Some(Told::Drain) if !draining => {
                    draining = true;
                    drain(served.as_mut());
                }
                Some(Told::Rest) => return Poll::Ready(Driven::Resting),
                Some(Told::Stop) => return Poll::Ready(Driven::Stopped),
                _ => return Poll::Pending,
            }
        }
    })
    .await
}
