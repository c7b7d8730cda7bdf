//! HTTP/2 as nghttp2 speaks it: `curl`, `nghttp` and the load of `h2load`.

use lockgate_tests::foreign::tool;
use lockgate_tests::{Gateway, Upstream};

use super::{site, text};

const BODY: &[u8] = b"from upstream";

fn upstream() -> Upstream {
    Upstream::answering(200, &[("content-type", "text/plain")], BODY)
}

/// All requests of a load have succeeded.
#[track_caller]
fn assert_all_succeeded(requests: u32, report: &str) {
    let line = report.lines().find(|line| line.starts_with("requests:")).unwrap_or_default();
    let wanted = format!("{requests} succeeded, 0 failed, 0 errored, 0 timeout");
    assert!(line.contains(&wanted), "{report}");
    let statuses = format!("status codes: {requests} 2xx, 0 3xx, 0 4xx, 0 5xx");
    assert!(report.contains(&statuses), "{report}");
}

#[test]
fn curl_is_answered_over_http2_in_the_clear_and_inside_tls() {
    let upstream = upstream();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let write = "%{http_version} %{http_code}\n";
    let url = format!("http://{}/a", gateway.public());
    let quiet = ["--silent", "--show-error", "--noproxy", "*", "--write-out", write];
    let said = tool("curl", &[&quiet[..], &["--http2-prior-knowledge", &url]].concat());
    assert_eq!(said, format!("{}2 200\n", String::from_utf8_lossy(BODY)));

    let (folder, ca) = site();
    let gateway = folder.proxy(&upstream).start();
    let port = gateway.public().port();
    let (resolve, url) = (format!("site.example:{port}:127.0.0.1"), format!("https://site.example:{port}/b"));
    let tls = ["--http2", "--cacert", text(&ca), "--resolve", &resolve, "--data", "hello", &url];
    let said = tool("curl", &[&quiet[..], &tls].concat());
    assert_eq!(said, format!("{}2 200\n", String::from_utf8_lossy(BODY)));
}

#[test]
fn nghttp_is_answered_with_priorities_padding_and_an_upload() {
    let upstream = upstream();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let url = format!("http://{}/c", gateway.public());
    let upload = gateway.root().join("upload");
    std::fs::write(&upload, vec![b'x'; 1 << 20]).unwrap();
    let arguments = ["--padding=100", "--weight=7", "--multiply=20", "--data", text(&upload), &url];
    let said = tool("nghttp", &arguments);
    assert_eq!(said.matches("from upstream").count(), 20, "{said}");
}

#[test]
fn a_load_of_h2load_ends_without_an_error() {
    let upstream = upstream();
    let load = ["--requests=2000", "--clients=10", "--max-concurrent-streams=20"];
    let gateway = Gateway::folder().proxy(&upstream).start();
    let url = format!("http://{}/d", gateway.public());
    assert_all_succeeded(2000, &tool("h2load", &[&load[..], &[&url]].concat()));

    let (folder, _) = site();
    let gateway = folder.proxy(&upstream).start();
    let url = format!("https://{}/e", gateway.public());
    let report = tool("h2load", &[&load[..], &[&url]].concat());
    assert!(report.contains("Application protocol: h2"), "{report}");
    assert_all_succeeded(2000, &report);
}
