//! Upstreams that swallow what is sent to them: nobody else suffers, and nothing grows without bounds.

use lockgate_tests::{Client, Gateway, Load, Request, Upstream, allow_open_files};

use crate::timeouts::full_listener;

const MANY: usize = 1000;
const KIB: u64 = 1024;
/// For one request that waits, its connections included.
const MOST: u64 = 80 * KIB;

/// A route `/hole` with these settings of its upstream, and a route `/other` that has nothing to do with it.
fn gateway(settings: &str, words: &[(&str, String)], other: &Upstream) -> Gateway {
    let folder = Gateway::folder().word("settings", settings).upstream(other);
    words
        .iter()
        .fold(folder, |folder, (word, meaning)| folder.word(word, meaning))
        .api(
            "api",
            r#"
            name = "api"
            version = "1"
            [[route]]
            name = "hole"
            match = { path = "/hole" }
            upstream = "hole"
            [[route]]
            name = "other"
            match = { path = "/other" }
            upstream = "other"
            [upstream.other]
            targets = ["http://$upstream"]
            [upstream.hole]
            $settings
            "#,
        )
        .start()
}

/// So many requests at once, each on a connection of its own.
fn ask(gateway: &Gateway, count: usize) -> Vec<Client> {
    let ask = |_| {
        let mut client = gateway.connect();
        client.send_only(&Request::get("/hole")).unwrap();
        client
    };
    (0..count).map(ask).collect()
}

fn statuses(clients: &mut [Client]) -> Vec<u16> {
    clients.iter_mut().map(|client| client.receive("GET").unwrap().status).collect()
}

#[test]
fn a_target_that_takes_no_connections_costs_no_request_where_another_does() {
    let (hole, _filling) = full_listener();
    let address = hole.local_addr().unwrap().as_socket().unwrap().to_string();
    let good = Upstream::answering(200, &[], "good");
    let settings = "targets = ['http://$swallow', 'http://$good']\ntimeouts = { connect = '200ms' }\n\
                    eject = { failures = 3, first = '1h', longest = '1h' }";
    let words = [("swallow", address.clone()), ("good", good.address().to_string())];
    let gateway = gateway(settings, &words, &good);
    let load = Load::start(8, |number| {
        let mut client = gateway.connect();
        move |_| {
            for _ in 0..25 {
                let request = if number % 2 == 0 { Request::get("/hole") } else { Request::new("POST", "/hole") };
                client.send(&request).assert_status(200);
            }
        }
    });
    load.join();
    assert_eq!(good.requests(), 8 * 25);
    let up = format!("lockgate_upstream_target_up{{upstream=\"api/hole\",target=\"http://{address}\"}}");
    assert_eq!(gateway.metric(&up), Some(0.0));
}

#[test]
fn a_thousand_requests_into_a_black_hole_are_answered_within_its_limits() {
    let (hole, _filling) = full_listener();
    let address = hole.local_addr().unwrap().as_socket().unwrap().to_string();
    let other = Upstream::answering(200, &[], "other");
    let settings = "targets = ['http://$swallow']\ntimeouts = { connect = '2s' }\nlimits = { max_requests = 100 }";
    let gateway = gateway(settings, &[("swallow", address)], &other);
    let mut clients = ask(&gateway, MANY);
    gateway.get("/other").assert_status(200);
    let statuses = statuses(&mut clients);
    let refused = statuses.iter().filter(|status| **status == 503).count();
    let late = statuses.iter().filter(|status| **status == 504).count();
    assert_eq!(refused + late, MANY, "{statuses:?}");
    assert!(late >= 100 && refused > 0, "{late} were let in, {refused} refused");
}

#[test]
fn a_thousand_requests_that_wait_for_an_answer_cost_little_and_get_a_504() {
    allow_open_files(8 * MANY as u64);
    let (silent, other) = (Upstream::silent(), Upstream::answering(200, &[], "other"));
    let settings = "targets = ['http://$swallow']\ntimeouts = { first_byte = '5s' }\neject = { failures = 0 }";
    let gateway = gateway(settings, &[("swallow", silent.address().to_string())], &other);
    gateway.get("/other").assert_status(200);
    let (before, _) = gateway.memory();
    let mut clients = ask(&gateway, MANY);
    silent.wait_for_requests(MANY);
    gateway.get("/other").assert_status(200);
    let statuses = statuses(&mut clients);
    assert!(statuses.iter().all(|status| *status == 504), "{statuses:?}");
    let each = gateway.memory().1.saturating_sub(before) / MANY as u64;
    println!("{MANY} requests that wait: {each} bytes each");
    assert!(each <= MOST, "a request that waits costs {each} bytes");
}
