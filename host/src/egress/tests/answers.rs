//! What becomes of answers, those of hostile services too.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What one answer becomes.
async fn reply(fields: &'static str, body: Vec<u8>, more: &str) -> Result<Reply, EgressError> {
    let service = Service::start(move |_, _| Answer::of(fields, &body)).await;
    egress(granted(&service, more)).send(get("/")).await
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_any_other() {
    let elsewhere = Service::always("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let location = format!("http://{}/", elsewhere.address);
    let head = format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    let service = Service::start(move |_, _| Answer::Whole(head.clone())).await;
    let reply = egress(granted(&service, "")).send(get("/")).await.unwrap();
    assert_eq!((reply.status.as_u16(), reply.fields["location"].to_str().unwrap()), (302, &*location));
    assert_eq!((service.requests().len(), elsewhere.accepted()), (1, 0));
}

#[tokio::test]
async fn a_caller_sees_the_fields_that_are_for_it() {
    let service = Service::always(
        "HTTP/1.1 404 Not Found\r\nset-cookie: session=secret\r\nkeep-alive: timeout=5\r\nconnection: x-once\r\nx-once: 1\r\n\
        x-api-key: echoed\r\ncontent-type: text/plain\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 1\r\n\r\na",
    )
    .await;
    let egress = with_credentials(granted(&service, ""), &[("x-api-key", "ours")]);
    let reply = egress.send(get("/")).await.unwrap();
    let mut fields: Vec<_> =
        reply.fields.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    fields.sort_unstable();
    assert_eq!(fields, [("content-type", "text/plain"), ("x-a", "1"), ("x-a", "2")]);
    assert_eq!((reply.status.as_u16(), &*reply.body), (404, &b"a"[..]));
}

#[tokio::test]
async fn a_body_is_decoded() {
    for (fields, body) in [
        ("", b"hello".to_vec()),
        ("content-encoding: identity\r\n", b"hello".to_vec()),
        ("content-encoding: GZIP\r\n", gzip(b"hello")),
        ("content-encoding: x-gzip\r\n", [gzip(b"hel"), gzip(b"lo")].concat()),
        ("content-encoding: deflate\r\n", zlib(b"hello")),
    ] {
        let reply = reply(fields, body, "max_response = '5B'").await.unwrap();
        assert_eq!(&*reply.body, b"hello", "{fields}");
        let encoded = fields.contains("zip") || fields.contains("deflate");
        assert!(!encoded || !reply.fields.contains_key("content-encoding"), "{fields}");
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 30\r\n\r\n";
    let service = Service::always(head).await;
    let egress = egress(granted(&service, "methods = ['HEAD']"));
    let reply = egress.send(Call { method: "HEAD".to_owned(), ..get("/") }).await.unwrap();
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn what_cannot_be_decoded_is_no_answer() {
    let mut broken = gzip(b"hello");
    let last = broken.len() - 1;
    broken[last] ^= 1;
    for (fields, body) in [
        ("content-encoding: br\r\n", b"hello".to_vec()),
        ("content-encoding: gzip, gzip\r\n", gzip(&gzip(b"hello"))),
        ("content-encoding: gzip\r\ncontent-encoding: gzip\r\n", gzip(&gzip(b"hello"))),
        ("content-encoding: gzip\r\n", b"hello".to_vec()),
        ("content-encoding: gzip\r\n", gzip(b"hello")[..last].to_vec()),
        ("content-encoding: gzip\r\n", broken),
        ("content-encoding: gzip\r\n", [gzip(b"hello"), b"more".to_vec()].concat()),
        ("content-encoding: deflate\r\n", gzip(b"hello")),
    ] {
        let error = reply(fields, body, "").await.unwrap_err();
        let expected = matches!(error, EgressError::Protocol(ProtocolError::Coding | ProtocolError::Encoded(_)));
        assert!(expected, "{fields} {error:?}");
        assert_eq!(error.class(), "egress_protocol");
    }
}

#[tokio::test]
async fn an_answer_is_never_longer_than_it_may_be() {
    let most = "max_response = '64KiB'";
    let whole = vec![b'a'; 64 << 10];
    assert_eq!(reply("", whole.clone(), most).await.unwrap().body.len(), whole.len());
    assert_eq!(reply("content-encoding: gzip\r\n", gzip(&whole), most).await.unwrap().body.len(), whole.len());
    let longer = vec![b'a'; (64 << 10) + 1];
    for (fields, body) in [
        ("", longer.clone()),
        ("content-encoding: gzip\r\n", gzip(&longer)),
        ("content-encoding: deflate\r\n", zlib(&longer)),
        // A thousand times longer than it looks.
        ("content-encoding: gzip\r\n", gzip(&vec![0; 32 << 20])),
    ] {
        let error = reply(fields, body, most).await.unwrap_err();
        assert!(matches!(error, EgressError::TooLarge), "{fields} {error:?}");
        assert_eq!((error.class(), error.blame()), ("egress_too_large", crate::telemetry::Blame::Upstream));
    }
}

#[tokio::test]
async fn an_answer_without_end_ends_at_its_bound_and_its_connection_with_it() {
    // A header of gzip, and blocks of nothing: never a byte comes out of it.
    let nothing = [0, 0, 0, 0xff, 0xff].repeat(1000);
    let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let chunked = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}transfer-encoding: chunked\r\n\r\n").into_bytes();
    let gzipped = chunked("content-encoding: gzip\r\n");
    let begin = chunk(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
    for (first, more) in [
        (chunked(""), chunk(&[b'a'; 1000])),
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'a'; 1000]),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_vec(), vec![b'a'; 1000]),
        ([gzipped, begin].concat(), chunk(&nothing)),
    ] {
        let service = Service::start(move |_, _| Answer::Endless(first.clone(), more.clone())).await;
        let egress = egress(granted(&service, "timeout = '60s'"));
        let error = egress.send(get("/")).await.unwrap_err();
        assert!(matches!(error, EgressError::TooLarge), "{error:?}");
        service.ended(1).await;
    }
    let head = || Answer::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), vec![b'a'; 1000]);
    let service = Service::start(move |_, _| head()).await;
    let error = egress(granted(&service, "timeout = '60s'")).send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Protocol(ProtocolError::Http(_))), "{error:?}");
    service.ended(1).await;
}

#[tokio::test]
async fn an_answer_that_does_not_come_ends_with_its_time_and_its_connection_with_it() {
    for begun in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na"] {
        let service = Service::start(move |_, _| Answer::Stalled(begun)).await;
        let error = egress(granted(&service, "timeout = '100ms'")).send(get("/")).await.unwrap_err();
        assert!(matches!(error, EgressError::Timeout), "{begun:?} {error:?}");
        service.ended(1).await;
    }
    // What is not slow in any of its parts may be so as a whole.
    let service =
        Service::start(|_, _| Answer::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec())).await;
    let error = egress(granted(&service, "timeout = '300ms'")).send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Timeout), "{error:?}");
    service.ended(1).await;
}

#[tokio::test]
async fn what_is_no_answer_is_none() {
    for text in [
        "",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 600 What\r\ncontent-length: 0\r\n\r\n",
    ] {
        let service = Service::start(move |_, _| Answer::Last(text)).await;
        let error = egress(granted(&service, "timeout = '60s'")).send(get("/")).await.unwrap_err();
        assert!(matches!(error, EgressError::Protocol(_)), "{text:?} {error:?}");
    }
}
