//! One process takes the place of another: the same sockets, no connection lost; and a successor that fails changes nothing.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use bytes::Bytes;
use http::Method;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Client, Folder, Gateway, Load, PATIENCE, Request, Upstream, eventually};

/// A gateway whose answers have a field with this text.
fn marked(folder: Folder, mark: &str) -> Folder {
    let policy = format!(
        "[policy.headers]\nsource = \"builtin:headers\"\ngrant = [\"write:x-test-*\"]\n\
         [[chain]]\npolicy = \"headers\"\nconfig = {{ response = {{ set = {{ x-test-mark = \"{mark}\" }} }} }}\n"
    );
    folder.gateway_toml(&policy)
}

fn gateway(upstream: &Upstream) -> Gateway {
    marked(Gateway::folder().proxy(upstream), "old").start()
}

/// Change the folder so that whoever reads it from now on answers with another mark, without the process that serves
/// noticing: what it has read is what it serves until it has looked again.
fn mark(gateway: &Gateway, text: &str) {
    let path = gateway.policies().join("gateway.toml");
    let before = fs::read_to_string(path).unwrap();
    gateway.write("gateway.toml", &before.replace("\"old\"", &format!("\"{text}\"")));
}

/// Returns what was sent, once it is complete.
fn returning() -> Upstream {
    Upstream::with(|exchange| {
        let body = exchange.body()?;
        exchange.reply(200, &[], &body)
    })
}

#[test]
fn what_the_old_process_has_begun_it_ends_and_all_else_is_the_new_ones() {
    let upstream = returning();
    let mut gateway = gateway(&upstream);
    let (public, admin, token) = (gateway.public(), gateway.admin_address(), gateway.admin_token());
    let mut upload = gateway.connect();
    upload.send_only(&Request::new("POST", "/").field("content-length", "8")).unwrap();
    upload.write(b"half");
    let mut streams = Http2Client::connect(public);
    let request = streams.request(Method::POST, "/");
    let (response, mut sending) = streams.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"half"), false).unwrap();
    assert_eq!(streams.get("/").status, 200);
    let mut kept = gateway.connect();
    kept.send(&Request::get("/")).assert_status(200);

    let old = gateway.succeed();
    assert_eq!((gateway.public(), gateway.admin_address(), gateway.admin_token()), (public, admin, token));
    eventually("the old process to know that it is over", || {
        let last = kept.send(&Request::get("/"));
        last.assert_status(200);
        (last.field("connection") == Some("close")).then_some(())
    });
    upload.write(b"half");
    assert_eq!(upload.receive("POST").unwrap().text(), "halfhalf");
    sending.send_data(Bytes::from_static(b"half"), true).unwrap();
    assert_eq!(streams.wait(read(response)).unwrap().body, "halfhalf");
    streams.ended().unwrap();
    assert_eq!(old.wait_for_end().code(), Some(0));
    // What is asked now the new process alone can answer.
    gateway.get("/").assert_status(200);
    assert_eq!(gateway.status()["generation"], 1);
    assert_eq!(gateway.metric("lockgate_generation"), Some(1.0));
    mark(&gateway, "new");
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/").field("x-test-mark"), Some("new"));
}

#[test]
fn nobody_notices_under_load_that_one_process_follows_another() {
    const ROUNDS: usize = 4;
    let upstream = returning();
    let mut gateway = gateway(&upstream);
    let public = gateway.public();
    let load = Load::start(9, |number| {
        move |pace| {
            let mut answered = 0;
            let mut kept: Option<Client> = None;
            let mut streams: Option<Http2Client> = None;
            while pace.goes_on() {
                match number % 3 {
                    // Each request on a connection of its own.
                    0 => Client::connect(public).send(&Request::get("/")).assert_status(200),
                    // As many on a connection as it is said to be good for.
                    1 => {
                        let client = kept.get_or_insert_with(|| Client::connect(public));
                        let response = client.send(&Request::post("/", "text/plain", vec![b'x'; 50_000]));
                        assert_eq!((response.status, response.body.len()), (200, 50_000));
                        if response.field("connection") == Some("close") {
                            kept = None;
                        }
                    }
                    // Streams until the connection goes away, which may be between two.
                    _ => {
                        let client = streams.get_or_insert_with(|| Http2Client::connect(public));
                        let request = client.request(Method::POST, "/");
                        match client.try_send(request, "body", None) {
                            Ok(response) => {
                                assert_eq!((response.status.as_u16(), &*response.body), (200, &b"body"[..]))
                            }
                            Err(error) => {
                                assert!(error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR), "{error}");
                                streams = None;
                            }
                        }
                    }
                }
                answered += 1;
                pace.did();
            }
            answered
        }
    });
    for _ in 0..ROUNDS {
        load.wait_for_more(200);
        let old = gateway.succeed();
        load.wait_for_more(200);
        assert_eq!(old.wait_for_end().code(), Some(0));
    }
    assert!(load.stop().into_iter().all(|answered: usize| answered > 0));
}

