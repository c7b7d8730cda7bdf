//! Traffic to upstreams: which target is asked, who is left out, what is sent once more, and when it is too much.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use lockgate_tests::http2::Http2Upstream;
use lockgate_tests::{Folder, Gateway, Request, Upstream, eventually};

/// A gateway with one worker, whose upstream has these settings and is what every path leads to.
fn folder(settings: &str, words: &[(&str, &Upstream)]) -> Folder {
    let folder = Gateway::folder().gateway_toml("[runtime]\nworkers = 1");
    let folder = words.iter().fold(folder, |folder, (word, upstream)| folder.word(word, upstream.address()));
    folder.api("api", &api(settings))
}

/// Everything but the settings of the upstream, which come last.
fn api(settings: &str) -> String {
    let api = r#"
        name = "api"
        version = "1"
        [[route]]
        name = "all"
        match = { path = "/{*rest}" }
        upstream = "main"
        [upstream.main]
    "#;
    format!("{api}{settings}\n")
}

/// Answers with its name.
fn named(name: &'static str) -> Upstream {
    Upstream::answering(200, &[], name)
}

fn counts(gateway: &Gateway, requests: impl IntoIterator<Item = Request>) -> BTreeMap<String, usize> {
    let mut client = gateway.connect();
    let mut counts = BTreeMap::new();
    for request in requests {
        let response = client.send(&request);
        response.assert_status(200);
        *counts.entry(response.text()).or_default() += 1;
    }
    counts
}

fn gets(count: usize) -> impl Iterator<Item = Request> {
    (0..count).map(|_| Request::get("/"))
}

#[test]
fn targets_take_their_share_of_the_traffic() {
    let (one, two, three) = (named("one"), named("two"), named("three"));
    let targets =
        "targets = [{ url = 'http://$one', weight = 3 }, 'http://$two', { url = 'http://$three', weight = 0 }]";
    let gateway = folder(targets, &[("one", &one), ("two", &two), ("three", &three)]).start();
    assert_eq!(counts(&gateway, gets(40)), BTreeMap::from([("one".into(), 30), ("two".into(), 10)]));
}

#[test]
fn requests_that_hash_alike_go_to_the_same_target() {
    let (one, two) = (named("one"), named("two"));
    for (balance, field, value) in [
        ("hash:header:x-user", "x-user", "ada-"),
        ("hash:cookie:session", "cookie", "theme=dark; session="),
        ("hash:path", "x-unused", ""),
    ] {
        let settings = format!("targets = ['http://$one', 'http://$two']\nbalance = '{balance}'");
        let gateway = folder(&settings, &[("one", &one), ("two", &two)]).start();
        let mut spread = BTreeMap::new();
        for user in 0..20 {
            let ask = || Request::get(&format!("/{user}")).field(field, &format!("{value}{user}"));
            let met = counts(&gateway, (0..3).map(|_| ask()));
            assert_eq!(met.len(), 1, "{balance}: {met:?}");
            *spread.entry(met.into_keys().next().unwrap()).or_insert(0) += 1;
        }
        assert_eq!(spread.len(), 2, "{balance}: {spread:?}");
    }
}

#[test]
fn a_target_with_fewer_requests_is_asked_first() {
    let (busy, idle) = (Upstream::silent(), named("idle"));
    let settings = "targets = ['http://$busy', 'http://$idle']\nbalance = 'least-requests'";
    let gateway = folder(settings, &[("busy", &busy), ("idle", &idle)]).start();
    let mut stuck: Vec<_> = Vec::new();
    // Each request stays with the one, so sooner or later it has one more than the other has at any time.
    while busy.requests() == 0 {
        let before = idle.requests();
        let mut client = gateway.connect();
        client.send_only(&Request::get("/")).unwrap();
        stuck.push(client);
        eventually("one of them to be asked", || (busy.requests() > 0 || idle.requests() > before).then_some(()));
    }
    assert_eq!(counts(&gateway, gets(30)), BTreeMap::from([("idle".into(), 30)]));
}

