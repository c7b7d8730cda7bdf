//! Listeners that come, go and change while the gateway runs: nobody who got in is thrown out.

use std::io::{ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::{fs, io};

use bytes::Bytes;
use http::Method;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Client, Folder, Gateway, Load, PATIENCE, Request, Upstream, eventually};

/// A `gateway.toml` of these listeners, on top of which an admin listener comes.
fn toml(listeners: &str) -> String {
    format!("[admin]\naddress = \"127.0.0.1:0\"\n[listen.public]\naddress = \"127.0.0.1:0\"\n{listeners}")
}

/// The listener most of these journeys are about.
const SIDE: &str = "[listen.side]\naddress = \"127.0.0.1:0\"\n";

fn folder(listeners: &str, upstream: &Upstream) -> Folder {
    let folder = Gateway::folder().proxy(upstream);
    folder.write("gateway.toml", &toml(listeners));
    folder
}

/// Where a listener said in its greeting that it listens.
fn greeted(gateway: &Gateway, name: &str) -> SocketAddr {
    let greeting = gateway.greeting();
    let mut lines = greeting.lines().filter_map(|line| line.trim().strip_prefix(name));
    lines.find_map(|rest| rest.trim().strip_prefix("http://")?.parse().ok()).expect("it does not listen")
}

/// Have other listeners, from generation `number` on.
fn change(gateway: &Gateway, listeners: &str, number: u64) {
    gateway.write("gateway.toml", &toml(listeners));
    gateway.wait_for_generation(number);
}

/// An address nobody has just now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn refuses(address: SocketAddr) {
    eventually("it to be refused", || {
        TcpStream::connect(address).err().filter(|error| error.kind() == ErrorKind::ConnectionRefused)
    });
}

/// Answers with the body, once there is all of it.
fn returning() -> Upstream {
    Upstream::with(|exchange| {
        let body = exchange.body()?;
        exchange.reply(200, &[], &body)
    })
}

#[test]
fn a_listener_that_is_added_serves_from_then_on() {
    let upstream = Upstream::echo();
    let gateway = folder("", &upstream).start();
    let mut before = gateway.connect();
    before.send(&Request::get("/")).assert_status(200);
    change(&gateway, SIDE, 2);
    let address = gateway.wait_for_log("it to listen", |line| {
        let listens = line["message"] == "listens" && line["listener"] == "side";
        listens.then(|| line["address"].as_str()?.parse::<SocketAddr>().ok())?
    });
    let mut side = Client::connect(address);
    side.send(&Request::get("/")).assert_status(200);
    assert_eq!(gateway.metric("lockgate_connections{listener=\"side\"}"), Some(1.0));
    before.send(&Request::get("/")).assert_status(200);
}

#[test]
fn a_listener_that_is_removed_ends_what_it_has_begun_and_nothing_else() {
    let upstream = returning();
    let gateway = folder(SIDE, &upstream).start();
    let side = greeted(&gateway, "side");
    let mut upload = Client::connect(side);
    upload.send_only(&Request::new("POST", "/").field("content-length", "8")).unwrap();
    upload.write(b"half");
    let mut streams = Http2Client::connect(side);
    let request = streams.request(Method::POST, "/");
    let (response, mut sending) = streams.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"half"), false).unwrap();
    assert_eq!(streams.get("/").status, 200);
    let (mut kept, mut idle, mut other) = (Client::connect(side), Client::connect(side), gateway.connect());
    for client in [&mut kept, &mut idle, &mut other] {
        client.send(&Request::get("/")).assert_status(200);
    }

    change(&gateway, "", 2);
    let last = kept.send(&Request::get("/"));
    last.assert_status(200);
    assert_eq!(last.field("connection"), Some("close"));
    assert_eq!((kept.until_closed(), idle.until_closed()), (vec![], vec![]));
    upload.write(b"half");
    let uploaded = upload.receive("POST").unwrap();
    assert_eq!((uploaded.text().as_str(), uploaded.field("connection")), ("halfhalf", Some("close")));
    sending.send_data(Bytes::from_static(b"half"), true).unwrap();
    assert_eq!(streams.wait(read(response)).unwrap().body, "halfhalf");
    streams.ended().unwrap();
    refuses(side);
    let response = other.send(&Request::get("/"));
    assert_eq!((response.status, response.field("connection")), (200, None));
    // Its numbers go with the next change.
    change(&gateway, "max_headers = 99\n", 3);
    assert_eq!(gateway.metric("lockgate_connections{listener=\"side\"}"), None);
}

