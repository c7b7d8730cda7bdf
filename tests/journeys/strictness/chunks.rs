//! Chunks of requests, and the trailers after them.

use super::{Expect, MARKER, REFUSED, check, exchange, forwarded};
use lockgate_tests::{Gateway, Recorder};

fn chunked(body: &str) -> String {
    format!("POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")
}

fn seen(body: &'static str) -> Expect {
    forwarded("POST /p").body(body).field("transfer-encoding", &["chunked"])
}

#[test]
fn chunks_pass_without_their_extensions() {
    check([
        (chunked("3\r\nabc\r\n0\r\n\r\n"), seen("abc")),
        (chunked("0\r\n\r\n"), seen("")),
        (chunked("000\r\n\r\n"), seen("")),
        (chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), seen("abc")),
        (chunked("0000000000000003\r\nabc\r\n0\r\n\r\n"), seen("abc")),
        (chunked("A\r\n0123456789\r\n0\r\n\r\n"), seen("0123456789")),
        (chunked("3\r\n\r\n0\r\n0\r\n\r\n"), seen("\r\n0")),
        (chunked("3;x\r\nabc\r\n0\r\n\r\n"), seen("abc")),
        (chunked("3;x=y;z=\"a b\"\r\nabc\r\n0;x\r\n\r\n"), seen("abc")),
        (chunked("3 ; x = y\r\nabc\r\n0\r\n\r\n"), seen("abc")),
    ]);
}

#[test]
fn chunks_whose_size_is_no_number_are_refused() {
    let sizes = [
        "",
        " ",
        "x",
        "g",
        "-3",
        "+3",
        "0x3",
        "3h",
        " 3",
        "\t3",
        "3 ",
        "3\t",
        "3 3",
        "3,3",
        "3.",
        "\"3\"",
        "3\0",
        "\u{663}",
        "3\x0b",
        "10000000000000003",
        "fffffffffffffffff",
        "100000000000000000000000000000003",
    ];
    check(sizes.map(|size| (chunked(&format!("{size}\r\nabc\r\n0\r\n\r\n")), REFUSED)));
}

#[test]
fn chunks_that_do_not_end_where_they_say_are_refused() {
    check([
        (chunked("3\nabc\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\rabc\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\r\nabc\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabc\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabc0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabc\r0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabcd\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\nab\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabc\r\n\r\n0\r\n\r\n"), REFUSED),
        (chunked("3\r\nabc\r\n0\n\r\n"), REFUSED),
        (chunked("3\r\nabc\r\n0\r\n\n"), REFUSED),
        (chunked("3\r\nabc\r\n0\r\n\r\r\n"), REFUSED),
        (chunked("3\r\nabc\r\n"), REFUSED),
        (chunked("3\r\nabc\r\n\r\n"), REFUSED),
    ]);
}

#[test]
fn extensions_are_text_and_short() {
    let extension = |text: &str| chunked(&format!("3{text}\r\nabc\r\n0\r\n\r\n"));
    check([
        (extension(";x\n"), REFUSED),
        (extension(";x\ry"), REFUSED),
        (extension(";x\0"), REFUSED),
        (extension(";x\x7f"), REFUSED),
        (extension(";\n5\r\nabc"), REFUSED),
        (extension("x=y"), REFUSED),
        (extension(" x"), REFUSED),
        (extension(&format!(";{}", "x".repeat(200))), seen("abc")),
        (extension(&format!(";{}", "x".repeat(300))), REFUSED),
        (extension(&format!(";{}", "x".repeat(100_000))), REFUSED),
    ]);
}

#[test]
fn trailers_are_field_lines() {
    let trailer = |lines: &str| chunked(&format!("3\r\nabc\r\n0\r\n{lines}\r\n"));
    let fine = ["X: y\r\n", "X: y\r\nZ:\r\n"];
    check(fine.map(|lines| (trailer(lines), seen("abc"))));
    let refused = [
        "X: y\n",
        "X : y\r\n",
        "X\r\n",
        ": y\r\n",
        " X: y\r\n",
        "X: y\r\n z\r\n",
        "X: y\0\r\n",
        "X: y\rz\r\n",
        "X: y\n\nGET / HTTP/1.1\r\n",
        "GET /smuggled HTTP/1.1\r\n",
    ];
    check(refused.map(|lines| (trailer(lines), REFUSED)));
    check([
        (trailer(&format!("X: {}\r\n", "y".repeat(100_000))), REFUSED),
        (trailer(&"X: y\r\n".repeat(1_000)), REFUSED),
    ]);
}

#[test]
fn trailers_cannot_say_what_a_head_says() {
    let upstream = Recorder::start();
    let gateway = Gateway::folder().proxy_to(upstream.address()).start();
    let names = [
        "Content-Length",
        "Transfer-Encoding",
        "Host",
        "Authorization",
        "Cookie",
        "Content-Type",
        "Connection",
        "X-Forwarded-For",
    ];
    for name in names {
        let body = format!("3\r\nabc\r\n0\r\n{name}: 1\r\n\r\n");
        let head = format!(
            "POST /p HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: {name}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let responses = exchange(&gateway, format!("{head}{body}{MARKER}").as_bytes());
        assert_eq!(responses.len(), 2, "{name}");
        let requests = upstream.take();
        assert_eq!((requests.len(), requests[0].text()), (2, "abc".into()), "{name}");
        assert!(requests[0].trailers.is_empty(), "{name} arrived: {:?}", requests[0]);
        assert_ne!(requests[0].values(&name.to_ascii_lowercase()), ["1"], "{name} got into the head");
    }
}