#[test]
fn a_target_that_keeps_failing_is_left_out_until_its_time_is_over() {
    let (good, bad, fails) = (named("good"), Arc::<AtomicUsize>::default(), Arc::new(AtomicBool::new(true)));
    let (asked, failing) = (bad.clone(), fails.clone());
    let bad_one = Upstream::with(move |exchange| {
        asked.fetch_add(1, Ordering::SeqCst);
        if failing.load(Ordering::SeqCst) { exchange.reply(503, &[], b"") } else { exchange.reply(200, &[], b"bad") }
    });
    let settings = "targets = ['http://$good', 'http://$bad']\neject = { failures = 3, first = '1s' }";
    let gateway = folder(settings, &[("good", &good), ("bad", &bad_one)]).start();
    let mut client = gateway.connect();
    let answers: Vec<_> = gets(6).map(|request| client.send(&request).status).collect();
    assert_eq!(answers.iter().filter(|status| **status == 503).count(), 3, "{answers:?}");
    let sample = |name: &str| {
        format!("lockgate_upstream_target_{name}{{upstream=\"api/main\",target=\"http://{}\"}}", bad_one.address())
    };
    assert_eq!(gateway.metric(&sample("up")), Some(0.0));
    assert_eq!(gateway.metric(&sample("downs_total")), Some(1.0));
    fails.store(false, Ordering::SeqCst);
    eventually("the target to be asked again", || (client.send(&Request::get("/")).text() == "bad").then_some(()));
    assert_eq!(gateway.metric(&sample("up")), Some(1.0));
}

#[test]
fn a_target_that_fails_its_health_checks_is_not_asked() {
    let well = Arc::new(AtomicBool::new(false));
    let state = well.clone();
    let sick = Upstream::with(move |exchange| match exchange.target.as_str() {
        "/healthz?deep" if !state.load(Ordering::SeqCst) => exchange.reply(302, &[], b""),
        _ => exchange.reply(200, &[], b"sick"),
    });
    let good = named("good");
    let settings = "targets = ['http://$sick', 'http://$good']\n\
                    health = { path = '/healthz?deep', interval = '20ms', healthy = 2, unhealthy = 2, status = ['200-204'] }";
    let gateway = folder(settings, &[("sick", &sick), ("good", &good)]).start();
    let up = format!("lockgate_upstream_target_up{{upstream=\"api/main\",target=\"http://{}\"}}", sick.address());
    eventually("the target to be found unwell", || (gateway.metric(&up) == Some(0.0)).then_some(()));
    assert_eq!(counts(&gateway, gets(20)), BTreeMap::from([("good".into(), 20)]));
    well.store(true, Ordering::SeqCst);
    eventually("the target to be found well", || (gateway.metric(&up) == Some(1.0)).then_some(()));
    assert_eq!(counts(&gateway, gets(20)).len(), 2);
}

