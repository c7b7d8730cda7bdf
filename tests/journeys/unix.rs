//! Unix sockets: to listen on, and to reach upstreams by.

use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::{fs, io, thread};

use lockgate_tests::{Client, Folder, Gateway, PATIENCE, Request, Upstream};

/// A folder with a listener on a Unix socket beside the usual one.
fn listening(settings: &str, rest: &str, upstream: &Upstream) -> Folder {
    let folder = Gateway::folder();
    let root = folder.root().display().to_string();
    folder
        .word("root", root)
        .gateway_toml(&format!("{rest}\n[listen.local]\naddress = \"unix:$root/local.sock\"\n{settings}\n"))
        .proxy(upstream)
}

fn socket(folder: &Folder) -> PathBuf {
    folder.root().join("local.sock")
}

fn connect(path: &Path) -> io::Result<Client<UnixStream>> {
    let stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(Client::inside(SocketAddr::from(([0; 4], 80)), stream))
}

/// What an upstream says on a Unix socket.
fn relay(path: &Path, upstream: SocketAddr) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = TcpStream::connect(upstream).unwrap();
            let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
            thread::spawn(move || drop(io::copy(&mut from, &mut to)));
            thread::spawn(move || drop(io::copy(&mut &far, &mut &near)));
        }
    });
}

#[test]
fn requests_are_served_on_a_unix_socket_whose_peers_have_no_address() {
    let upstream = Upstream::echo();
    let mut gateway = listening("", "[forwarding]\nsend = ['x-forwarded', 'forwarded']", &upstream).start();
    let path = socket(&gateway);
    let metadata = fs::symlink_metadata(&path).unwrap();
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o660);
    let mut client = connect(&path).unwrap();
    for _ in 0..2 {
        let response = client.send(&Request::get("/local").field("x-forwarded-for", "203.0.113.7").field("host", "a"));
        response.assert_status(200);
        assert!(response.echoed("x-forwarded-for").is_empty());
        assert_eq!(response.echoed("x-forwarded-proto"), ["http"]);
        assert_eq!(response.echoed("forwarded"), ["for=unknown;host=a;proto=http"]);
    }
    assert!(gateway.access_log("/local")["client"].is_null());
    assert!(gateway.greeting().contains("local.sock"), "{}", gateway.greeting());
    assert_eq!(gateway.metric("lockgate_connections{listener=\"local\"}"), Some(1.0));
    drop(client);
    gateway.terminate();
    assert!(gateway.wait_for_end().success());
    assert!(!path.exists(), "the socket is left behind");
}

#[test]
fn peers_on_unix_sockets_can_be_trusted() {
    let upstream = Upstream::echo();
    let gateway = listening("mode = \"0600\"", "[forwarding]\ntrusted = ['unix', '10.0.0.0/8']", &upstream).start();
    let path = socket(&gateway);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let request = Request::get("/named").field("x-forwarded-for", "1.1.1.1, 203.0.113.7, 10.0.0.1");
    let response = connect(&path).unwrap().send(&request);
    assert_eq!(response.echoed("x-forwarded-for"), ["203.0.113.7, 10.0.0.1"]);
    assert_eq!(gateway.access_log("/named")["client"], "203.0.113.0/24");
    // Nobody said who this is.
    let response = connect(&path).unwrap().send(&Request::get("/"));
    assert!(response.echoed("x-forwarded-for").is_empty());
}

#[test]
fn a_proxy_can_announce_clients_on_a_unix_socket() {
    let upstream = Upstream::echo();
    let gateway = listening("proxy_protocol = true", "[forwarding]\ntrusted = ['unix']", &upstream).start();
    let mut client = connect(&socket(&gateway)).unwrap();
    client.write(b"PROXY TCP4 192.0.2.77 192.0.2.2 56324 443\r\n");
    assert_eq!(client.send(&Request::get("/")).echoed("x-forwarded-for"), ["192.0.2.77"]);
}

#[test]
fn what_a_killed_gateway_leaves_is_replaced_and_a_running_one_is_not() {
    let upstream = Upstream::echo();
    let mut gateway = listening("", "", &upstream).start();
    let path = socket(&gateway);
    let second = Gateway::folder();
    let second = second.word("path", path.display()).gateway_toml("[listen.local]\naddress = \"unix:$path\"\n");
    second.run(&["run"]).assert(1, &["local.sock is taken", "[listen.local] address"]);
    connect(&path).unwrap().send(&Request::get("/")).assert_status(200);
    gateway.signal(rustix::process::Signal::KILL);
    gateway.restart();
    connect(&path).unwrap().send(&Request::get("/")).assert_status(200);
}

#[test]
fn an_upstream_is_reached_by_a_unix_socket_the_operator_names() {
    let upstream = Upstream::echo();
    let folder = Gateway::folder();
    let path = folder.root().join("app.sock");
    relay(&path, upstream.address());
    let api = r#"
        name = "app"
        version = "1"
        [upstream.app]
        targets = ["unix:$root/app.sock"]
        [upstream.gone]
        targets = ["unix:$root/gone.sock"]
        [[route]]
        name = "app"
        match = { path = "/app" }
        upstream = "app"
        [[route]]
        name = "gone"
        match = { path = "/gone" }
        upstream = "gone"
        "#;
    let root = folder.root().display().to_string();
    let gateway = folder
        .word("root", root)
        .gateway_toml("[upstreams]\nsockets = [\"unix:$root/app.sock\", \"unix:$root/gone.sock\"]\n")
        .api("app", api)
        .start();
    let mut client = gateway.connect();
    for _ in 0..2 {
        let response = client.send(&Request::post("/app", "text/plain", "body").field("host", "pets.example"));
        response.assert_status(200);
        assert_eq!(response.json()["body"], "body");
        assert_eq!(response.echoed("host"), ["pets.example"]);
        assert_eq!(response.echoed("x-forwarded-for"), ["127.0.0.1"]);
    }
    assert_eq!(upstream.connections(), 1, "the connection is used again");
    gateway.get("/gone").assert_problem(502);
}

#[test]
fn no_api_reaches_a_unix_socket_by_itself() {
    let folder = Gateway::folder().api(
        "app",
        "name = \"app\"\nversion = \"1\"\n[upstream.app]\ntargets = [\"unix:/run/docker.sock\"]\n\
         [[route]]\nname = \"app\"\nmatch = { path = \"/\" }\nupstream = \"app\"\n",
    );
    folder.run(&["check"]).assert(1, &["upstream.app.targets[0]: is not among [upstreams] sockets"]);
}
