//! Request lines, targets and field lines.

use super::{DECLINED, Expect, REFUSED, check, forwarded};

#[test]
fn a_request_line_is_a_method_a_target_and_a_version() {
    check([
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /")),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /")),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /")),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("\r\n GET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("\tGET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("\0GET / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", REFUSED),
        ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET /\x0bHTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\rHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\r\rHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\0\r\nHost: a\r\n\r\n", REFUSED),
        ("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET\r\n / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1, GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
    ]);
}

#[test]
fn methods_are_tokens_and_keep_their_case() {
    check([
        ("get / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("get /")),
        ("Post / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx", forwarded("Post /").body("x")),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("M-SEARCH /")),
        ("!#$%&'*+-.^_`|~9 / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("!#$%&'*+-.^_`|~9 /")),
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("TRACE /")),
        ("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("G\"T / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("G\u{e4}T / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("G:T / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        (" / HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("PRI * HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", Expect::Declined(501)),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
    ]);
}

#[test]
fn there_are_two_versions() {
    check([
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", forwarded("GET /").last()),
        ("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", forwarded("GET /")),
        ("GET /\r\n\r\n", REFUSED),
        ("GET / \r\n\r\n", REFUSED),
        ("GET / HTTP/0.9\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.10\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/01.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP /1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1,1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET / ICY/1.1\r\nHost: a\r\n\r\n", REFUSED),
    ]);
}

#[test]
fn targets_and_hosts_agree_or_the_request_is_refused() {
    check([
        ("GET http://a/x?y HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /x?y").field("host", &["a"])),
        ("GET http://A:80/x HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /x")),
        ("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /")),
        ("GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", DECLINED),
        ("GET http://a/ HTTP/1.1\r\n\r\n", DECLINED),
        ("GET http://b@a/ HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("GET ?x HTTP/1.1\r\nHost: a\r\n\r\n", REFUSED),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("GET //b/x HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /b/x").field("host", &["a"])),
        ("GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        // hyper leaves the fragment out, before anything else could see it.
        ("GET /x?y#z HTTP/1.1\r\nHost: a\r\n\r\n", forwarded("GET /x?y")),
        ("GET /a%0d%0ab HTTP/1.1\r\nHost: a\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\n\r\n", DECLINED),
        ("GET / HTTP/1.0\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: b@a\r\n\r\n", DECLINED),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", REFUSED),
        ("GET / HTTP/1.1\r\nHost:\ta\t\r\n\r\n", forwarded("GET /").field("host", &["a"])),
    ]);
}

#[test]
fn a_field_line_is_a_name_a_colon_and_a_value() {
    let field = |line: &str| format!("GET / HTTP/1.1\r\nHost: a\r\n{line}\r\nX-Last: 1\r\n\r\n");
    let refused = [
        "X : y",
        "X\t: y",
        "X y",
        "X",
        ": y",
        " X: y",
        "\tX: y",
        "X\0: y",
        "X\u{e4}: y",
        "X(: y",
        "X@: y",
        "X/: y",
        "X\"Y\": y",
        "X\x0b: y",
        "X\r: y",
        "X\n: y",
        "X: y\0",
        "X: y\x01z",
        "X: y\x7f",
        "X: y\x0bz",
        "X: y\rz: a",
        "X: y\r",
        "X: y\nZ: a",
        "X: y\n",
        "X:\rZ: a",
        "X:\nZ: a",
        "X: y\r\n z",
        "X: y\r\n\tz",
        "X:\r\n y",
        "X: y\r\n ",
        "X: y\r\r",
    ];
    check(refused.map(|line| (field(line), REFUSED)));
    let passed: [(&str, &'static [&'static str]); 8] = [
        ("x-a: y", &["y"]),
        ("X-A:y", &["y"]),
        ("X-A: \t y \t ", &["y"]),
        ("X-A:", &[""]),
        ("X-A: y: z", &["y: z"]),
        ("X-A: y\tz", &["y\tz"]),
        ("X-A: \u{e4}", &["\u{e4}"]),
        ("X-A: y\r\nx-a: z", &["y", "z"]),
    ];
    let seen = |values| forwarded("GET /").field("x-a", values).field("x-last", &["1"]);
    check(passed.map(|(line, values)| (field(line), seen(values))));
}

#[test]
fn what_is_too_long_is_refused_before_it_is_read() {
    let line = |length| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length));
    let field = |length| format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length));
    let fields = |count| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    check([
        (line(17_000), Expect::Declined(414)),
        (line(100_000), Expect::Refused(431)),
        (field(30_000), forwarded("GET /")),
        (field(100_000), Expect::Refused(431)),
        (fields(99), forwarded("GET /")),
        (fields(100), Expect::Refused(431)),
        (format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(100_000)), Expect::Refused(431)),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}: y\r\n\r\n", "x".repeat(100_000)), Expect::Refused(431)),
        ("\r\n".repeat(100_000), Expect::Refused(431)),
    ]);
}
