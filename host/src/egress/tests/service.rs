//! A service on a free port, which answers as a test tells it to.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// What is answered to one request.
pub(super) enum Answer {
    Whole(String),
    Bytes(Vec<u8>),
    /// The first, and then the second without end.
    Endless(Vec<u8>, Vec<u8>),
    /// This, and then nothing.
    Stalled(&'static str),
    /// This, and then the connection is closed.
    Last(&'static str),
}

impl Answer {
    pub(super) fn of(fields: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\n{fields}content-length: {}\r\n\r\n", body.len());
        Self::Bytes([head.as_bytes(), body].concat())
    }

    pub(super) fn ok(body: &str) -> Self {
        Self::of("", body.as_bytes())
    }
}

pub(super) struct Service {
    pub(super) address: SocketAddr,
    seen: Arc<Seen>,
}

struct Seen {
    accepted: AtomicUsize,
    requests: Mutex<Vec<String>>,
    /// A permit for each connection that has ended.
    ended: Semaphore,
    /// A permit for each request.
    asked: Semaphore,
}

impl Service {
    /// Each request is answered with what `answer` makes of its text and its number on its connection.
    pub(super) async fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (ended, asked) = (Semaphore::new(0), Semaphore::new(0));
        let seen = Arc::new(Seen { accepted: AtomicUsize::new(0), requests: Mutex::default(), ended, asked });
        let (answer, all) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                all.accepted.fetch_add(1, Relaxed);
                let (answer, all) = (answer.clone(), all.clone());
                tokio::spawn(async move {
                    serve(stream, &*answer, &all).await;
                    all.ended.add_permits(1);
                });
            }
        });
        Self { address, seen }
    }

    pub(super) async fn always(text: &'static str) -> Self {
        Self::start(move |_, _| Answer::Whole(text.to_owned())).await
    }

    pub(super) fn accepted(&self) -> usize {
        self.seen.accepted.load(Relaxed)
    }

    /// Heads and bodies as they came.
    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Wait until so many connections have ended.
    pub(super) async fn ended(&self, count: u32) {
        self.seen.ended.acquire_many(count).await.unwrap().forget();
    }

    /// Wait until so many requests have come.
    pub(super) async fn asked(&self, count: u32) {
        self.seen.asked.acquire_many(count).await.unwrap().forget();
    }
}

async fn serve(mut stream: TcpStream, answer: &(dyn Fn(&str, usize) -> Answer + Send + Sync), seen: &Seen) {
    for number in 0.. {
        let Some(request) = read(&mut stream).await else { return };
        seen.requests.lock().unwrap().push(request.clone());
        seen.asked.add_permits(1);
        let written = match answer(&request, number) {
            Answer::Whole(text) => stream.write_all(text.as_bytes()).await,
            Answer::Bytes(bytes) => stream.write_all(&bytes).await,
            Answer::Endless(first, more) => {
                let mut written = stream.write_all(&first).await;
                while written.is_ok() {
                    written = stream.write_all(&more).await;
                }
                written
            }
            Answer::Stalled(text) => stream.write_all(text.as_bytes()).await,
            Answer::Last(text) => {
                // Whoever asked finds out by itself.
                drop(stream.write_all(text.as_bytes()).await);
                return;
            }
        };
        if written.is_err() {
            return;
        }
    }
}

/// A request of HTTP/1.1, its body included; none at the end of the connection.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8(bytes.clone()).unwrap();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
