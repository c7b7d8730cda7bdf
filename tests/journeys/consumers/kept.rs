//! Keys in the state directory: over restarts, kills and successions, and where it cannot be read.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use bytes::Bytes;
use http::Method;
use lockgate_tests::http2::{Http2Client, read};
use lockgate_tests::{Gateway, Request, Upstream, eventually};

use super::{POLICIES, ask, asking, folder, gateway, id, is_whole, key, list, refusal};

#[test]
fn keys_and_their_last_use_outlast_the_process() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let [kept, revoked] = [(); 2].map(|()| key(&gateway, &[]));
    ask(&gateway, "/pets/1", &kept).assert_status(200);
    gateway.verb(&["key", "revoke", id(&revoked)]).assert(0, &[]);
    let of = |gateway: &_, key: &str| {
        let keys = list(gateway, &["key", "list"]);
        keys.into_iter().find(|it| it["key"] == *id(key)).unwrap()
    };
    let before = of(&gateway, &kept);
    assert!(before["used"].as_u64() >= before["created"].as_u64(), "{before}");
    assert!(of(&gateway, &revoked)["used"].is_null());
    gateway.restart();
    assert_eq!(of(&gateway, &kept), before);
    ask(&gateway, "/pets/1", &kept).assert_status(200);
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &revoked)), (401, "key_revoked".to_owned()));
    assert_eq!(gateway.status()["consumers"]["keys"], 2);
    let mode = fs::metadata(gateway.state("consumers.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_answered_is_done_though_the_process_is_killed_the_moment_after() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    for _ in 0..3 {
        let made = key(&gateway, &[]);
        gateway.kill();
        gateway.start_again();
        ask(&gateway, "/pets/1", &made).assert_status(200);
        gateway.verb(&["key", "revoke", id(&made)]).assert(0, &[]);
        gateway.kill();
        gateway.start_again();
        assert_eq!(refusal(&ask(&gateway, "/pets/1", &made)), (401, "key_revoked".to_owned()));
    }
    is_whole(&gateway);
}

#[test]
fn a_successor_knows_every_key_and_what_it_is_told_holds() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let made = key(&gateway, &[]);
    let old = gateway.succeed();
    ask(&gateway, "/pets/1", &made).assert_status(200);
    gateway.verb(&["key", "revoke", id(&made)]).assert(0, &[]);
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &made)), (401, "key_revoked".to_owned()));
    old.wait_for_end();
    is_whole(&gateway);
}

#[test]
fn acts_under_load_cost_nobody_an_answer() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let steady = key(&gateway, &[]);
    gateway.verb(&["app", "add", "shop/other"]).assert(0, &[]);
    let is_over = AtomicBool::new(false);
    let token = gateway.admin_token();
    let act = |body: String| {
        let answer = gateway.admin(&Request::post("/consumers", "application/json", body).bearer(&token));
        answer.assert_status(200);
        answer.json()
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = gateway.connect();
                    let mut count = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        client.send(&asking("/pets/1", &steady)).assert_status(200);
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        let mut client = gateway.connect();
        for _ in 0..100 {
            let made = act(r#"{"act":"make-key","application":"shop/other","environment":"live"}"#.to_owned());
            let secret = made["secret"].as_str().unwrap();
            client.send(&asking("/pets/1", secret)).assert_status(200);
            act(format!("{{\"act\":\"revoke-key\",\"key\":{}}}", made["key"]));
            assert_eq!(refusal(&client.send(&asking("/pets/1", secret))), (401, "key_revoked".to_owned()));
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(clients.into_iter().all(|client| client.join().unwrap() > 0));
    });
    // Of so many that are revoked the oldest are forgotten.
    assert_eq!(list(&gateway, &["key", "list", "shop/other"]).len(), 65);
}

/// Where its database is once it has ended, and what that holds.
fn ended(gateway: &mut Gateway) -> (PathBuf, Vec<u8>) {
    gateway.terminate();
    gateway.wait_for_end();
    let path = gateway.state("consumers.db");
    let whole = fs::read(&path).unwrap();
    (path, whole)
}

