//! As much of HTTP/1.1 as asking well-behaved servers takes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::Outcome;
use crate::line::Stream;

/// Longest head of an answer, and the size of pieces in which bodies are read.
const BUFFER: usize = 64 * 1024;

pub(crate) struct Http1 {
    stream: Box<dyn Stream>,
    buffer: Vec<u8>,
}

impl Http1 {
    pub(crate) fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, buffer: vec![0; BUFFER] }
    }

    /// The status of the answer, once its body is there.
    pub(crate) async fn get(&mut self, path: &str) -> Outcome<u16> {
        self.stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
        let mut filled = 0;
        let end = loop {
            filled += self.read(filled).await?;
            if let Some(end) = self.buffer[..filled].windows(4).position(|window| window == b"\r\n\r\n") {
                break end;
            }
        };
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let status = head.get(9..12).ok_or("an answer without status")?.parse()?;
        let mut missing = length(head)?.checked_sub(filled - end - 4).ok_or("more bytes than the answer has")?;
        while missing > 0 {
            let read = self.read(0).await?;
            missing = missing.checked_sub(read).ok_or("more bytes than the answer has")?;
        }
        Ok(status)
    }

    async fn read(&mut self, from: usize) -> Outcome<usize> {
        match self.stream.read(&mut self.buffer[from..]).await? {
            0 => Err("the connection ended within an answer, or its head was too long".into()),
            read => Ok(read),
        }
    }
}

fn length(head: &str) -> Outcome<usize> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .ok_or("an answer without Content-Length")?;
    Ok(value.trim().parse()?)
}
