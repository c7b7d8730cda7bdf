//! How the gateway is run elsewhere: as a service of systemd, in a container, and asked by probes.

mod container;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use lockgate_tests::foreign::tool;
use lockgate_tests::guests::workspace;
use lockgate_tests::{Client, Folder, Gateway, PATIENCE, Request, Upstream, binary, eventually};
use serde_json::Value;

/// Exposure `systemd-analyze security` may find, in tenths; what is left is what a gateway is for, such as the network.
const MOST_EXPOSURE: &str = "17";

fn unit() -> PathBuf {
    workspace().join("host/packaging/lockgate.service")
}

/// The socket of a service manager, and a folder whose gateway tells it things.
fn managed(folder: Folder) -> (UnixDatagram, Folder) {
    let path = folder.root().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    (manager, folder.variable("NOTIFY_SOCKET", path.to_str().unwrap()))
}

/// The next thing the manager is told.
fn told(manager: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 4096];
    let length = manager.recv(&mut buffer).unwrap();
    std::str::from_utf8(&buffer[..length]).unwrap().lines().map(str::to_owned).collect()
}

/// Answers once a body of one byte has come.
fn waiting() -> Upstream {
    Upstream::with(|exchange| {
        exchange.body()?;
        exchange.reply(200, &[], b"late")
    })
}

#[test]
fn the_service_manager_hears_when_the_gateway_serves_and_when_it_drains() {
    let upstream = waiting();
    let (manager, folder) = managed(Gateway::folder().proxy(&upstream));
    let mut gateway = folder.start();
    assert_eq!(told(&manager), ["READY=1", "STATUS=takes requests"]);
    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/").field("content-length", "1")).unwrap();
    upstream.wait_for_requests(1);
    gateway.terminate();
    assert_eq!(told(&manager)[0], "STOPPING=1");
    // It was said when the end began, not when it was there.
    client.write(b"x");
    assert_eq!(client.receive("POST").unwrap().text(), "late");
    assert!(gateway.wait_for_end().success());
}

#[test]
fn a_manager_that_wants_signs_of_life_gets_them() {
    let upstream = Upstream::echo();
    let (manager, folder) = managed(Gateway::folder().proxy(&upstream).variable("WATCHDOG_USEC", "20000"));
    let _gateway = folder.start();
    assert_eq!(told(&manager)[0], "READY=1");
    for _ in 0..3 {
        assert_eq!(told(&manager), ["WATCHDOG=1"]);
    }
}

#[test]
fn a_gateway_that_does_not_start_says_nothing_to_the_manager() {
    let (manager, folder) = managed(Gateway::folder().gateway_toml("nonsense = 1"));
    assert_eq!(folder.run(&["run"]).code, Some(1));
    manager.set_nonblocking(true).unwrap();
    assert!(manager.recv(&mut [0; 64]).is_err());
}

#[test]
fn probes_ask_whether_it_is_ready_or_runs_at_all() {
    let upstream = waiting();
    let mut gateway = Gateway::folder().proxy(&upstream).start();
    let admin = gateway.admin_address().to_string();
    let ask = |gateway: &Gateway, more: &[&str]| gateway.run(&[&["health", "--admin", &admin], more].concat());
    ask(&gateway, &[]).assert(0, &["ready"]);
    ask(&gateway, &["--live"]).assert(0, &["ok"]);

    let mut client = gateway.connect();
    client.send_only(&Request::new("POST", "/").field("content-length", "1")).unwrap();
    upstream.wait_for_requests(1);
    gateway.terminate();
    eventually("the drain", || (ask(&gateway, &[]).code == Some(1)).then_some(()));
    ask(&gateway, &[]).assert(1, &[&admin, "draining"]);
    ask(&gateway, &["--live"]).assert(0, &["ok"]);
    let json: Value = serde_json::from_str(&ask(&gateway, &["--json"]).stdout).unwrap();
    assert_eq!((&json["ok"], &json["status"]), (&false.into(), &503.into()));

    client.write(b"x");
    client.receive("POST").unwrap().assert_status(200);
    assert!(gateway.wait_for_end().success());
    ask(&gateway, &["--live"]).assert(1, &[&admin]);
    let json: Value = serde_json::from_str(&ask(&gateway, &["--json"]).stdout).unwrap();
    assert_eq!((&json["ok"], &json["status"]), (&false.into(), &Value::Null));
}

