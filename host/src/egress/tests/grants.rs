//! What may be asked for, and with which fields.

use proptest::prelude::*;

use super::*;
use crate::exchange::path::PathError;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn what_is_granted_is_asked_for_below_the_url() {
    let service = Service::always(OK).await;
    let settings = settings(&format!(
        "url = 'http://{}/base'\nprivate_ips = true\npaths = ['/token', '/keys/*']\nmethods = ['GET', 'POST']",
        service.address
    ));
    let egress = egress(settings);
    for target in ["/token", "/token?a=%2F../b&c=//", "/keys/", "/keys/1/2", "/x/../token", "/%74oken", "/./keys/a%20b"]
    {
        let reply = egress.send(get(target)).await.unwrap();
        assert_eq!((reply.status.as_u16(), &*reply.body), (200, &b"ok"[..]), "{target}");
    }
    let post = Call {
        method: "POST".to_owned(),
        body: Bytes::from_static(b"token=x"),
        fields: vec![("Content-Type".to_owned(), Bytes::from_static(b"application/x-www-form-urlencoded"))],
        ..get("/token")
    };
    egress.send(post.clone()).await.unwrap();
    egress.send(Call { body: Bytes::new(), ..post }).await.unwrap();
    let requests = service.requests();
    let lines: Vec<_> = requests.iter().map(|request| request.lines().next().unwrap()).collect();
    assert_eq!(
        lines,
        [
            "GET /base/token HTTP/1.1",
            "GET /base/token?a=%2F../b&c=// HTTP/1.1",
            "GET /base/keys/ HTTP/1.1",
            "GET /base/keys/1/2 HTTP/1.1",
            "GET /base/token HTTP/1.1",
            "GET /base/token HTTP/1.1",
            "GET /base/keys/a%20b HTTP/1.1",
            "POST /base/token HTTP/1.1",
            "POST /base/token HTTP/1.1",
        ]
    );
    let head = format!("host: {}\r\naccept-encoding: gzip\r\nuser-agent: lockgate/", service.address);
    assert!(requests[0].contains(&head), "{}", requests[0]);
    assert!(!requests[0].contains("content-length"), "{}", requests[0]);
    assert!(
        requests[7].contains("content-length: 7\r\n") && requests[7].ends_with("\r\n\r\ntoken=x"),
        "{}",
        requests[7]
    );
    assert!(requests[8].contains("content-length: 0\r\n"), "{}", requests[8]);
}

#[tokio::test]
async fn what_is_not_granted_is_never_sent() {
    let service = Service::always(OK).await;
    let egress = egress(granted(&service, "paths = ['/token', '/keys/*']\nmax_request = '4B'"));
    for (target, expected) in [
        ("/", Denial::Path),
        ("/admin", Denial::Path),
        ("/tokens", Denial::Path),
        ("/token/", Denial::Path),
        ("/keys", Denial::Path),
        ("/keys/../admin", Denial::Path),
        ("/keys/%2e%2E/admin", Denial::Path),
        ("/keys/..", Denial::Path),
        ("/keys/.%2e/keysx", Denial::Path),
        ("/../token", Denial::Target(PathError::AboveRoot)),
        ("/keys/..%2fadmin", Denial::Target(PathError::ForbiddenEscape)),
        ("/keys/..\\admin", Denial::Target(PathError::ForbiddenByte)),
        ("/keys/..%5cadmin", Denial::Target(PathError::ForbiddenEscape)),
        ("/keys/..;/admin", Denial::Target(PathError::PathParameter)),
        ("/keys/a%00", Denial::Target(PathError::ForbiddenEscape)),
        ("/keys/a b", Denial::Target(PathError::ForbiddenByte)),
        ("/keys/a\r\nx: y", Denial::Target(PathError::ForbiddenByte)),
        ("/keys/?a\r\nx: y", Denial::Target(PathError::BadQuery)),
        ("/token#a", Denial::Target(PathError::ForbiddenByte)),
        ("//evil.example/token", Denial::Authority),
        ("/keys//a", Denial::Authority),
        ("http://evil.example/token", Denial::Authority),
        ("http:/evil.example", Denial::Target(PathError::NotAbsolute)),
        ("@evil.example/token", Denial::Target(PathError::NotAbsolute)),
        (":80/token", Denial::Target(PathError::NotAbsolute)),
        ("", Denial::Target(PathError::NotAbsolute)),
        ("*", Denial::Target(PathError::NotAbsolute)),
    ] {
        let error = egress.send(get(target)).await.unwrap_err();
        assert_eq!((error.class(), error.blame()), ("egress_denied", crate::telemetry::Blame::Plugin));
        assert!(!Chain(&error).to_string().contains("evil"), "{error}");
        assert_eq!(denial(Err(error)), expected, "{target:?}");
    }
    for method in ["POST", "get", "HEAD", "", "G ET", "GET /x HTTP/1.1\r\n"] {
        let call = Call { method: method.to_owned(), ..get("/token") };
        assert_eq!(denial(egress.send(call).await), Denial::Method, "{method:?}");
    }
    let long = Call { body: Bytes::from_static(b"12345"), ..get("/token") };
    assert_eq!(denial(egress.send(long).await), Denial::Body);
    assert_eq!(service.accepted(), 0);
}

