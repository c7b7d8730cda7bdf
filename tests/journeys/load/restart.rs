//! Upstreams that are killed and come back under load: only what may not be sent twice is lost, and at most once for each death.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lockgate_tests::{Folder, Gateway, Load, Request, Upstream, eventually};

const ROUNDS: usize = 5;
const READERS: usize = 5;
const WRITERS: usize = 3;
/// No source of connections to 127.0.0.1 can have taken the port when the upstream comes back.
const HOME: [u8; 4] = [127, 0, 0, 9];

/// What reached an upstream, whichever life it is in.
#[derive(Clone, Default)]
struct Arrived {
    gets: Arc<AtomicUsize>,
    /// Bodies of POST.
    posts: Arc<Mutex<BTreeSet<String>>>,
    twice: Arc<Mutex<Vec<String>>>,
}

impl Arrived {
    fn upstream(&self, address: SocketAddr) -> Upstream {
        let this = self.clone();
        Upstream::at(address, move |exchange| {
            let body = String::from_utf8_lossy(&exchange.body()?).into_owned();
            match exchange.method.as_str() {
                "POST" if !this.posts.lock().unwrap().insert(body.clone()) => this.twice.lock().unwrap().push(body),
                "GET" if exchange.target == "/load" => drop(this.gets.fetch_add(1, Ordering::SeqCst)),
                _ => {}
            }
            exchange.reply(200, &[], b"done")
        })
    }

    fn wait_for_more(&self, count: usize) {
        let until = self.gets.load(Ordering::SeqCst) + count;
        eventually("the upstream to be asked", || (self.gets.load(Ordering::SeqCst) >= until).then_some(()));
    }
}

fn folder(targets: &str) -> Folder {
    Gateway::folder().word("targets", targets).api(
        "api",
        r#"
        name = "api"
        version = "1"
        [upstream.main]
        targets = [$targets]
        eject = { failures = 3, first = "200ms" }
        health = { path = "/healthz", interval = "50ms", healthy = 1, unhealthy = 1 }
        [[route]]
        name = "all"
        match = { path = "/{*rest}" }
        upstream = "main"
        "#,
    )
}

/// Reads until it is told to stop; each must be answered.
fn readers(gateway: &Gateway) -> Load<()> {
    Load::start(READERS, |_| {
        let mut client = gateway.connect();
        move |pace| {
            while pace.goes_on() {
                client.send(&Request::get("/load")).assert_status(200);
                pace.did();
            }
        }
    })
}

/// Writes until it is told to stop, each once; how many were answered with an error.
fn writers(gateway: &Gateway) -> Load<usize> {
    Load::start(WRITERS, |writer| {
        let mut client = gateway.connect();
        move |pace| {
            let mut failed = 0;
            for number in 0.. {
                if !pace.goes_on() {
                    break;
                }
                let response = client.send(&Request::post("/load", "text/plain", format!("{writer}/{number}")));
                match response.status {
                    200 => {}
                    _ => {
                        response.assert_problem(502);
                        failed += 1;
                    }
                }
                pace.did();
            }
            failed
        }
    })
}

#[test]
fn a_target_that_is_killed_under_load_costs_only_what_may_not_be_sent_again() {
    let (steady, mortal) = (Arrived::default(), Arrived::default());
    let first = steady.upstream(SocketAddr::from((HOME, 0)));
    let mut second = mortal.upstream(SocketAddr::from((HOME, 0)));
    let targets = format!("'http://{}', 'http://{}'", first.address(), second.address());
    let gateway = folder(&targets).start();
    let (readers, writers) = (readers(&gateway), writers(&gateway));
    for _ in 0..ROUNDS {
        mortal.wait_for_more(20);
        let address = second.address();
        second.kill();
        readers.wait_for_more(100);
        writers.wait_for_more(20);
        second = mortal.upstream(address);
    }
    mortal.wait_for_more(20);
    readers.stop();
    for failed in writers.stop() {
        assert!(failed <= ROUNDS, "{failed} writes of one client failed at {ROUNDS} deaths");
    }
    for arrived in [&steady, &mortal] {
        let twice = arrived.twice.lock().unwrap();
        assert!(twice.is_empty(), "written twice: {twice:?}");
    }
    let (one, two) = (steady.posts.lock().unwrap(), mortal.posts.lock().unwrap());
    let both: Vec<_> = one.intersection(&two).collect();
    assert!(both.is_empty(), "written to both: {both:?}");
}

#[test]
fn an_upstream_without_a_stand_in_is_asked_again_the_moment_it_is_back() {
    let arrived = Arrived::default();
    let mut upstream = arrived.upstream(SocketAddr::from((HOME, 0)));
    let gateway = folder(&format!("'http://{}'", upstream.address())).start();
    // Odd while the upstream is away.
    let times = Arc::<AtomicUsize>::default();
    let load = Load::start(READERS, |_| {
        let (mut client, times) = (gateway.connect(), times.clone());
        move |pace| {
            let mut failed = 0;
            while pace.goes_on() {
                let before = times.load(Ordering::SeqCst);
                let response = client.send(&Request::get("/load"));
                let was_there = before.is_multiple_of(2) && times.load(Ordering::SeqCst) == before;
                if response.status != 200 {
                    response.assert_problem(502);
                    assert!(!was_there, "an error while the upstream was there: {}", response.text());
                    failed += 1;
                }
                pace.did();
            }
            failed
        }
    });
    for _ in 0..ROUNDS {
        arrived.wait_for_more(50);
        let address = upstream.address();
        times.fetch_add(1, Ordering::SeqCst);
        upstream.kill();
        gateway.get("/away").assert_problem(502);
        load.wait_for_more(50);
        upstream = arrived.upstream(address);
        times.fetch_add(1, Ordering::SeqCst);
        gateway.get("/back").assert_status(200);
        gateway.send(&Request::post("/back", "text/plain", "written")).assert_status(200);
    }
    let failed: Vec<usize> = load.stop();
    assert!(failed.iter().sum::<usize>() > 0, "nobody noticed");
}