#[test]
fn what_hangs_on_a_listener_that_is_removed_is_cut_off_when_the_time_is_over() {
    let upstream = Upstream::silent();
    let gateway = folder(&format!("{SIDE}[runtime]\ndrain = \"300ms\"\n"), &upstream).start();
    let (mut gone, mut stays) = (Client::connect(greeted(&gateway, "side")), gateway.connect());
    gone.send_only(&Request::get("/gone")).unwrap();
    stays.send_only(&Request::get("/stays")).unwrap();
    upstream.wait_for_requests(2);
    change(&gateway, "[runtime]\ndrain = \"300ms\"\n", 2);
    assert_eq!(gone.until_closed(), b"");
    let line = gateway.access_log("/gone");
    assert_eq!((&line["class"], &line["blame"]), (&"drain_cut".into(), &"gateway".into()), "{line}");
    assert_eq!(gateway.metric("lockgate_requests_under_way"), Some(1.0));
    drop(stays);
    assert_eq!(gateway.access_log("/stays")["class"], "client_gone");
}

/// Ask on a connection of its own; none where that was refused. Whoever got in must get an answer.
fn knock(address: SocketAddr) -> Option<()> {
    let stream = match TcpStream::connect(address) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => return None,
        stream => stream.unwrap(),
    };
    Client::over(stream).send(&Request::get("/")).assert_status(200);
    Some(())
}

#[test]
fn nobody_who_got_in_is_reset_when_a_listener_comes_and_goes() {
    const ROUNDS: u64 = 6;
    let (upstream, side) = (Upstream::echo(), free());
    let listener = format!("[listen.side]\naddress = \"{side}\"\n");
    let gateway = folder(&listener, &upstream).start();
    let public = gateway.public();
    let load = Load::start(8, |number| {
        move |pace| {
            let (mut answered, mut refused) = (0, 0);
            while pace.goes_on() {
                match knock(if number == 0 { public } else { side }) {
                    Some(()) => answered += 1,
                    None => refused += 1,
                }
                pace.did();
            }
            (number, answered, refused)
        }
    });
    for round in 1..=ROUNDS {
        load.wait_for_more(200);
        change(&gateway, "", round * 2);
        refuses(side);
        change(&gateway, &listener, round * 2 + 1);
        eventually("it to be back", || knock(side));
    }
    for (number, answered, refused) in load.stop() {
        assert!(answered > 0 && (number > 0 || refused == 0), "{number}: {answered} and {refused}");
    }
}

#[test]
fn settings_that_change_are_those_of_later_connections() {
    let upstream = Upstream::echo();
    let gateway = folder("", &upstream).start();
    let many = (0..9).fold(Request::get("/"), |request, at| request.field(&format!("x-{at}"), "x"));
    let mut before = gateway.connect();
    before.send(&many).assert_status(200);
    let mut streams = Http2Client::connect(gateway.public());
    assert_eq!(streams.get("/").status, 200);
    change(&gateway, "max_headers = 5\nmax_connections = 3\nmax_connections_per_address = 3\n", 2);
    before.send(&many).assert_status(200);
    assert_eq!(streams.get("/").status, 200);
    let mut later = gateway.connect();
    later.send(&Request::get("/")).assert_status(200);
    // Those of before count.
    assert_eq!(gateway.connect().send(&Request::get("/")).status, 503);
    later.send(&many).assert_status(431);
    drop(later);
    // What was there under the first settings ends with the process like all else.
    gateway.terminate();
    eventually("the end", || (before.send(&many).field("connection") == Some("close")).then_some(()));
    streams.ended().unwrap();
}

