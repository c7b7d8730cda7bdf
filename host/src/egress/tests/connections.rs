//! Connections: kept, shared, given up, and made without proxies.

use std::process::Command;

use http::{Request, Version};
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::telemetry::Blame;
use crate::tls::{Client, ClientParts, MinVersion, Trust};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

fn post() -> Call {
    Call { method: "POST".to_owned(), ..get("/") }
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_call() {
    let service = Service::always(OK).await;
    let egress = egress(granted(&service, ""));
    for _ in 0..3 {
        egress.send(get("/")).await.unwrap();
    }
    assert_eq!((service.requests().len(), service.accepted()), (3, 1));
}

#[tokio::test]
async fn a_connection_with_more_to_say_than_was_asked_is_not_used_again() {
    // What is announced and does not come at once would be taken for the answer to the next call.
    let announced = "HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\n";
    let ahead = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    for text in [announced, ahead] {
        let service = Service::always(text).await;
        let egress = egress(granted(&service, ""));
        for number in 1..=3 {
            assert!(egress.send(get("/")).await.unwrap().body.is_empty());
            assert_eq!(service.accepted(), number, "{text}");
        }
    }
}

#[tokio::test]
async fn what_may_be_asked_twice_is_asked_again_where_a_kept_connection_was_closed() {
    let once = |_: &str, number| if number == 0 { Answer::ok("ok") } else { Answer::Last("") };
    let service = Service::start(once).await;
    let egress = egress(granted(&service, "methods = ['GET', 'POST']"));
    egress.send(get("/")).await.unwrap();
    egress.send(get("/")).await.unwrap();
    assert_eq!((service.requests().len(), service.accepted()), (3, 2));
    let error = egress.send(post()).await.unwrap_err();
    assert!(matches!(error, EgressError::Protocol(ProtocolError::Http(_))), "{error:?}");
    assert_eq!((service.requests().len(), service.accepted()), (4, 2));
}

#[tokio::test]
async fn one_call_more_than_there_may_be_fails_at_once() {
    let service = Service::start(
        |request, _| {
            if request.starts_with("GET /slow") { Answer::Stalled("") } else { Answer::ok("ok") }
        },
    )
    .await;
    let metrics = Metrics::new("1", "1");
    let settings = granted(&service, "max_in_flight = 2\ntimeout = '60s'");
    let egress = Arc::new(Egress::new(settings, metrics.egress("idp")));
    let slow: Vec<_> = (0..2)
        .map(|_| {
            let egress = egress.clone();
            tokio::spawn(async move { egress.send(get("/slow")).await })
        })
        .collect();
    service.asked(2).await;
    let error = egress.send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Busy), "{error:?}");
    assert_eq!((error.class(), error.blame()), ("egress_busy", Blame::Gateway));
    for call in slow {
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    // What is given up makes room, and closes what it used.
    service.ended(2).await;
    egress.send(get("/")).await.unwrap();
    let text = metrics.encode();
    for (outcome, count) in [("busy", 1), ("cancelled", 2), ("answered", 1)] {
        let line = format!("lockgate_egress_calls_total{{egress=\"idp\",outcome=\"{outcome}\"}} {count}\n");
        assert!(text.contains(&line), "{text}");
    }
}

/// A service behind TLS that speaks what is agreed on, and what its clients need to know it.
async fn behind_tls(alpn: &[&[u8]]) -> (std::net::SocketAddr, String, Arc<std::sync::Mutex<Vec<Request<()>>>>) {
    let issued = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.signing_key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (acceptor, seen) = (TlsAcceptor::from(Arc::new(config)), Arc::default());
    let all: Arc<std::sync::Mutex<Vec<Request<()>>>> = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(tls::H2);
            let all = all.clone();
            let answer = service_fn(move |request: Request<Incoming>| {
                all.lock().unwrap().push(request.map(|_| ()));
                async { Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())) }
            });
            let stream = TokioIo::new(stream);
            tokio::spawn(async move {
                match is_http2 {
                    true => {
                        let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                        drop(builder.serve_connection(stream, answer).await);
                    }
                    false => drop(hyper::server::conn::http1::Builder::new().serve_connection(stream, answer).await),
                }
            });
        }
    });
    (address, issued.cert.pem(), seen)
}

fn trusting(trust: Trust<'_>) -> Option<Arc<Client>> {
    let parts = ClientParts { trust, identity: None, min_version: MinVersion::Tls12, http1: true, http2: true };
    Some(Arc::new(Client::new(&parts).unwrap()))
}

#[tokio::test]
async fn both_versions_of_http_are_spoken_over_tls() {
    for (alpn, version) in [
        (&[tls::H2, tls::HTTP_1_1][..], Version::HTTP_2),
        (&[tls::HTTP_1_1][..], Version::HTTP_11),
        (&[][..], Version::HTTP_11),
    ] {
        let (address, pem, seen) = behind_tls(alpn).await;
        let url = format!("https://localhost:{}/base", address.port());
        let mut settings = settings(&format!("url = '{url}'\nprivate_ips = true\npaths = ['/a']"));
        settings.tls = trusting(Trust::Authorities(pem.as_bytes()));
        let egress = with_credentials(settings, &[("x-api-key", "ours")]);
        for _ in 0..2 {
            assert_eq!(egress.send(get("/a?b")).await.unwrap().status, 200);
        }
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 2);
        for request in seen.iter() {
            assert_eq!(request.version(), version);
            assert_eq!(request.uri().path_and_query().unwrap(), "/base/a?b");
            let host = request.uri().authority().map(|authority| authority.as_str());
            let field = request.headers().get("host").map(|host| host.to_str().unwrap());
            assert_eq!(host.or(field).unwrap(), format!("localhost:{}", address.port()));
            assert_eq!(request.headers()["x-api-key"], "ours");
        }
    }
}

#[tokio::test]
async fn a_service_that_is_not_who_it_says_is_asked_for_nothing() {
    let (address, _, seen) = behind_tls(&[tls::HTTP_1_1]).await;
    let (_, other, _) = behind_tls(&[]).await;
    let url = format!("https://localhost:{}", address.port());
    let mut settings = settings(&format!("url = '{url}'\nprivate_ips = true\npaths = ['/a']"));
    settings.tls = trusting(Trust::Authorities(other.as_bytes()));
    let error = egress(settings).send(get("/a")).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(ConnectError::Tls(_))), "{error:?}");
    assert!(seen.lock().unwrap().is_empty());
}

/// The variables have to be there before the process begins, so another is begun, which runs tests that ask services.
#[test]
fn proxies_of_the_environment_are_not_asked() {
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let mut tests = Command::new(std::env::current_exe().unwrap());
    for name in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        tests.env(name, &url);
    }
    tests.env_remove("no_proxy").env_remove("NO_PROXY");
    let names = ["a_connection_is_kept_for_the_next_call", "both_versions_of_http_are_spoken_over_tls"];
    let names = names.map(|name| format!("egress::tests::connections::{name}"));
    let ended = tests.arg("--exact").args(&names).output().unwrap();
    let text = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success() && text.contains("2 passed"), "{text}");
    proxy.set_nonblocking(true).unwrap();
    assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}