#[tokio::test]
async fn fields_of_a_call_are_checked_before_any_is_sent() {
    let service = Service::always(OK).await;
    let egress = with_credentials(granted(&service, ""), &[("authorization", "Bearer ours"), ("x-api-key", "ours")]);
    for (name, value, expected) in [
        ("x y", "1", Denial::Field),
        ("", "1", Denial::Field),
        (":path", "/", Denial::Field),
        ("x\r\ny", "1", Denial::Field),
        ("x", "1\r\nauthorization: theirs", Denial::Field),
        ("x", "1\n2", Denial::Field),
        ("x", "1\0", Denial::Field),
        ("Authorization", "theirs", Denial::Owned),
        ("x-api-key", "theirs", Denial::Owned),
        ("X_Api-Key", "theirs", Denial::Owned),
        ("host", "evil.example", Denial::Owned),
        ("content-length", "0", Denial::Owned),
        ("Content_Length", "0", Denial::Owned),
        ("transfer-encoding", "chunked", Denial::Owned),
        ("connection", "authorization", Denial::Owned),
        ("upgrade", "h2c", Denial::Owned),
        ("te", "trailers", Denial::Owned),
        ("expect", "100-continue", Denial::Owned),
        ("accept-encoding", "br", Denial::Owned),
        ("proxy-authorization", "x", Denial::Owned),
        ("x-forwarded-for", "127.0.0.1", Denial::Owned),
        ("x_real_ip", "127.0.0.1", Denial::Owned),
        ("X-HTTP-Method-Override", "DELETE", Denial::Owned),
        ("x_original-url", "/admin", Denial::Owned),
    ] {
        assert_eq!(denial(egress.send(with_field(name, value)).await), expected, "{name:?} {value:?}");
    }
    let many = Call { fields: vec![("x".to_owned(), Bytes::new()); 65], ..get("/") };
    assert_eq!(denial(egress.send(many).await), Denial::Fields);
    let long = Call { fields: vec![("x".to_owned(), vec![b'a'; 16 * 1024].into())], ..get("/") };
    assert_eq!(denial(egress.send(long).await), Denial::Fields);
    assert_eq!(service.accepted(), 0);
    egress.send(with_field("User-Agent", "policy")).await.unwrap();
    let request = service.requests().remove(0);
    for line in ["user-agent: policy\r\n", "authorization: Bearer ours\r\n", "x-api-key: ours\r\n"] {
        assert_eq!(request.matches(line).count(), 1, "{request}");
    }
    assert!(!request.contains("user-agent: lockgate"), "{request}");
}

/// Pieces of which hostile paths are made.
const PIECES: [&str; 30] = [
    "/",
    "/",
    "/",
    "//",
    ".",
    "..",
    "/../",
    "/./",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "\\",
    ";",
    "?",
    "#",
    "@",
    ":",
    "*",
    "\r\n",
    "%00",
    "%25",
    "%252e",
    "%20",
    "é",
    "http:",
    "evil.example",
    "keys",
    "keys/",
    "token",
];

/// What a server may read in a path.
fn undone(path: &str) -> String {
    let mut text = path.to_owned();
    for (escape, plain) in [("%2e", "."), ("%2f", "/"), ("%5c", "\\")] {
        text = text.replace(escape, plain).replace(&escape.to_uppercase(), plain);
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_target_leads_out_of_what_is_granted(
        pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..12),
        is_absolute: bool,
    ) {
        let toml = "url = 'https://idp/base'\npaths = ['/token', '/keys/*']\n";
        let egress = egress(settings(toml));
        let target = format!("{}{}", if is_absolute { "/" } else { "" }, pieces.concat());
        if let Ok(request) = egress.admit(get(&target)) {
            let path = request.uri().path();
            prop_assert!(path == "/base/token" || path.starts_with("/base/keys/"), "{:?} -> {}", target, path);
            prop_assert!(request.uri().authority().is_none() && request.uri().scheme().is_none());
            prop_assert_eq!(&request.headers()["host"], "idp");
            // `%252e` means the three characters `%2e` to whoever undoes escapes once, as everybody should.
            let once = path.replace("%25", "x");
            prop_assert!(!undone(&once).split(['/', '\\']).any(|part| part == "." || part == ".."), "{:?} -> {}", target, path);
            prop_assert!(!path.contains("//") && !path.contains(['\r', '\n', '\\', ';', '#', ' ']), "{:?}", target);
        }
    }
}
