//! HTTP/2 by hand, byte by byte (RFC 9113, RFC 7541), for peers that do what no library lets them do.

use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Frame types (section 6).
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PUSH_PROMISE: u8 = 5;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

/// Flags.
pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
pub const PADDED: u8 = 8;
pub const WITH_PRIORITY: u8 = 0x20;

/// A frame as it was received.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

impl Frame {
    pub fn is(&self, kind: u8, flag: u8) -> bool {
        self.kind == kind && self.flags & flag == flag
    }

    /// The last frame of its stream.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA | HEADERS) && self.flags & END_STREAM != 0
    }

    /// The error code of RST_STREAM and GOAWAY.
    pub fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap())
    }

    /// The status in HEADERS of a response, where the static table of HPACK has it; 0 for others.
    pub fn status(&self) -> u16 {
        let mut block = self.payload.iter().skip_while(|byte| *byte & 0xe0 == 0x20);
        match block.next() {
            Some(0x88) => 200,
            Some(0x8c) => 400,
            _ => 0,
        }
    }
}

/// A frame to be sent (section 4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS with these values.
pub fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<_> =
        values.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()[..]].concat()).collect();
    frame(SETTINGS, 0, 0, &payload)
}

/// RST_STREAM and WINDOW_UPDATE have one number.
pub fn number(kind: u8, stream: u32, number: u32) -> Vec<u8> {
    frame(kind, 0, stream, &number.to_be_bytes())
}

/// A field as a literal that is neither indexed nor compressed (RFC 7541 section 6.2.2).
pub fn literal(name: &[u8], value: &[u8]) -> Vec<u8> {
    let string = |text: &[u8]| {
        // Seven bits, and what does not fit in them in the next bytes (section 5.1).
        let mut bytes = vec![text.len().min(127) as u8];
        if let Some(mut rest) = text.len().checked_sub(127) {
            while rest >= 128 {
                bytes.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
        [&bytes, text].concat()
    };
    [vec![0], string(name), string(value)].concat()
}

/// A list of fields as literals.
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| literal(name.as_bytes(), value.as_bytes())).collect()
}

/// The client's end of a connection.
pub struct Peer {
    reader: BufReader<TcpStream>,
}

impl Peer {
    /// Connect and send nothing.
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { reader: BufReader::new(stream) }
    }

    /// Connect as a client that does everything right so far.
    pub fn client(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::connect(address);
        peer.send(&[PREFACE, &self::settings(settings)].concat());
        while !peer.receive().expect("no settings").is(SETTINGS, 0) {}
        peer.send(&frame(SETTINGS, ACK, 0, &[]));
        peer
    }

    /// The other end may have closed already; that is seen by reading.
    pub fn send(&mut self, bytes: &[u8]) {
        drop(self.reader.get_mut().write_all(bytes));
    }

    /// The next frame; none when the connection is closed.
    pub fn receive(&mut self) -> Option<Frame> {
        match self.read() {
            Ok(frame) => Some(frame),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("neither a frame nor an end came")
            }
            Err(_) => None,
        }
    }

    /// The next frame that is as asked for.
    #[track_caller]
    pub fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            let frame = self.receive().expect("closed");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.reader.read_exact(&mut head)?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.reader.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }
}