/// Closes the connection in place of an answer so many times, and counts what it was asked.
fn closing(times: usize) -> (Upstream, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = asked.clone();
    let upstream = Upstream::with(move |exchange| {
        exchange.body()?;
        if count.fetch_add(1, Ordering::SeqCst) < times {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        exchange.reply(200, &[], b"answered")
    });
    (upstream, asked)
}

#[test]
fn what_may_be_repeated_is_sent_once_more_when_a_connection_breaks() {
    for (request, tries) in [
        (Request::get("/"), 2),
        (Request::new("DELETE", "/"), 2),
        (Request::new("POST", "/"), 1),
        (Request::new("PUT", "/").body("streamed"), 1),
    ] {
        let (upstream, asked) = closing(1);
        let gateway = folder("targets = ['http://$one']", &[("one", &upstream)]).start();
        let response = gateway.send(&request);
        assert_eq!(asked.load(Ordering::SeqCst), tries, "{request:?}");
        match tries {
            2 => assert_eq!(response.text(), "answered"),
            _ => response.assert_problem(502),
        }
        let retried = gateway.metric("lockgate_upstream_retries_total{upstream=\"api/main\",reason=\"closed\"}");
        assert_eq!(retried.unwrap_or_default() as usize, tries - 1, "{request:?}");
    }
}

#[test]
fn nothing_is_sent_more_often_than_the_operator_says() {
    for (attempts, tries) in [(1, 1), (2, 2), (4, 4)] {
        let (upstream, asked) = closing(usize::MAX);
        let settings = format!("targets = ['http://$one']\nretry = {{ attempts = {attempts}, budget = 100 }}");
        let gateway = folder(&settings, &[("one", &upstream)]).start();
        // What these earn is enough for all tries of one request.
        for _ in 0..10 {
            gateway.send(&Request::new("POST", "/")).assert_problem(502);
        }
        let before = asked.load(Ordering::SeqCst);
        gateway.get("/").assert_problem(502);
        assert_eq!(asked.load(Ordering::SeqCst) - before, tries);
    }
}

#[test]
fn an_upstream_in_trouble_gets_little_more_than_it_would_anyway() {
    let (upstream, asked) = closing(usize::MAX);
    let settings = "targets = ['http://$one']\nretry = { budget = 10 }\neject = { failures = 0 }";
    let gateway = folder(settings, &[("one", &upstream)]).start();
    for _ in 0..100 {
        gateway.get("/").assert_problem(502);
    }
    let tries = asked.load(Ordering::SeqCst);
    // A tenth, and one each second this takes.
    assert!((105..160).contains(&tries), "{tries}");
    let denied = gateway.metric("lockgate_upstream_retries_denied_total{upstream=\"api/main\"}").unwrap();
    assert_eq!(denied as usize, 200 - tries);
}

#[test]
fn an_answer_that_is_no_answer_is_asked_for_elsewhere() {
    let (bad, good) = (Upstream::answering(503, &[], ""), named("good"));
    let settings =
        "targets = ['http://$bad', 'http://$good']\nretry = { status = [503], budget = 100 }\neject = { failures = 0 }";
    let gateway = folder(settings, &[("bad", &bad), ("good", &good)]).start();
    assert_eq!(counts(&gateway, gets(20)), BTreeMap::from([("good".into(), 20)]));
    assert!(bad.requests() > 0);
    // What may not be repeated gets what was said.
    let mut client = gateway.connect();
    let answers: Vec<_> = (0..4).map(|_| client.send(&Request::new("POST", "/")).status).collect();
    assert!(answers.contains(&503) && answers.contains(&200), "{answers:?}");
}

#[test]
fn a_try_that_takes_too_long_is_followed_by_another() {
    let (slow, good) = (Upstream::silent(), named("good"));
    let settings = "targets = ['http://$slow', 'http://$good']\nretry = { timeout = '500ms', budget = 100 }";
    let gateway = folder(settings, &[("slow", &slow), ("good", &good)]).start();
    assert_eq!(counts(&gateway, gets(4)), BTreeMap::from([("good".into(), 4)]));
    assert!(slow.requests() > 0);
}

#[test]
fn a_try_that_no_other_may_follow_has_all_the_time_there_is() {
    let gate = Arc::new(RwLock::new(()));
    let behind = gate.clone();
    let slow = Upstream::with(move |exchange| {
        drop(behind.read());
        exchange.reply(200, &[], b"at last")
    });
    let settings = "targets = ['http://$slow']\nretry = { timeout = '50ms', budget = 1 }\neject = { failures = 0 }";
    let gateway = folder(settings, &[("slow", &slow)]).start();
    let shut = gate.write();
    let mut clients: Vec<_> = (0..4).map(|_| gateway.connect()).collect();
    clients.iter_mut().for_each(|client| client.send_only(&Request::get("/")).unwrap());
    let denied = "lockgate_upstream_retries_denied_total{upstream=\"api/main\"}";
    eventually("a try that is not followed", || {
        gateway.metric(denied).is_some_and(|denied| denied > 0.0).then_some(())
    });
    drop(shut);
    for client in &mut clients {
        client.receive("GET").unwrap().assert_status(200);
    }
}

#[test]
fn requests_beyond_the_limit_are_refused_at_once() {
    let upstream = Upstream::silent();
    let gateway = folder("targets = ['http://$one']\nlimits = { max_requests = 2 }", &[("one", &upstream)]).start();
    let held: Vec<_> = (0..2)
        .map(|_| {
            let mut client = gateway.connect();
            client.send_only(&Request::get("/held")).unwrap();
            client
        })
        .collect();
    upstream.wait_for_requests(2);
    let refused = gateway.get("/refused");
    refused.assert_problem(503);
    assert!(refused.field("retry-after").is_some());
    assert_eq!(gateway.access_log("/refused")["class"], "upstream_overloaded");
    assert_eq!(gateway.metric("lockgate_upstream_refused_total{upstream=\"api/main\"}"), Some(1.0));
    drop(held);
    // Those who left make room.
    eventually("room", || {
        let mut client = gateway.connect();
        client.send_only(&Request::get("/again")).unwrap();
        (upstream.requests() > 2).then_some(())
    });
}

#[test]
fn a_request_waits_for_one_of_few_connections_or_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let settings =
        "targets = ['http://$only']\nlimits = { max_connections = 1, max_pending = 1 }\ntimeouts = { connect = '60s' }";
    let gateway = Gateway::folder().word("only", address);
    let gateway = gateway.gateway_toml("[runtime]\nworkers = 1").api(
        "api",
        &format!(
            "name = 'api'\nversion = '1'\n[[route]]\nname = 'all'\nmatch = {{ path = '/{{*rest}}' }}\nupstream = 'main'\n[upstream.main]\n{settings}\n"
        ),
    );
    let gateway = gateway.start();
    let mut first = gateway.connect();
    first.send_only(&Request::get("/first")).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut reader = std::io::BufReader::new(stream);
    assert!(lockgate_tests::read_head(&mut reader).unwrap().0.starts_with("GET /first"));
    // Of the two that come now one waits, and one is too many; which is which they settle among themselves.
    let mut others: Vec<_> = (0..2).map(|_| gateway.connect()).collect();
    for client in &mut others {
        client.send_only(&Request::get("/other")).unwrap();
    }
    let refused = gateway.access_log("/other");
    assert_eq!((refused["status"].as_u64(), refused["class"].as_str()), (Some(503), Some("upstream_overloaded")));
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    reader.get_mut().write_all(answer).unwrap();
    first.receive("GET").unwrap().assert_status(200);
    assert!(lockgate_tests::read_head(&mut reader).unwrap().0.starts_with("GET /other"), "over the same connection");
    reader.get_mut().write_all(answer).unwrap();
    let mut statuses: Vec<_> = others.iter_mut().map(|client| client.receive("GET").unwrap().status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 503]);
}

