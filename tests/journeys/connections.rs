//! How many connections there may be, in all and from one address, and what becomes of more.

use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;

use lockgate_tests::{Client, Gateway, PATIENCE, Request, Upstream, eventually};
use socket2::{Domain, Socket, Type};

fn refused(gateway: &Gateway, reason: &str) -> f64 {
    gateway.metric(&format!("lockgate_refused_total{{listener=\"public\",reason=\"{reason}\"}}")).unwrap_or_default()
}

/// A connection that is served, and so has been counted.
fn served(mut client: Client) -> Client {
    client.send(&Request::get("/")).assert_status(200);
    client
}

/// Check that a connection is answered by what those get for whom there is no room, and closed.
#[track_caller]
fn assert_turned_away(mut client: Client) {
    let response = client.send(&Request::get("/"));
    assert_eq!(response.status, 503);
    assert_eq!(response.field("connection"), Some("close"));
    assert_eq!(response.field("content-type"), Some("application/problem+json"));
    assert!(response.field("retry-after").is_some());
    assert_eq!(response.json()["status"], 503);
    assert_eq!(client.until_closed(), b"");
}

/// A connection from another address of this machine.
fn connect_from(address: &str, gateway: &Gateway) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(address.parse::<IpAddr>().unwrap(), 0).into()).unwrap();
    socket.connect(&gateway.public().into()).unwrap();
    Client::over(socket.into())
}

#[test]
fn a_connection_beyond_the_limit_is_told_so_at_once_and_makes_nobody_wait() {
    let upstream = Upstream::echo();
    let gateway =
        Gateway::folder().listener("max_connections = 2\nmax_connections_per_address = 10").proxy(&upstream).start();
    let (first, mut second) = (served(gateway.connect()), served(gateway.connect()));
    for _ in 0..3 {
        assert_turned_away(gateway.connect());
    }
    second.send(&Request::get("/")).assert_status(200);
    assert_eq!((refused(&gateway, "connections"), refused(&gateway, "address")), (3.0, 0.0));
    let line = gateway.access_log_of("class", &"connections".into());
    assert_eq!((&line["blame"], &line["client"]), (&"client".into(), &"127.0.0.0/24".into()));
    drop(first);
    eventually("room for another", || (gateway.get("/").status == 200).then_some(()));
}

#[test]
fn an_address_has_its_share_and_others_have_theirs() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_connections_per_address = 2").proxy(&upstream).start();
    let (first, _second) = (served(gateway.connect()), served(gateway.connect()));
    assert_turned_away(gateway.connect());
    assert_eq!(refused(&gateway, "address"), 1.0);
    let _other = served(connect_from("127.0.0.2", &gateway));
    drop(first);
    eventually("room for another", || (gateway.get("/").status == 200).then_some(()));
}

#[test]
fn without_a_word_about_it_no_address_has_more_than_a_quarter() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_connections = 8").proxy(&upstream).start();
    let _two = (served(gateway.connect()), served(gateway.connect()));
    assert_turned_away(gateway.connect());
    let _other = served(connect_from("127.0.0.2", &gateway));
}

#[test]
fn behind_a_proxy_that_announces_them_clients_are_counted_and_the_proxy_is_not() {
    let upstream = Upstream::echo();
    let listener = "proxy_protocol = true\nmax_connections_per_address = 2";
    let gateway = Gateway::folder().listener(listener).proxy(&upstream).start();
    let announced = |client: &str| {
        let mut connection = gateway.connect();
        connection.write(format!("PROXY TCP6 {client} ::1 1 2\r\n").as_bytes());
        connection
    };
    let _of_one = (served(announced("2001:db8::1")), served(announced("2001:db8::2")));
    // The same 64 bits, so most likely the same subscriber.
    assert_eq!(announced("2001:db8::ffff:3").until_closed(), b"");
    eventually("it to be counted", || (refused(&gateway, "address") == 1.0).then_some(()));
    assert_eq!(gateway.access_log_of("class", &"address".into())["client"], "2001:db8::/48");
    let _of_another = (served(announced("2001:db8:0:1::1")), served(announced("2001:db8:0:2::1")));
}

#[test]
fn proxies_that_are_trusted_may_have_any_number() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .listener("max_connections_per_address = 1")
        .gateway_toml("[forwarding]\ntrusted = ['127.0.0.1']\n")
        .proxy(&upstream)
        .start();
    let _many: Vec<_> = (0..5).map(|_| served(gateway.connect())).collect();
    let _one = served(connect_from("127.0.0.2", &gateway));
    assert_turned_away(connect_from("127.0.0.2", &gateway));
}

#[test]
fn peers_on_unix_sockets_have_no_address_to_be_counted_by() {
    let upstream = Upstream::echo();
    let folder = Gateway::folder();
    let path = folder.root().join("local.sock");
    let listener = format!("[listen.local]\naddress = \"unix:{}\"\nmax_connections_per_address = 1\n", path.display());
    let gateway = folder.gateway_toml(&listener).proxy(&upstream).start();
    let connect = || {
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut client = Client::inside(gateway.public(), stream);
        client.send(&Request::get("/")).assert_status(200);
        client
    };
    let _many: Vec<_> = (0..5).map(|_| connect()).collect();
}

