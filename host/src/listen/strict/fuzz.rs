//! Streams of requests: it does not matter how they arrive, and hyper never sees another message than was followed.

use std::cell::RefCell;
use std::rc::Rc;

use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::{Framing, Offence, Place, Pulse, Strict, Strictness};

/// Words by which a connection ends before what is sent on it does.
const ENDINGS: [&[u8]; 4] = [b"connect", b"upgrade", b"http/1.0", b"expect"];

/// Takes the sizes of pieces from the first bytes, and a stream from the rest.
pub fn http1_filter(data: &[u8]) {
    let Some((sizes, stream)) = data.split_first_chunk::<4>() else { return };
    let whole = in_pieces([stream]);
    assert_eq!(in_pieces(stream.chunks(1)), whole, "byte by byte");
    let mut rest = stream;
    let pieces = sizes.iter().cycle().map_while(|size| {
        let (piece, after) = rest.split_at(rest.len().min(1 + usize::from(*size)));
        rest = after;
        Some(piece).filter(|piece| !piece.is_empty())
    });
    assert_eq!(in_pieces(pieces), whole, "in pieces of {sizes:?}");

    let (ours, (theirs, content)) = (lengths(stream), served(stream, 1 + usize::from(sizes[0])));
    assert!(ours.starts_with(&theirs), "{theirs:?} are not among {ours:?}");
    let lower = stream.to_ascii_lowercase();
    if content && !ENDINGS.iter().any(|word| memchr::memmem::find(&lower, word).is_some()) {
        assert_eq!(theirs, ours, "hyper was content");
    }
}

/// Where a stream that arrives in pieces leads to.
pub(super) fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Place, Offence> {
    let (mut framing, mut before) = (Framing::default(), 0);
    for piece in pieces {
        framing.follow(piece).map_err(|offence| match offence {
            Offence::InHead(at) => Offence::InHead(before + at),
            Offence::InBody(at) => Offence::InBody(before + at),
        })?;
        before += piece.len();
    }
    Ok(framing.place)
}

/// The length of the content of each message that is there to its end, as `Framing` sees it.
pub(super) fn lengths(stream: &[u8]) -> Vec<u64> {
    let mut framing = Framing::default();
    let (mut lengths, mut length) = (Vec::new(), 0);
    for byte in stream {
        let before = framing.place;
        length += u64::from(matches!(before, Place::Body(_) | Place::Chunk(_)));
        if framing.follow(&[*byte]).is_err() {
            break;
        }
        if before != Place::Between && framing.place == Place::Between {
            lengths.push(std::mem::take(&mut length));
        }
    }
    lengths
}

/// The same as hyper sees it, from a stream that gives `most` bytes at once; and whether it was content to the end.
pub(super) fn served(stream: &[u8], most: usize) -> (Vec<u64>, bool) {
    let lengths = Rc::new(RefCell::new(Vec::new()));
    let seen = lengths.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let body = request.into_body().collect().await?;
            seen.borrow_mut().push(body.to_bytes().len() as u64);
            Ok::<_, hyper::Error>(Response::new(Empty::<&[u8]>::new()))
        }
    });
    let (client, server) = duplex(most);
    let (mut answers, mut requests) = tokio::io::split(client);
    let strict = Strict { stream: server, inspector: Strictness::new(Pulse::new()) };
    let serve = http1::Builder::new().serve_connection(TokioIo::new(strict), service);
    let send = async {
        // Who refuses does not read on.
        drop(requests.write_all(stream).await);
        drop(requests.shutdown().await);
    };
    let receive = async { drop(answers.read_to_end(&mut Vec::new()).await) };
    let talk = async { tokio::join!(serve, send, receive).0 };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let ended = runtime.map(|runtime| runtime.block_on(talk));
    let is_content = matches!(ended, Ok(Ok(())));
    (lengths.take(), is_content)
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_a_stream_hyper_sees_the_messages_that_are_followed() {
        play("http1_filter", super::http1_filter, 40_000);
    }
}
