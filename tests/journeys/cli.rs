//! The command line: help, versions, advice, and how a gateway ends.

use std::io::Write;
use std::net::TcpListener;

use lockgate_tests::{Gateway, Request, Upstream, eventually};

#[test]
fn help_shows_examples_and_every_verb() {
    let folder = Gateway::folder();
    folder.run(&["--help"]).assert(0, &["Examples:", "run", "check", "routes", "token", "--listen", "--version"]);
    for verb in
        ["run", "check", "routes", "token", "debug-token", "health", "history", "rollback", "report", "dashboard"]
    {
        folder.run(&[verb, "--help"]).assert(0, &["Usage", "Examples:"]);
    }
    folder.run(&["serve"]).assert(1, &["serve: cannot be read"]);
    folder.run(&["chek"]).assert(1, &["`chek`", "did you mean `lockgate check`?"]);
}

#[test]
fn the_version_names_engine_and_contract() {
    let folder = Gateway::folder();
    let version = concat!("lockgate ", env!("CARGO_PKG_VERSION"));
    folder.run(&["--version"]).assert(0, &[version, "wasmtime", "lockgate:policy@0.1.0"]);
}

#[test]
fn a_taken_port_comes_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let upstream = Upstream::echo();
    let folder = Gateway::folder().proxy(&upstream);
    for arguments in [["run", "--listen", &address].as_slice(), &["--listen", &address]] {
        let ended = folder.run(arguments);
        ended.assert(1, &[&address, "taken", "--listen"]);
    }
}

#[test]
fn routes_are_printed_for_people_and_programs() {
    let upstream = Upstream::echo();
    let folder = Gateway::folder()
        .guest("trail")
        .gateway_toml(
            "chain = [{ policy = \"trail\", config = { name = \"g\" }, on_error = \"skip\" }]\n[policy.trail]\n\
             source = \"file:components/trail.wasm\"\ngrant = [\"write:x-test-trail\"]\n",
        )
        .proxy(&upstream);
    folder.run(&["routes"]).assert(0, &["/{*rest}", "proxy/all", "trail (skip)", "main"]);
    let json = folder.run(&["routes", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json[0]["api"], "proxy");
    assert_eq!(json[0]["to"], "proxy/main");
}

#[test]
fn a_second_gateway_on_the_same_state_is_refused() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    let second = gateway.run(&["run"]);
    second.assert(1, &["state"]);
    gateway.get("/").assert_status(200);
}

#[test]
fn a_gateway_that_is_asked_to_end_finishes_what_is_under_way() {
    let upstream = Upstream::with(|exchange| {
        exchange.body()?;
        exchange.reply(200, &[], b"late")
    });
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let before = upstream.requests();
        let mut gateway = Gateway::folder().proxy(&upstream).start();
        let mut idle = gateway.connect();
        idle.send(&Request::get("/")).assert_status(200);
        let mut client = gateway.connect();
        client.send_only(&Request::new("POST", "/late").field("content-length", "1")).unwrap();
        upstream.wait_for_requests(before + 2);
        gateway.signal(signal);
        // Nobody is served any more, but for the request under way; idle connections are closed.
        assert_eq!(idle.until_closed(), b"");
        eventually("new connections to be refused", || {
            std::net::TcpStream::connect(gateway.public()).is_err().then_some(())
        });
        client.stream().write_all(b"x").unwrap();
        let response = client.receive("POST").unwrap();
        assert_eq!(response.text(), "late");
        assert_eq!(gateway.wait_for_end().code(), Some(0), "{}", gateway.written());
        assert_eq!(gateway.access_log("/late")["status"], 200);
    }
}

#[test]
fn without_a_state_directory_it_serves_and_says_what_is_lost() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().gateway_toml("[state]\ndir = \"/proc/nowhere\"").proxy(&upstream).start();
    gateway.get("/").assert_status(200);
    gateway.wait_for_log("a warning", |line| line["message"].as_str()?.contains("without").then_some(()));
}
