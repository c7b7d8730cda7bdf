//! An upstream that reads as strictly as it can, answers what is a request, and remembers everything.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::judge::{Flaw, Message};

/// What it answers to each request; to HEAD without the body.
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n";
const BODY: &[u8] = b"ok";

/// A server on a port of its own, a thread for each connection.
pub struct Recorder {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    requests: Vec<Message>,
    /// What was no request, and never could become one.
    malformed: Vec<String>,
}

impl Recorder {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || record(stream, &shared));
            }
        });
        Self { address, seen }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests that were answered since this was asked last. Fails if anything came that is not HTTP.
    #[track_caller]
    pub fn take(&self) -> Vec<Message> {
        let mut seen = self.seen.lock().unwrap();
        assert!(seen.malformed.is_empty(), "the upstream was sent what is no request: {:?}", seen.malformed);
        std::mem::take(&mut seen.requests)
    }
}

fn record(mut stream: TcpStream, seen: &Mutex<Seen>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        match Message::request(&bytes) {
            Ok(request) => {
                bytes.drain(..request.size);
                let body = if request.start.starts_with("HEAD ") { b"" } else { BODY };
                seen.lock().unwrap().requests.push(request);
                if stream.write_all(&[HEAD, body].concat()).is_err() {
                    return;
                }
            }
            Err(Flaw::Incomplete) => match stream.read(&mut buffer) {
                Ok(read) if read > 0 => bytes.extend_from_slice(&buffer[..read]),
                _ => return,
            },
            Err(Flaw::Malformed(why)) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return seen.lock().unwrap().malformed.push(format!("{why} in {text:?}"));
            }
        }
    }
}
