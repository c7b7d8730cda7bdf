//! The bytes of one client connection: plain or inside TLS, the first of them looked at before HTTP begins.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::pulse::Watched;
use super::socket::Stream;

/// What a client that knows we speak HTTP/2 sends first (RFC 9113 section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long a client has to read the last answer while it still sends.
const LINGER: Duration = Duration::from_secs(1);

/// A connection to a client. One type for all kinds, so that the HTTP machinery is compiled once.
pub(super) struct Transport {
    stream: Layer,
    /// What was read to look at, and how much of that was handed on.
    seen: [u8; PREFACE.len()],
    held: u8,
    given: u8,
}

enum Layer {
    Plain(Watched<Stream>),
    Tls(Box<TlsStream<Watched<Stream>>>),
}

impl Transport {
    pub(super) fn plain(stream: Watched<Stream>) -> Self {
        Self::of(Layer::Plain(stream))
    }

    pub(super) fn tls(stream: TlsStream<Watched<Stream>>) -> Self {
        Self::of(Layer::Tls(Box::new(stream)))
    }

    fn of(stream: Layer) -> Self {
        Self { stream, seen: [0; PREFACE.len()], held: 0, given: 0 }
    }

    /// Whether HTTP/2 is what comes. Reads no more than is needed to tell, and keeps it to be read.
    pub(super) async fn begins_http2(&mut self) -> io::Result<bool> {
        loop {
            let held = usize::from(self.held);
            if self.seen.get(..held) != PREFACE.get(..held) {
                return Ok(false);
            }
            let Some(free) = self.seen.get_mut(held..).filter(|free| !free.is_empty()) else { return Ok(true) };
            let read = match &mut self.stream {
                Layer::Plain(stream) => stream.read(free).await?,
                Layer::Tls(stream) => stream.read(free).await?,
            };
            if read == 0 {
                return Ok(false);
            }
            self.held += u8::try_from(read).unwrap_or_default();
        }
    }
}

impl Transport {
    /// Wait until something arrives on a connection of which all that came has been read, and keep it to be read.
    pub(super) async fn wakes(&mut self) -> io::Result<()> {
        let [first, ..] = &mut self.seen;
        let first = std::slice::from_mut(first);
        let read = match &mut self.stream {
            Layer::Plain(stream) => stream.read(first).await?,
            Layer::Tls(stream) => stream.read(first).await?,
        };
        (self.held, self.given) = (u8::from(read > 0), 0);
        Ok(())
    }

    /// Close a connection on which more may come. To close it at once would reset it, and the client might lose the
    /// answer that says why (RFC 9112 section 9.6). Where nothing waits to be read that is no danger, unless it is
    /// `likely` on its way.
    pub(super) async fn linger(mut self, likely: bool) {
        let mut rest = vec![0; 4096];
        let waits = {
            let mut buffer = ReadBuf::new(&mut rest);
            let polled = poll_fn(|cx| Poll::Ready(Pin::new(&mut self).poll_read(cx, &mut buffer))).await;
            polled.is_ready() && !buffer.filled().is_empty()
        };
        if waits || likely {
            let all = async {
                let _ = self.shutdown().await;
                while self.read(&mut rest).await.is_ok_and(|read| read > 0) {}
            };
            // Whoever goes on sending has had time to hear.
            let _ = timeout(LINGER, all).await;
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given < this.held {
            let ahead = this.seen.get(this.given.into()..this.held.into()).unwrap_or_default();
            let taken = ahead.len().min(buffer.remaining());
            buffer.put_slice(ahead.get(..taken).unwrap_or_default());
            this.given += u8::try_from(taken).unwrap_or_default();
            return Poll::Ready(Ok(()));
        }
        match &mut this.stream {
            Layer::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Layer::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Layer::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Layer::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Layer::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Layer::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Layer::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().stream {
            Layer::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Layer::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Layer::Plain(stream) => stream.is_write_vectored(),
            Layer::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
