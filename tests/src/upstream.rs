//! An upstream that behaves as the test says: echoing, answering, streaming, stalling or breaking off.

use std::collections::HashMap;
use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use serde_json::json;

use crate::PATIENCE;
use crate::wire::{self, Fields};

/// A server on a port of its own, a thread for each connection.
pub struct Upstream {
    address: SocketAddr,
    counts: Arc<Counts>,
    listener: Arc<TcpListener>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    requests: Mutex<usize>,
    changed: Condvar,
    open: Mutex<Open>,
}

/// The connections there are, to be broken off by who kills the upstream.
#[derive(Default)]
struct Open {
    killed: bool,
    streams: HashMap<usize, TcpStream>,
}

/// One request being answered.
pub struct Exchange {
    pub method: String,
    pub target: String,
    pub fields: Fields,
    reader: BufReader<TcpStream>,
}

impl Upstream {
    /// Answers 200 with what it got, as JSON: method, target, fields, body.
    pub fn echo() -> Self {
        Self::with(|exchange| {
            let body = exchange.body()?;
            let echo = json!({
                "method": exchange.method,
                "target": exchange.target,
                "fields": exchange.fields,
                "body": String::from_utf8_lossy(&body),
            });
            exchange.reply(200, &[("content-type", "application/json")], echo.to_string().as_bytes())
        })
    }

    /// Always gives this answer.
    pub fn answering(status: u16, fields: &'static [(&'static str, &'static str)], body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self::with(move |exchange| {
            exchange.body()?;
            exchange.reply(status, fields, &body)
        })
    }

    /// Takes requests and never says anything; ends a connection only when the gateway does.
    pub fn silent() -> Self {
        Self::with(|exchange| exchange.until_closed())
    }

    /// Does what `handle` does with each request. An error closes the connection.
    pub fn with(handle: impl Fn(&mut Exchange) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), handle)
    }

    /// The same at an address, which may be that of one that was killed.
    pub fn at(address: SocketAddr, handle: impl Fn(&mut Exchange) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = Arc::new(TcpListener::bind(address).unwrap());
        let address = listener.local_addr().unwrap();
        let (counts, handle) = (Arc::<Counts>::default(), Arc::new(handle));
        let (accepting, shared) = (listener.clone(), counts.clone());
        let accepting = std::thread::spawn(move || {
            while let Some((number, stream)) = shared.next(&accepting) {
                let (shared, handle) = (shared.clone(), handle.clone());
                std::thread::spawn(move || {
                    // An error is how an exchange says that the connection has ended.
                    let _ = serve(stream, &shared, &*handle);
                    shared.open.lock().unwrap().streams.remove(&number);
                });
            }
        });
        Self { address, counts, listener, accepting }
    }

    /// End as a process does that is killed: first nobody listens any more, then all connections break off.
    pub fn kill(self) {
        self.counts.open.lock().unwrap().killed = true;
        // Whoever waits for a connection is told that there will be none.
        rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both).unwrap();
        self.accepting.join().unwrap();
        drop(self.listener);
        self.counts.hang_up();
    }

    /// End all connections there are; new ones are taken as before.
    pub fn hang_up(&self) {
        self.counts.hang_up();
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections there were by now.
    pub fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many requests came by now.
    pub fn requests(&self) -> usize {
        *self.counts.requests.lock().unwrap()
    }

    /// Wait until so many requests came.
    pub fn wait_for_requests(&self, count: usize) {
        let guard = self.counts.requests.lock().unwrap();
        let waited = self.counts.changed.wait_timeout_while(guard, PATIENCE, |came| *came < count);
        assert!(!waited.unwrap().1.timed_out(), "{count} requests do not come");
    }
}

impl Counts {
    /// The next connection; none once the upstream was killed.
    fn next(&self, listener: &TcpListener) -> Option<(usize, TcpStream)> {
        loop {
            let accepted = listener.accept();
            let mut open = self.open.lock().unwrap();
            if open.killed {
                return None;
            }
            let Ok((stream, _)) = accepted else { continue };
            let number = self.connections.fetch_add(1, Ordering::SeqCst);
            open.streams.insert(number, stream.try_clone().unwrap());
            return Some((number, stream));
        }
    }

    fn hang_up(&self) {
        for stream in self.open.lock().unwrap().streams.values() {
            // Its client may have ended it before.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Exchange {
    /// The whole body of the request.
    pub fn body(&mut self) -> io::Result<Vec<u8>> {
        if wire::is_chunked(&self.fields) {
            wire::read_chunked(&mut self.reader)
        } else {
            let length = wire::length(&self.fields).unwrap_or_default();
            wire::read_exactly(&mut self.reader, length)
        }
    }

    /// The first value of a field of the request.
    pub fn field(&self, name: &str) -> Option<&str> {
        wire::field(&self.fields, name)
    }

    /// Answer, naming the length of the body.
    pub fn reply(&mut self, status: u16, fields: &[(&str, &str)], body: &[u8]) -> io::Result<()> {
        let mut message = head(status, fields);
        if status != 204 && status != 304 {
            message.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        message.push_str("\r\n");
        let mut message = message.into_bytes();
        if self.method != "HEAD" {
            message.extend_from_slice(body);
        }
        self.stream().write_all(&message)
    }

    /// Begin a chunked answer; go on with `chunk`, end it with an empty one.
    pub fn begin(&mut self, status: u16, fields: &[(&str, &str)]) -> io::Result<()> {
        let head = head(status, fields) + "transfer-encoding: chunked\r\n\r\n";
        self.stream().write_all(head.as_bytes())
    }

    pub fn chunk(&mut self, bytes: &[u8]) -> io::Result<()> {
        wire::write_chunk(self.stream(), bytes)
    }

    /// What the gateway sends next, undecoded.
    pub fn reader(&mut self) -> &mut BufReader<TcpStream> {
        &mut self.reader
    }

    pub fn stream(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }

    /// Read and forget until the gateway closes the connection.
    pub fn until_closed(&mut self) -> io::Result<()> {
        let mut buffer = [0; 64 * 1024];
        while self.reader.read(&mut buffer)? > 0 {}
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

fn serve(stream: TcpStream, counts: &Counts, handle: &dyn Fn(&mut Exchange) -> io::Result<()>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let (start, fields) = wire::read_head(&mut reader)?;
        *counts.requests.lock().unwrap() += 1;
        counts.changed.notify_all();
        let mut words = start.split(' ').map(str::to_owned);
        let mut exchange = Exchange {
            method: words.next().unwrap_or_default(),
            target: words.next().unwrap_or_default(),
            fields,
            reader,
        };
        handle(&mut exchange)?;
        reader = exchange.reader;
    }
}

fn head(status: u16, fields: &[(&str, &str)]) -> String {
    let lines: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} -\r\n{lines}")
}
