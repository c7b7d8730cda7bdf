//! Requests that are malformed (RFC 9113 section 8): their stream ends, and no upstream sees them.

use super::*;

/// A whole request with these fields.
fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields))
}

/// A good request with another field.
fn also(name: &str, value: &str) -> Vec<u8> {
    with(GET, END_STREAM, &[(name, value)])
}

const METHOD: (&str, &str) = (":method", "GET");
const SCHEME: (&str, &str) = (":scheme", "http");
const PATH: (&str, &str) = (":path", "/");
const AUTHORITY: (&str, &str) = (":authority", "a");

#[test]
fn pseudo_fields_are_those_of_a_request_each_once_and_first() {
    check(vec![
        stream("8.3 an unknown one", PROTOCOL, also(":test", "ok")),
        stream("8.3 one of responses", PROTOCOL, also(":status", "200")),
        stream("8.3 after fields", PROTOCOL, request(&[METHOD, SCHEME, ("x-test", "ok"), PATH, AUTHORITY])),
        stream("8.3.1 no method", PROTOCOL, request(&[SCHEME, PATH, AUTHORITY])),
        stream("8.3.1 no scheme", PROTOCOL, request(&[METHOD, PATH, AUTHORITY])),
        stream("8.3.1 no path", PROTOCOL, request(&[METHOD, SCHEME, AUTHORITY])),
        stream("8.3.1 an empty path", PROTOCOL, request(&[METHOD, SCHEME, (":path", ""), AUTHORITY])),
        stream("8.3.1 a path that is none", PROTOCOL, request(&[METHOD, SCHEME, (":path", "a/b"), AUTHORITY])),
        stream("8.3 two methods", PROTOCOL, request(&[METHOD, METHOD, SCHEME, PATH, AUTHORITY])),
        stream("8.3 two schemes", PROTOCOL, request(&[METHOD, SCHEME, SCHEME, PATH, AUTHORITY])),
        stream("8.3 two paths", PROTOCOL, request(&[METHOD, SCHEME, PATH, PATH, AUTHORITY])),
        stream("8.3 two authorities", PROTOCOL, request(&[METHOD, SCHEME, PATH, AUTHORITY, AUTHORITY])),
        stream("8.3.1 user information", PROTOCOL, request(&[METHOD, SCHEME, PATH, (":authority", "u@a")]))
            .or(Answered(400)),
        stream("8.3.1 another host", PROTOCOL, also("host", "b")).or(Answered(400)),
        stream("8.5 CONNECT with a path", PROTOCOL, request(&[(":method", "CONNECT"), SCHEME, PATH, AUTHORITY])),
        stream("RFC 8441 CONNECT with a protocol", PROTOCOL, also(":protocol", "websocket")),
        served("in any order", request(&[AUTHORITY, PATH, SCHEME, METHOD])),
        served("8.3.1 the same host", also("host", "a")),
        served("8.3.1 a host alone", request(&[METHOD, SCHEME, PATH, ("host", "a")])),
    ]);
}

#[test]
fn fields_have_names_and_values_that_http_1_could_carry() {
    let raw = |name: &[u8], value: &[u8]| {
        frame(HEADERS, END_STREAM | END_HEADERS, 1, &[&GET[..], &literal(name, value)].concat())
    };
    check(vec![
        stream("8.2.1 capitals", PROTOCOL, raw(b"X-Test", b"ok")),
        stream("8.2.1 an empty name", PROTOCOL, raw(b"", b"ok")),
        stream("8.2.1 a space in a name", PROTOCOL, raw(b"x test", b"ok")),
        stream("8.2.1 a colon in a name", PROTOCOL, raw(b"x:test", b"ok")),
        stream("8.2.1 a line break in a name", PROTOCOL, raw(b"x\r\ntest", b"ok")),
        stream("8.2.1 a name beyond ASCII", PROTOCOL, raw(b"x-\xff", b"ok")),
        stream("8.2.1 CR LF in a value", PROTOCOL, raw(b"x-test", b"a\r\nx: b")),
        stream("8.2.1 LF in a value", PROTOCOL, raw(b"x-test", b"a\nb")),
        stream("8.2.1 CR in a value", PROTOCOL, raw(b"x-test", b"a\rb")),
        stream("8.2.1 NUL in a value", PROTOCOL, raw(b"x-test", b"a\0b")),
        stream("8.2.1 white space before a value", PROTOCOL, raw(b"x-test", b" a")).but(Answered(400)),
        stream("8.2.1 white space after a value", PROTOCOL, raw(b"x-test", b"a\t")).but(Answered(400)),
        stream("8.2.1 a quote in a name", PROTOCOL, raw(b"x-\"test", b"a")).but(Answered(400)),
        served("8.2.1 white space within", raw(b"x-test", b"a \t b")),
        served("RFC 9110 5.5 bytes beyond ASCII", raw(b"x-test", b"\xfc")),
    ]);
}

