//! A client that keeps one connection, sends exactly what it is told and reads what comes.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::wire::{self, Fields};
use crate::{PATIENCE, Response};

/// A request, sent as it is: only `host` and the framing of a body are added, unless a field of that name is there.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    target: String,
    fields: Fields,
    body: Vec<u8>,
    chunked: bool,
}

impl Request {
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            fields: Vec::new(),
            body: Vec::new(),
            chunked: false,
        }
    }

    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// POST with a body of a media type.
    pub fn post(target: &str, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new("POST", target).field("content-type", media_type).body(body)
    }

    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A bearer token.
    pub fn bearer(self, token: &str) -> Self {
        self.field("authorization", &format!("Bearer {token}"))
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Send the body without saying how long it is.
    pub fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    fn has(&self, name: &str) -> bool {
        let mut names = self.fields.iter().map(|(field, _)| field);
        names.any(|field| field.eq_ignore_ascii_case(name))
    }

    fn head(&self, address: SocketAddr) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head.push_str(&format!("host: {address}\r\n"));
        }
        for (name, value) in &self.fields {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.chunked {
            head.push_str("transfer-encoding: chunked\r\n");
        } else if !self.body.is_empty() && !self.has("content-length") {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        head + "\r\n"
    }
}

/// One connection.
pub struct Client<S = TcpStream> {
    address: SocketAddr,
    reader: BufReader<S>,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
        Self::over(stream)
    }

    /// Use a connection made elsewhere.
    pub fn over(stream: TcpStream) -> Self {
        let address = stream.peer_addr().unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self::inside(address, stream)
    }
}

impl<S: Read + Write> Client<S> {
    /// Speak over whatever carries bytes.
    pub fn inside(address: SocketAddr, stream: S) -> Self {
        Self { address, reader: BufReader::new(stream) }
    }

    /// Send a request and read its response.
    #[track_caller]
    pub fn send(&mut self, request: &Request) -> Response {
        self.try_send(request).unwrap_or_else(|error| panic!("no answer to {request:?}: {error}"))
    }

    /// As `send`, for tests in which the connection may break.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Response> {
        self.send_only(request)?;
        self.receive(&request.method)
    }

    /// Send a request without waiting for anything.
    pub fn send_only(&mut self, request: &Request) -> io::Result<()> {
        let mut bytes = request.head(self.address).into_bytes();
        if request.chunked {
            for piece in request.body.chunks(1000) {
                wire::write_chunk(&mut bytes, piece)?;
            }
            wire::write_chunk(&mut bytes, b"")?;
        } else {
            bytes.extend_from_slice(&request.body);
        }
        // Whoever refuses a request early may have closed before all of it was sent; the answer is there all the same.
        match self.stream().write_all(&bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }

    /// Send these bytes.
    pub fn write(&mut self, bytes: &[u8]) {
        self.stream().write_all(bytes).unwrap();
    }

    /// Read the response to a request with this method; skips interim responses.
    pub fn receive(&mut self, method: &str) -> io::Result<Response> {
        let (status, fields) = self.receive_head()?;
        self.receive_body(method, status, fields)
    }

    /// Read what follows the head of a response.
    pub fn receive_body(&mut self, method: &str, status: u16, fields: Vec<(String, String)>) -> io::Result<Response> {
        let body = if method == "HEAD" || matches!(status, 204 | 304) {
            Vec::new()
        } else if wire::is_chunked(&fields) {
            wire::read_chunked(&mut self.reader)?
        } else if let Some(length) = wire::length(&fields) {
            wire::read_exactly(&mut self.reader, length)?
        } else {
            let mut body = Vec::new();
            self.reader.read_to_end(&mut body)?;
            body
        };
        let response = Response { status, fields, body };
        response.assert_no_leak();
        Ok(response)
    }

    /// Read the head of a final response only.
    pub fn receive_head(&mut self) -> io::Result<(u16, Vec<(String, String)>)> {
        loop {
            let (start, fields) = wire::read_head(&mut self.reader)?;
            let status = start.split(' ').nth(1).and_then(|code| code.parse().ok());
            let status: u16 = status.ok_or(io::ErrorKind::InvalidData)?;
            if status >= 200 {
                return Ok((status, fields));
            }
        }
    }

    /// What comes next, undecoded.
    pub fn reader(&mut self) -> &mut BufReader<S> {
        &mut self.reader
    }

    pub fn stream(&mut self) -> &mut S {
        self.reader.get_mut()
    }

    /// Everything until the peer closes; a reset counts as closing.
    pub fn until_closed(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                panic!("the connection is not closed: {error}")
            }
            _ => rest,
        }
    }
}