#[test]
fn what_is_known_of_a_target_outlives_a_reload() {
    let (good, bad) = (named("good"), Upstream::answering(503, &[], ""));
    let settings = "targets = ['http://$good', 'http://$bad']\neject = { failures = 3, first = '1h', longest = '1h' }";
    let gateway = folder(settings, &[("good", &good), ("bad", &bad)]).start();
    let mut client = gateway.connect();
    gets(6).for_each(|request| drop(client.send(&request)));
    let asked = bad.requests();
    let ejected = |gateway: &Gateway| gateway.status()["upstreams"][0]["targets"][1]["ejected"].clone();
    assert_eq!((asked, ejected(&gateway)), (3, true.into()));
    // The upstream has changed; the server has not.
    gateway.write("api/api.toml", &api(&format!("{settings}\nmax_idle = 7")));
    gateway.wait_for_generation(2);
    assert_eq!(counts(&gateway, gets(10)), BTreeMap::from([("good".into(), 10)]));
    assert_eq!((bad.requests(), ejected(&gateway)), (asked, true.into()));
}

#[test]
fn clients_that_break_off_do_not_make_a_target_look_bad() {
    let (http1, http2) = (Upstream::echo(), Http2Upstream::echo());
    // Its share of the targets is a half, so there is a second one, which takes nothing.
    for (protocol, address) in [("http/1.1", http1.address()), ("h2", http2.address())] {
        let settings = "targets = ['http://$one', { url = 'http://127.0.0.1:1', weight = 0 }]\n\
                        eject = { failures = 1, first = '1h', longest = '1h' }";
        let gateway = Gateway::folder().listener("max_body_bytes = '1KiB'").word("one", address);
        let gateway = gateway.api("api", &api(&format!("{settings}\nprotocol = '{protocol}'"))).start();
        for _ in 0..8 {
            let long = Request::post("/", "text/plain", vec![b'x'; 100_000]).chunked();
            gateway.send(&long).assert_problem(413);
        }
        let downs =
            format!("lockgate_upstream_target_downs_total{{upstream=\"api/main\",target=\"http://{address}\"}}");
        assert_eq!(gateway.metric(&downs), Some(0.0), "{protocol}");
    }
}

#[test]
fn the_addresses_of_a_name_are_passed_over_until_one_answers() {
    // Where the system gives the name addresses of both families, only one of them is listened on.
    let upstream = named("here");
    let settings = format!("targets = ['http://localhost:{}']\ndns_ttl = '1ms'", upstream.address().port());
    let gateway = folder(&settings, &[]).start();
    for _ in 0..4 {
        assert_eq!(gateway.get("/").text(), "here");
    }
}