#[test]
fn fields_about_the_connection_do_not_exist() {
    check(vec![
        stream("8.2.2 connection", PROTOCOL, also("connection", "keep-alive")),
        stream("8.2.2 keep-alive", PROTOCOL, also("keep-alive", "timeout=5")),
        stream("8.2.2 proxy-connection", PROTOCOL, also("proxy-connection", "close")),
        stream("8.2.2 transfer-encoding", PROTOCOL, also("transfer-encoding", "chunked")),
        stream("8.2.2 upgrade", PROTOCOL, also("upgrade", "websocket")),
        stream("8.2.2 te, but not trailers", PROTOCOL, also("te", "trailers, deflate")),
        served("8.2.2 te: trailers", also("te", "trailers")),
    ]);
}

#[test]
fn a_body_is_as_long_as_its_head_says() {
    let body = |lengths: &[&str], data: &[(&[u8], u8)]| {
        let fields: Vec<_> = lengths.iter().map(|length| ("content-length", *length)).collect();
        let head = with(POST, 0, &fields);
        data.iter().fold(head, |bytes, (data, flags)| [bytes, frame(DATA, *flags, 1, data)].concat())
    };
    check(vec![
        served("8.1.1 as long", body(&["4"], &[(b"te", 0), (b"st", 1)])),
        stream("8.1.1 shorter", PROTOCOL, body(&["5"], &[(b"test", 1)])),
        stream("8.1.1 longer", PROTOCOL, body(&["1"], &[(b"test", 1)])),
        stream("8.1.1 longer, in pieces", PROTOCOL, body(&["5"], &[(b"test", 0), (b"test", 1)])),
        stream("8.1.1 none", PROTOCOL, with(POST, END_STREAM, &[("content-length", "4")])),
        stream("8.1.1 ended by trailers", PROTOCOL, {
            join(&[body(&["5"], &[(b"test", 0)]), frame(HEADERS, 5, 1, &block(&[("x-sum", "1")]))])
        }),
        stream("RFC 9110 8.6 no number", PROTOCOL, body(&["4x"], &[(b"test", 1)])),
        stream("RFC 9110 8.6 signed", PROTOCOL, body(&["+4"], &[(b"test", 1)])),
        stream("RFC 9110 8.6 two lengths", PROTOCOL, body(&["4", "5"], &[(b"test", 1)])),
        stream("RFC 9110 8.6 a list", PROTOCOL, body(&["4, 4"], &[(b"test", 1)])),
    ]);
}

#[test]
fn trailers_end_a_stream_and_are_fields() {
    let trailers = |flags, fields: &[(&str, &str)]| {
        let data = frame(DATA, 0, 1, b"test");
        join(&[post(1), data, frame(HEADERS, flags | END_HEADERS, 1, &block(fields))])
    };
    check(vec![
        served("8.1 trailers", trailers(END_STREAM, &[("x-sum", "1")])),
        stream("8.1 a second head that ends nothing", PROTOCOL, trailers(0, &[("x-sum", "1")])),
        stream("8.3 pseudo-fields", PROTOCOL, trailers(END_STREAM, &[(":method", "GET")])).but(Answered(200)),
        stream("8.2.1 capitals", PROTOCOL, trailers(END_STREAM, &[("X-Sum", "1")])),
        stream("8.2.2 about the connection", PROTOCOL, trailers(END_STREAM, &[("transfer-encoding", "chunked")])),
    ]);
}