#[test]
fn a_listener_with_another_name_is_the_same_listener() {
    let (upstream, side) = (Upstream::echo(), free());
    let gateway = folder(&format!("[listen.one]\naddress = \"{side}\"\n"), &upstream).start();
    let mut client = Client::connect(side);
    client.send(&Request::get("/")).assert_status(200);
    change(&gateway, &format!("[listen.two]\naddress = \"{side}\"\n"), 2);
    let response = client.send(&Request::get("/"));
    assert_eq!((response.status, response.field("connection")), (200, None));
    let _later = Client::connect(side).send(&Request::get("/"));
    eventually("it to be counted", || gateway.metric("lockgate_connections{listener=\"two\"}"));
}

#[test]
fn a_listener_moves_to_a_narrower_address_of_the_same_port() {
    let (upstream, side) = (Upstream::echo(), free());
    let gateway = folder(&format!("[listen.side]\naddress = \"0.0.0.0:{}\"\n", side.port()), &upstream).start();
    knock(side).unwrap();
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], side.port()));
    knock(elsewhere).unwrap();
    change(&gateway, &format!("[listen.side]\naddress = \"{side}\"\n"), 2);
    knock(side).unwrap();
    refuses(elsewhere);
}

#[test]
fn an_address_that_is_taken_is_a_fault_and_everything_stays_as_it_was() {
    let upstream = Upstream::echo();
    let gateway = folder(SIDE, &upstream).start();
    let side = greeted(&gateway, "side");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let wanted = format!("max_headers = 1\n[listen.wanted]\naddress = \"{}\"\n", taken.local_addr().unwrap());
    gateway.write("gateway.toml", &toml(&wanted));
    let fault = gateway.wait_for_refusal()["faults"][0].clone();
    assert_eq!((&fault["file"], &fault["key"]), (&"gateway.toml".into(), &"listen.wanted.address".into()));
    assert_eq!(fault["line"], 6);
    assert!(fault["reason"].as_str().unwrap().contains("is taken"), "{fault}");
    for address in [side, gateway.public()] {
        let several = Request::get("/").field("x-one", "1").field("x-two", "2");
        Client::connect(address).send(&several).assert_status(200);
    }
    drop(taken);
    change(&gateway, &wanted, 2);
    refuses(side);
}

#[test]
fn where_the_command_line_says_where_to_listen_there_is_one_listener() {
    let (upstream, here) = (Upstream::echo(), free());
    let folder = Gateway::folder().proxy(&upstream);
    let running = folder.begin(&["run", "--listen", &here.to_string()]);
    let ready = |line: &str| line.starts_with("Ready").then_some(());
    assert!(running.stdout.until(ready).1.is_some());
    folder.write("gateway.toml", &toml("max_headers = 1\n"));
    let several = Request::get("/").field("x-one", "1").field("x-two", "2");
    eventually("its settings to change", || (Client::connect(here).send(&several).status == 431).then_some(()));
    folder.write("gateway.toml", &toml(SIDE));
    let said = |line: &str| line.contains("--listen is for one listener").then_some(());
    running.stderr.wait(0, "a refusal", said);
    assert!(running.interrupt().success());
}

fn local(path: &std::path::Path) -> io::Result<Client<UnixStream>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(Client::inside(SocketAddr::from(([0; 4], 80)), stream))
}

#[test]
fn a_unix_socket_comes_and_goes_with_its_file() {
    let upstream = Upstream::echo();
    let gateway = folder("", &upstream).start();
    let path = gateway.root().join("local.sock");
    let listener = |mode: &str| format!("[listen.local]\naddress = \"unix:{}\"\nmode = \"{mode}\"\n", path.display());
    change(&gateway, &listener("0660"), 2);
    let mut client = local(&path).unwrap();
    client.send(&Request::get("/")).assert_status(200);
    change(&gateway, &listener("0600"), 3);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let mut half = local(&path).unwrap();
    half.stream().write_all(b"GET / HTTP/1.1\r\n").unwrap();
    change(&gateway, "", 4);
    assert!(!path.exists(), "the file is left behind");
    half.stream().write_all(b"host: a\r\n\r\n").unwrap();
    for mut client in [client, half] {
        let response = client.receive("GET");
        // The first had been answered before.
        if let Ok(response) = response {
            assert_eq!((response.status, response.field("connection")), (200, Some("close")));
        }
        assert_eq!(client.until_closed(), b"");
    }
    gateway.get("/").assert_status(200);
}