#[test]
fn a_flood_of_connections_leaves_a_few_lines_in_the_log_and_is_counted_whole() {
    const FLOOD: usize = 1000;
    let upstream = Upstream::echo();
    let mut gateway = Gateway::folder()
        .listener("max_connections = 1")
        .gateway_toml("[runtime]\nworkers = 1")
        .proxy(&upstream)
        .start();
    let _held = served(gateway.connect());
    for _ in 0..FLOOD {
        gateway.connect().until_closed();
    }
    assert_eq!(refused(&gateway, "connections"), FLOOD as f64);
    let written = gateway.all_written();
    let lines = written.lines().filter(|line| line.contains("\"class\":\"connections\"")).count();
    assert!((1..FLOOD / 2).contains(&lines), "{lines} lines");
}

#[test]
fn whoever_sends_a_whole_request_at_once_reads_that_there_is_no_room_and_is_not_reset() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().listener("max_connections = 1").proxy(&upstream).start();
    let _held = served(gateway.connect());
    for _ in 0..50 {
        let mut client = gateway.connect();
        client.send_only(&Request::new("POST", "/").body(vec![b'x'; 16 << 10])).unwrap();
        let response = client.receive("POST").unwrap();
        assert_eq!((response.status, &response.json()["status"]), (503, &503.into()));
        assert_eq!(client.reader().read(&mut [0]).unwrap(), 0, "the end, not a reset");
    }
    // Nor is one that is told before it has said all, nor one that has not begun.
    for begun in ["", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 16384\r\n\r\n"] {
        let mut client = gateway.connect();
        client.write(begun.as_bytes());
        assert_eq!(client.receive("POST").unwrap().status, 503);
        client.write(&[b'x'; 16 << 10]);
        client.stream().shutdown(Shutdown::Write).unwrap();
        assert_eq!(client.reader().read(&mut [0]).unwrap(), 0, "the end, not a reset");
    }
}

#[test]
fn only_so_many_that_are_turned_away_are_listened_to_for_a_while() {
    const MOST: usize = 128;
    let upstream = Upstream::echo();
    let gateway = Gateway::folder()
        .listener("max_connections = 1")
        .gateway_toml("[runtime]\nworkers = 1")
        .proxy(&upstream)
        .start();
    let _held = served(gateway.connect());
    let before = gateway.open_files();
    let mut told: Vec<_> = (0..3 * MOST).map(|_| gateway.connect()).collect();
    for client in &mut told {
        assert_eq!(client.receive("GET").unwrap().status, 503);
    }
    // The last may be about to be closed, and the gateway opens a file of its own now and then.
    let open = gateway.open_files();
    assert!(open < before + 2 * MOST, "{open}, {before} of them before");
    eventually("them to be closed, whatever they do", || (gateway.open_files() <= before).then_some(()));
}

#[test]
fn a_gateway_without_descriptors_says_so_now_and_then_and_serves_again_once_it_has_some() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml("[runtime]\nworkers = 1").proxy(&upstream).start();
    let scrape = Request::get("/metrics").bearer(&gateway.admin_token());
    // One connection for all: there is no other.
    let mut admin = Client::connect(gateway.admin_address());
    admin.send(&scrape).assert_status(200);
    gateway.limit_files(Some(3));
    let mut waiting = gateway.connect();
    waiting.send_only(&Request::get("/")).unwrap();
    let failures = eventually("some accepts to fail", || {
        let metrics = admin.send(&scrape).text();
        let mut counts = metrics.lines().filter_map(|line| {
            line.strip_prefix("lockgate_accept_failures_total{listener=\"public\"} ")?.parse::<u64>().ok()
        });
        counts.next().filter(|count| *count >= 10)
    });
    let told = gateway.written().lines().filter(|line| line.contains("could not be accepted")).count() as u64;
    assert!((1..failures / 2).contains(&told), "{told} of {failures}");
    gateway.limit_files(None);
    waiting.receive("GET").unwrap().assert_status(200);
}

#[test]
fn the_system_asks_silent_peers_whether_they_are_still_there() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let mut client = served(gateway.connect());
    let (near, far) = (client.stream().peer_addr().unwrap().port(), client.stream().local_addr().unwrap().port());
    // Ports in hexadecimal; the timer 02 is that of probes.
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().map(|row| row.split_whitespace().collect::<Vec<_>>());
    let ours: Vec<_> = rows
        .filter(|row| row.len() > 5 && row[1].ends_with(&format!(":{near:04X}")))
        .filter(|row| row[2].ends_with(&format!(":{far:04X}")))
        .collect();
    let timers: HashSet<_> = ours.iter().map(|row| row[5].split(':').next().unwrap()).collect();
    assert_eq!(timers, HashSet::from(["02"]), "{ours:?}");
}
