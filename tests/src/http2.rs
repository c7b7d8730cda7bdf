//! HTTP/2 from both sides: a client with one connection, and an upstream that echoes.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::PATIENCE;

/// A client with one connection, without TLS and without asking first. The connection is alive while something is
/// waited for.
pub struct Http2Client {
    runtime: Runtime,
    address: SocketAddr,
    sender: SendRequest<Bytes>,
    connection: tokio::task::JoinHandle<Result<(), h2::Error>>,
}

/// A response read to its end.
#[derive(Debug)]
pub struct Http2Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub trailers: Option<HeaderMap>,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Http2Client {
    pub fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, &h2::client::Builder::new())
    }

    pub fn connect_with(address: SocketAddr, builder: &h2::client::Builder) -> Self {
        let runtime = runtime();
        let (sender, connection) = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            builder.handshake::<_, Bytes>(stream).await.unwrap()
        });
        let connection = runtime.spawn(connection);
        Self { runtime, address, sender, connection }
    }

    /// The head of a request for a path of the gateway.
    pub fn request(&self, method: Method, path: &str) -> Request<()> {
        let uri: Uri = format!("http://{}{path}", self.address).parse().unwrap();
        Request::builder().method(method).uri(uri).body(()).unwrap()
    }

    /// Begin a request; `last` if there is no body.
    pub fn begin(
        &mut self,
        request: Request<()>,
        last: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let sender = self.sender.clone();
        let mut sender = self.wait(sender.ready())?;
        sender.send_request(request, last)
    }

    /// Send a request with a body, and maybe trailers, and read the response.
    pub fn send(&mut self, request: Request<()>, body: impl Into<Bytes>, trailers: Option<HeaderMap>) -> Http2Response {
        self.try_send(request, body, trailers).unwrap()
    }

    pub fn try_send(
        &mut self,
        request: Request<()>,
        body: impl Into<Bytes>,
        trailers: Option<HeaderMap>,
    ) -> Result<Http2Response, h2::Error> {
        let body = body.into();
        let (response, mut stream) = self.begin(request, body.is_empty() && trailers.is_none())?;
        if !body.is_empty() {
            stream.send_data(body, trailers.is_none())?;
        }
        if let Some(trailers) = trailers {
            stream.send_trailers(trailers)?;
        }
        self.wait(read(response))
    }

    pub fn get(&mut self, path: &str) -> Http2Response {
        let request = self.request(Method::GET, path);
        self.send(request, "", None)
    }

    /// Drive what is under way until `future` is over.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(async { timeout(PATIENCE, future).await.expect("nothing came") })
    }

    /// How the connection ends.
    pub fn ended(&mut self) -> Result<(), h2::Error> {
        self.runtime
            .block_on(async { timeout(PATIENCE, &mut self.connection).await.expect("it does not end").unwrap() })
    }
}

/// Read a response to its end.
pub async fn read(response: ResponseFuture) -> Result<Http2Response, h2::Error> {
    let (head, body) = response.await?.into_parts();
    let (body, trailers) = read_body(body).await?;
    Ok(Http2Response { status: head.status, headers: head.headers, body, trailers })
}

async fn read_body(mut stream: RecvStream) -> Result<(Bytes, Option<HeaderMap>), h2::Error> {
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data?;
        stream.flow_control().release_capacity(data.len())?;
        body.extend_from_slice(&data);
    }
    Ok((body.into(), stream.trailers().await?))
}

/// An upstream that speaks HTTP/2 only. It answers with the fields it got, each with `x-test-` before its name, streams
/// the body back as it comes, and ends with the trailers it got and `grpc-status: 0`.
pub struct Http2Upstream {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Http2Upstream {
    pub fn echo() -> Self {
        Self::start(h2::server::Builder::new(), usize::MAX)
    }

    /// Says that it goes away after so many requests on a connection.
    pub fn leaving_after(requests: usize) -> Self {
        Self::start(h2::server::Builder::new(), requests)
    }

    fn start(builder: h2::server::Builder, most: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let connections = Arc::<AtomicUsize>::default();
        let count = connections.clone();
        let serve = async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let builder = builder.clone();
                tokio::spawn(async move {
                    let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else { return };
                    let mut served = 0;
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        tokio::spawn(echo(request, respond));
                        served += 1;
                        if served == most {
                            connection.graceful_shutdown();
                        }
                    }
                });
            }
        };
        std::thread::spawn(move || runtime().block_on(serve));
        Self { address, connections }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepted so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn echo(request: Request<RecvStream>, mut respond: h2::server::SendResponse<Bytes>) -> Result<(), h2::Error> {
    let (head, mut body) = request.into_parts();
    let mut response = Response::builder().header("x-test-uri", head.uri.to_string());
    for (name, value) in &head.headers {
        response = response.header(format!("x-test-{name}"), value);
    }
    let mut stream = respond.send_response(response.body(()).unwrap(), false)?;
    while let Some(data) = body.data().await {
        let data = data?;
        stream.reserve_capacity(data.len());
        body.flow_control().release_capacity(data.len())?;
        stream.send_data(data, false)?;
    }
    let mut trailers = body.trailers().await?.unwrap_or_default();
    trailers.insert("grpc-status", "0".parse().unwrap());
    stream.send_trailers(trailers)
}