#[test]
fn systemd_understands_the_unit_and_finds_it_closed() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(unit()).unwrap();
    let installed = text.replace("/usr/bin/lockgate", binary().to_str().unwrap());
    assert_ne!(text, installed, "the unit runs something else");
    let path = folder.path().join("lockgate.service");
    fs::write(&path, installed).unwrap();
    let path = path.to_str().unwrap();
    assert_eq!(tool("systemd-analyze", &["verify", "--man=no", path]), "", "systemd has something to say");
    let socket = folder.path().join("lockgate.socket");
    fs::copy(unit().with_extension("socket"), &socket).unwrap();
    let verify = ["verify", "--man=no", socket.to_str().unwrap()];
    assert_eq!(tool("systemd-analyze", &verify), "", "systemd has something to say");
    tool("systemd-analyze", &["security", "--offline=yes", &format!("--threshold={MOST_EXPOSURE}"), path]);
}

#[test]
fn who_connects_to_a_socket_of_the_service_manager_waits_for_a_gateway() {
    let (upstream, folder) = (Upstream::echo(), Gateway::folder());
    let public = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let toml =
        |rest: &str| format!("[admin]\naddress = \"127.0.0.1:0\"\n[listen.public]\naddress = \"{public}\"\n{rest}");
    let words = ["systemd-socket-activate", "--listen", &public].map(str::to_owned).to_vec();
    let folder = folder.proxy(&upstream).within(words);
    folder.write("gateway.toml", &toml(""));
    let running = folder.begin(&["run"]);
    // It is there before the gateway is, which the first who comes has started.
    let mut client = eventually("the socket", || std::net::TcpStream::connect(&public).ok().map(Client::over));
    client.send(&Request::get("/")).assert_status(200);
    let mut others: Vec<_> = (0..8).map(|_| Client::connect(public.parse().unwrap())).collect();
    others.iter_mut().for_each(|client| client.send(&Request::get("/")).assert_status(200));
    // It is the manager's, so it can be given up and be had again.
    let side = "[listen.side]\naddress = \"127.0.0.1:0\"\n";
    folder.write("gateway.toml", &toml("").replace(&public, "127.0.0.1:0"));
    running.stderr.wait(0, "it to be given up", |line| line.contains("listens no longer").then_some(()));
    folder.write("gateway.toml", &toml(side));
    Client::connect(public.parse().unwrap()).send(&Request::get("/")).assert_status(200);
    assert!(running.interrupt().success());
}

/// The sandbox of the unit, without systemd: no privileges, nothing to write but the state, and its filter of system
/// calls.
fn confined(folder: Folder) -> Folder {
    let root = folder.root().to_str().unwrap().to_owned();
    let (filter, state) = (format!("{root}/syscalls.bpf"), format!("{root}/state"));
    let script = workspace().join("tests/foreign/syscalls.py");
    // The one Python that has the distribution's libraries.
    tool("/usr/bin/python3", &[script.to_str().unwrap(), unit().to_str().unwrap(), &filter]);
    fs::create_dir(&state).unwrap();
    // A shell opens the filter for bwrap and is replaced by it.
    let open = format!("exec 9< '{filter}'; exec bwrap \"$@\"");
    let isolated = ["--unshare-user", "--uid", "65532", "--gid", "65532", "--unshare-ipc", "--unshare-uts"];
    let files = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--tmpfs", "/home"];
    let target = binary().to_str().unwrap().to_owned();
    let own = ["--ro-bind", &root, &root, "--bind", &state, &state, "--ro-bind", &target, &target, "--chdir", &root];
    let powers = ["--cap-drop", "ALL", "--seccomp", "9", "--die-with-parent", "--"];
    let words = ["sh", "-c", &open, "bwrap"].into_iter().chain(isolated).chain(files).chain(own).chain(powers);
    let words = words.map(str::to_owned).collect();
    folder.within(words)
}

#[test]
fn the_demo_serves_reloads_and_drains_confined_as_the_unit_says() {
    let ports = [("127.0.0.1:8080", "127.0.0.1:0"), ("127.0.0.1:8081", "127.0.0.1:0")];
    let (manager, folder) = managed(Gateway::folder().copy(&workspace().join("policies"), &ports));
    let mut gateway = confined(folder).start();
    assert_eq!(told(&manager)[0], "READY=1");
    let status = gateway.process_status();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:"), field("CapEff:")), ("1", "2", "0000000000000000"));

    // A responder, a signed token and a limit on bodies: every part of the sandbox for policies is at work.
    gateway.get("/petstore/pets").assert_status(200);
    let token = gateway.run(&["token"]).stdout;
    gateway.send(&Request::get("/petstore/orders").bearer(token.trim())).assert_status(200);
    let text = fs::read_to_string(gateway.policies().join("gateway.toml")).unwrap();
    gateway.write("gateway.toml", &text.replace("\"nosniff\"", "\"reloaded\""));
    gateway.wait_for_generation(2);
    assert_eq!(gateway.get("/petstore/pets").field("x-content-type-options"), Some("reloaded"));
    gateway.terminate();
    assert_eq!(told(&manager)[0], "STOPPING=1");
    assert!(gateway.wait_for_end().success());
}
