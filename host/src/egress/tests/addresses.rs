//! Where a name may lead.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::*;
use crate::config::Refusal;
use crate::telemetry::Blame;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const PRIVATE: &str = "private_ips = true\n";

/// Answers each lookup with the next of these, and counts them.
struct Names {
    answers: Mutex<VecDeque<io::Result<Vec<SocketAddr>>>>,
    asked: AtomicUsize,
}

impl Names {
    fn new(answers: impl IntoIterator<Item = Vec<SocketAddr>>) -> Arc<Self> {
        let answers = answers.into_iter().map(Ok).collect();
        Arc::new(Self { answers: Mutex::new(answers), asked: AtomicUsize::new(0) })
    }

    fn egress(self: &Arc<Self>, settings: Settings) -> Egress {
        let names = self.clone();
        let resolver = Resolver::new(move |_, _| {
            names.asked.fetch_add(1, Relaxed);
            let next = names.answers.lock().unwrap().pop_front();
            async move { next.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())) }
        });
        Egress::with_resolver(settings, Metrics::new("1", "1").egress("idp"), resolver)
    }
}

fn at(url: &str, more: &str) -> Settings {
    settings(&format!("url = '{url}'\npaths = ['/*']\n{more}"))
}

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().map(|ip| SocketAddr::new(ip.parse().unwrap(), 443)).collect()
}

/// What comes of a service whose name leads to these addresses.
async fn sent(url: &str, more: &str, ips: &[&str]) -> Result<Reply, EgressError> {
    Names::new([addresses(ips)]).egress(at(url, more)).send(get("/")).await
}

#[tokio::test]
async fn a_name_leads_to_no_address_of_ours_of_a_cloud_or_of_nobody() {
    for ip in [
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "fd00::1",
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "0.0.0.0",
        "::",
        "224.0.0.1",
        "ff02::1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "240.0.0.1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::a00:1",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",
    ] {
        let error = sent("https://idp.example", "", &[ip]).await.unwrap_err();
        assert_eq!(error.blame(), Blame::Upstream, "{ip}");
        assert_eq!(denial(Err(error)), Denial::Zone, "{ip}");
    }
    for ip in [
        "169.254.169.254",
        "fd00:ec2::254",
        "fe80::1",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "2002:a9fe:a9fe::1",
    ] {
        for more in ["", PRIVATE] {
            let denied = denial(sent("https://idp.example", more, &[ip]).await);
            assert_eq!(denied, Denial::Address(Refusal::Metadata), "{ip}");
        }
    }
}

#[tokio::test]
async fn a_private_network_is_not_this_machine_and_without_tls_not_the_internet() {
    assert_eq!(denial(sent("http://idp.internal", PRIVATE, &["127.0.0.1", "::1"]).await), Denial::Zone);
    assert_eq!(denial(sent("http://idp.internal", PRIVATE, &["1.1.1.1", "2606:4700::1111"]).await), Denial::Zone);
    let own: Vec<SocketAddr> = vec!["127.0.0.1:8081".parse().unwrap()];
    let egress = Names::new([own]).egress(at("http://localhost:9", PRIVATE));
    assert_eq!(denial(egress.send(get("/")).await), Denial::Address(Refusal::Own));
}

#[tokio::test]
async fn a_name_is_resolved_once_for_each_connection_and_what_was_checked_is_connected_to() {
    let (service, other) = (Service::always(OK).await, Service::always(OK).await);
    let names = Names::new([
        vec![service.address],
        vec![other.address],
        addresses(&["169.254.169.254", "::ffff:169.254.169.254"]),
        vec![service.address],
    ]);
    let egress = names.egress(at("http://localhost:9", PRIVATE));
    egress.send(get("/")).await.unwrap();
    assert_eq!((names.asked.load(Relaxed), service.accepted(), other.accepted()), (1, 1, 0));
    egress.send(get("/")).await.unwrap();
    assert_eq!((names.asked.load(Relaxed), service.accepted(), other.accepted()), (2, 1, 1));
    assert_eq!(denial(egress.send(get("/")).await), Denial::Address(Refusal::Metadata));
    egress.send(get("/")).await.unwrap();
    assert_eq!((names.asked.load(Relaxed), service.accepted(), other.accepted()), (4, 2, 1));
    assert!(service.requests()[0].contains("host: localhost:9\r\n"), "the name is asked for, wherever it leads");
}

#[tokio::test]
async fn of_several_addresses_only_those_are_connected_to_that_may_be() {
    let service = Service::always(OK).await;
    let mut mixed = addresses(&["169.254.169.254", "0.0.0.0", "1.1.1.1"]);
    mixed.push(service.address);
    Names::new([mixed]).egress(at("http://localhost:9", PRIVATE)).send(get("/")).await.unwrap();
    assert_eq!(service.accepted(), 1);
}

#[tokio::test]
async fn a_name_without_addresses_cannot_be_connected_to() {
    let error = sent("https://idp.example", "", &[]).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(ConnectError::NoAddress)), "{error:?}");
    let error = Names::new([]).egress(at("https://idp.example", "")).send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(ConnectError::Resolve(_))), "{error:?}");
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = egress(at(&format!("http://{gone}"), PRIVATE)).send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(ConnectError::Io(_))), "{error:?}");
    let never = Resolver::new(|_, _| std::future::pending());
    let settings = at("https://idp.example", "connect_timeout = '10ms'\ntimeout = '60s'\n");
    let egress = Egress::with_resolver(settings, Metrics::new("1", "1").egress("idp"), never);
    let error = egress.send(get("/")).await.unwrap_err();
    assert!(matches!(error, EgressError::Connect(ConnectError::Timeout)), "{error:?}");
    assert_eq!((error.class(), error.blame()), ("egress_connect", Blame::Upstream));
}

#[tokio::test]
async fn the_system_is_asked_for_names() {
    let service = Service::always(OK).await;
    let url = format!("http://localhost:{}", service.address.port());
    egress(at(&url, PRIVATE)).send(get("/")).await.unwrap();
    assert_eq!(service.accepted(), 1);
}

#[tokio::test]
async fn a_name_nobody_answers_for_takes_only_so_many_threads() {
    let (begun, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let resolver = {
        let (begun, asked) = (begun.clone(), asked.clone());
        Resolver::new(move |_, _| {
            begun.fetch_add(1, Relaxed);
            let asked = asked.clone();
            async move {
                let _answered = asked.acquire().await.map_err(io::Error::other)?;
                Err(io::ErrorKind::NotFound.into())
            }
        })
    };
    let settings = at("https://idp", "connect_timeout = '20ms'\n");
    let egress = Egress::with_resolver(settings, Metrics::new("1", "1").egress("idp"), resolver);
    for _ in 0..10 {
        assert!(egress.send(get("/")).await.is_err());
    }
    assert_eq!(begun.load(Relaxed), 4, "those that are given up still go on");
    asked.add_permits(1);
    while begun.load(Relaxed) < 5 {
        assert!(egress.send(get("/")).await.is_err(), "the place of one that ended is another's");
    }
}