#[test]
fn where_keys_cannot_be_read_nobody_is_known_and_everything_else_serves() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let made = key(&gateway, &[]);
    let (path, whole) = ended(&mut gateway);
    for (damage, said) in [
        (b"this is no database, and was one".to_vec(), "not a database"),
        (whole[..whole.len() / 2].to_vec(), "malformed"),
        ([&whole[..60], &9u32.to_be_bytes()[..], &whole[64..]].concat(), "written by a newer gateway (version 9)"),
    ] {
        fs::write(&path, &damage).unwrap();
        gateway.start_again();
        ask(&gateway, "/pets/1", &made).assert_problem(503);
        gateway.get("/open").assert_status(200);
        let fault = gateway.status()["consumers"]["fault"].as_str().unwrap_or_default().to_owned();
        assert!(fault.contains("consumers.db") && fault.contains(said), "{fault}");
        gateway.verb(&["consumer", "list"]).assert(1, &["503", said]);
        gateway.verb(&["status"]).assert(3, &["Nobody's keys are known", "consumers.db"]);
        gateway.terminate();
        gateway.wait_for_end();
        assert_eq!(fs::read(&path).unwrap(), damage, "it is left for whoever looks into it");
    }
    // Nor does an empty one take the place of one that is gone.
    fs::remove_file(&path).unwrap();
    gateway.start_again();
    ask(&gateway, "/pets/1", &made).assert_problem(503);
    assert!(gateway.status()["consumers"]["fault"].as_str().unwrap().contains("it is gone, and was there"));
    gateway.terminate();
    gateway.wait_for_end();
    fs::write(&path, &whole).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    gateway.start_again();
    ask(&gateway, "/pets/1", &made).assert_status(200);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn without_a_state_directory_nobody_is_known() {
    let upstream = Upstream::echo();
    let nowhere = format!("[state]\ndir = \"/proc/nowhere\"\n{POLICIES}");
    let gateway = folder(&upstream).gateway_toml(&nowhere).start();
    ask(&gateway, "/pets/1", "lg_live_x").assert_problem(503);
    gateway.get("/open").assert_status(200);
}

#[test]
fn a_copy_made_while_it_serves_has_every_key() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let made = key(&gateway, &[]);
    let (database, copy) = (gateway.state("consumers.db"), gateway.root().join("copy.db"));
    // As `sqlite3 consumers.db '.backup copy.db'` does.
    let script = "import sqlite3, sys\nfrom contextlib import closing\n\
                  with closing(sqlite3.connect(sys.argv[1])) as a, closing(sqlite3.connect(sys.argv[2])) as b: a.backup(b)";
    let status = Command::new("python3").arg("-c").arg(script).args([&database, &copy]).status().unwrap();
    assert!(status.success());
    gateway.verb(&["consumer", "remove", "shop", "--with-keys"]).assert(0, &[]);
    gateway.kill();
    fs::copy(copy, &database).unwrap();
    for beside in ["consumers.db-wal", "consumers.db-shm"] {
        fs::remove_file(gateway.state(beside)).unwrap();
    }
    gateway.start_again();
    ask(&gateway, "/pets/1", &made).assert_status(200);
}

#[test]
fn what_could_not_be_read_is_read_once_it_can_be() {
    let upstream = Upstream::echo();
    let mut gateway = gateway(&upstream);
    let made = key(&gateway, &[]);
    let (path, whole) = ended(&mut gateway);
    fs::write(&path, "no database").unwrap();
    gateway.start_again();
    ask(&gateway, "/pets/1", &made).assert_problem(503);
    fs::write(gateway.root().join("copy"), &whole).unwrap();
    fs::rename(gateway.root().join("copy"), &path).unwrap();
    eventually("the key to be known", || (ask(&gateway, "/pets/1", &made).status == 200).then_some(()));
    gateway.verb(&["app", "add", "shop/other"]).assert(0, &[]);
}

#[test]
fn what_cannot_be_on_record_is_not_done() {
    let upstream = Upstream::echo();
    let gateway = gateway(&upstream);
    let (record, aside) = (gateway.state("record"), gateway.state("elsewhere"));
    fs::rename(&record, &aside).unwrap();
    fs::write(&record, "").unwrap();
    gateway.verb(&["app", "add", "shop/other"]).assert(1, &["503", "cannot be put on record", "nothing was done"]);
    fs::remove_file(&record).unwrap();
    fs::rename(&aside, &record).unwrap();
    assert_eq!(list(&gateway, &["app", "list"]).len(), 1);
    gateway.verb(&["app", "add", "shop/other"]).assert(0, &[]);
    is_whole(&gateway);
}

#[test]
fn whoever_is_still_served_by_the_process_before_is_refused_too() {
    let upstream = Upstream::with(|exchange| {
        let body = exchange.body()?;
        exchange.reply(200, &[], &body)
    });
    let mut gateway = gateway(&upstream);
    let made = key(&gateway, &[]);
    let mut streams = Http2Client::connect(gateway.public());
    let mut request = streams.request(Method::POST, "/pets/1");
    request.headers_mut().insert("x-api-key", made.parse().unwrap());
    let (response, mut sending) = streams.begin(request, false).unwrap();
    sending.send_data(Bytes::from_static(b"half"), false).unwrap();
    let old = gateway.succeed();
    gateway.verb(&["key", "revoke", id(&made)]).assert(0, &[]);
    // What was admitted is answered.
    sending.send_data(Bytes::from_static(b"whole"), true).unwrap();
    assert_eq!(streams.wait(read(response)).unwrap().status, 200);
    drop(streams);
    old.wait_for_end();
    assert_eq!(refusal(&ask(&gateway, "/pets/1", &made)), (401, "key_revoked".to_owned()));
}