#[test]
fn a_successor_that_cannot_serve_leaves_the_old_process_as_it_was() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let mut kept = gateway.connect();
    kept.send(&Request::get("/")).assert_status(200);
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = |text: &str| {
        let folder =
            Gateway::folder().proxy(&upstream).variable("STATE_DIRECTORY", gateway.state("").to_str().unwrap());
        folder.write("gateway.toml", text);
        folder.replace("components/broken.wasm", b"broken");
        folder.run(&["run", "--takeover"])
    };
    other(&format!("{text}nonsense = 1\n")).assert(1, &["nonsense"]);
    let address = format!("[admin]\naddress = \"{}\"", taken.local_addr().unwrap());
    other(&text.replace("[admin]\naddress = \"127.0.0.1:0\"", &address)).assert(1, &["cannot listen on"]);
    let listener = format!("{text}[listen.more]\naddress = \"{}\"\n", taken.local_addr().unwrap());
    other(&listener).assert(1, &["is taken"]);
    other(&text.replace("builtin:headers", "file:components/broken.wasm")).assert(1, &["cannot be used"]);

    let response = kept.send(&Request::get("/"));
    assert_eq!((response.status, response.field("connection")), (200, None));
    gateway.get("/").assert_status(200);
    // It follows its folder, and has its state directory for itself.
    mark(&gateway, "changed");
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/").field("x-test-mark"), Some("changed"));
    gateway.run(&["run"]).assert(1, &["another gateway uses"]);
}

#[test]
fn without_a_gateway_that_serves_there_is_nothing_to_take_over() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    gateway.run(&["run", "--takeover"]).assert(1, &["no gateway serves", "--takeover"]);
}

#[test]
fn listeners_and_workers_may_be_others_in_the_new_process() {
    let upstream = Upstream::echo();
    let folder = Gateway::folder().proxy(&upstream);
    let path = folder.root().join("local.sock");
    let toml = |workers: u32, rest: &str| {
        format!(
            "[admin]\naddress = \"127.0.0.1:0\"\n[runtime]\nworkers = {workers}\n[listen.public]\naddress = \"127.0.0.1:0\"\n{rest}"
        )
    };
    let local = format!("[listen.local]\naddress = \"unix:{}\"\n", path.display());
    let side = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    folder.write("gateway.toml", &toml(3, &format!("{local}[listen.side]\naddress = \"{side}\"\n")));
    let mut gateway = folder.start();
    let ask = |gateway: &Gateway| {
        (0..12).for_each(|_| gateway.get("/").assert_status(200));
        let stream = UnixStream::connect(&path).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client::inside(gateway.public(), stream).send(&Request::get("/")).assert_status(200);
    };
    ask(&gateway);
    Client::connect(side).send(&Request::get("/")).assert_status(200);
    // Neither the number of workers nor what is gone matters to who connects. The process that serves refuses the
    // change.
    for workers in [1, 5] {
        gateway.write("gateway.toml", &toml(workers, &local));
        let old = gateway.succeed();
        assert_eq!(old.wait_for_end().code(), Some(0));
        ask(&gateway);
        assert!(std::net::TcpStream::connect(side).is_err(), "nobody listens there any more");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    }
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    assert!(!path.exists(), "the file of the socket was not taken over");
}
