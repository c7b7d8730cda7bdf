//! `lockgate tail`: requests are shown as they end, to few, and whoever is slow delays nobody.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use lockgate_tests::{Gateway, PATIENCE, Request, Running, Upstream, binary, eventually};
use serde_json::Value;

use crate::pets::{ask, folder};

fn words<'a>(words: &[&'a str], admin: &'a str, state: &'a str) -> Vec<&'a str> {
    [&["tail"], words, &["--admin", admin, "--state", state]].concat()
}

/// Follow requests; what ends from now on is shown.
fn tail(gateway: &Gateway, said: &[&str]) -> Running {
    let (admin, state) = (gateway.admin_address().to_string(), gateway.state("").display().to_string());
    let tail = gateway.begin(&words(said, &admin, &state));
    tail.stderr.wait(0, "that requests are followed", |line| line.contains("requests are shown").then_some(()));
    tail
}

/// The next line that is an object with this value.
fn object(tail: &Running, key: &str, value: &str) -> Value {
    let pick = |line: &str| serde_json::from_str(line).ok().filter(|object: &Value| object[key] == value);
    tail.stdout.wait(0, value, pick).1
}

#[test]
fn requests_are_shown_as_they_end_and_only_those_that_are_asked_about() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let (all, errors) = (tail(&gateway, &[]), tail(&gateway, &["--json", "--where", "status=5xx"]));
    let slow = tail(&gateway, &["--json", "--slower", "1h"]);
    let both = tail(&gateway, &["--json", "--where", "operation=pets/getPet", "--where", "consumer=ann"]);
    ask(&gateway, 1, "/pets/1?name=secret", "shop");
    ask(&gateway, 1, "/gone", "shop");
    ask(&gateway, 1, "/pets/2", "ann");
    ask(&gateway, 1, "/nowhere", "shop");

    let error = object(&errors, "operation", "gone");
    assert_eq!((&error["status"], &error["class"]), (&502.into(), &"upstream_connect".into()), "{error}");
    assert_eq!(
        (&error["blame"], &error["consumer"], &error["api"]),
        (&"upstream".into(), &"shop".into(), &"pets".into())
    );
    assert!(error["total_us"].as_u64() > Some(0) && error["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    object(&both, "consumer", "ann");
    // What comes last is a sign that all else was told.
    ask(&gateway, 1, "/gone", "last");
    object(&errors, "consumer", "last");
    assert_eq!((errors.stdout.text().lines().count(), both.stdout.text().lines().count()), (2, 1));
    for said in ["  200  GET      pets/getPet", "upstream_connect (upstream)", "  ann  ", "no_route (client)"] {
        all.stdout.wait(0, said, |line| line.contains(said).then_some(()));
    }
    let lines = all.stdout.text();
    assert!(lines.lines().count() <= 5, "{lines}");
    assert!(!lines.contains('\u{1b}') && !lines.contains("secret"), "{lines}");
    assert!(errors.interrupt().success() && both.interrupt().success());
    assert_eq!(slow.stdout.text(), "");
}

#[test]
fn what_cannot_be_asked_is_told_with_advice_and_words_are_values() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    for (said, advice) in [
        (&["--where", "colour=red"][..], "there are api, version"),
        (&["--where", "status=500"], "write `code=500`"),
        (&["--slower", "soon"], "write `500ms`"),
    ] {
        gateway.verb(&[&["tail"], said].concat()).assert(2, &[advice]);
    }
    let hostile = "x' OR 1=1 -- &where=status=2xx";
    let tail = tail(&gateway, &["--json", "--where", &format!("consumer={hostile}")]);
    ask(&gateway, 3, "/pets/1", "shop");
    ask(&gateway, 1, "/pets/1", hostile);
    object(&tail, "consumer", hostile);
    assert_eq!(tail.stdout.text().lines().count(), 1, "{}", tail.stdout.text());
    for wrong in ["/tail?where=colour%3Dred", "/tail?n=1", "/tail?slower=1"] {
        gateway.ask(wrong).assert_status(400);
    }
    assert!(tail.interrupt().success());
    gateway.admin(&Request::get("/tail")).assert_status(401);
}

#[test]
fn where_no_account_is_kept_it_says_how_to_have_one_kept() {
    let upstream = Upstream::echo();
    let gateway = Gateway::folder().proxy(&upstream).start();
    gateway.verb(&["tail"]).assert(1, &["[analytics]", "restart the gateway"]);
}

#[test]
fn it_ends_quietly_when_it_is_told_to_when_nobody_reads_and_when_the_gateway_does() {
    let upstream = Upstream::echo();
    let mut gateway = folder(&upstream).start();
    let (told, told_stderr) = {
        let tail = tail(&gateway, &[]);
        let stderr = tail.stderr.clone();
        (tail.interrupt(), stderr)
    };
    assert!(told.success() && told_stderr.whole().lines().count() == 1, "{}", told_stderr.text());

    let (admin, state) = (gateway.admin_address().to_string(), gateway.state("").display().to_string());
    let mut unread = Command::new(binary());
    unread.args(words(&[], &admin, &state)).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut unread = unread.spawn().unwrap();
    let mut said = BufReader::new(unread.stderr.take().unwrap());
    said.read_line(&mut String::new()).unwrap();
    drop(unread.stdout.take());
    ask(&gateway, 1, "/pets/1", "shop");
    let mut rest = String::new();
    said.read_to_string(&mut rest).unwrap();
    assert!(unread.wait().unwrap().success() && rest.is_empty(), "{rest}");

    let last = tail(&gateway, &[]);
    ask(&gateway, 1, "/pets/1", "shop");
    last.stdout.wait(0, "a request", |line| line.contains("getPet").then_some(()));
    gateway.terminate();
    last.stderr.wait(0, "that the gateway ends", |line| line.contains("the gateway ends").then_some(()));
    assert!(last.wait_for_end().success());
    assert!(gateway.wait_for_end().success());
}

/// A connection to the admin listener on which requests are followed; nothing of them has been read.
fn follow(gateway: &Gateway) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(gateway.admin_address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let (host, token) = (gateway.admin_address(), gateway.admin_token());
    let head = format!("GET /tail HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    BufReader::new(stream)
}

/// The status of what is answered to it.
fn status(stream: &mut BufReader<TcpStream>) -> u16 {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn eight_may_follow_at_once_and_who_goes_makes_room() {
    let upstream = Upstream::echo();
    let gateway = folder(&upstream).start();
    let mut all: Vec<_> = (0..8).map(|_| follow(&gateway)).collect();
    all.iter_mut().for_each(|stream| assert_eq!(status(stream), 200));
    assert_eq!(status(&mut follow(&gateway)), 503);
    gateway.verb(&["tail"]).assert(1, &["8 watch already"]);
    all.pop();
    eventually("room for one more", || {
        let mut one = follow(&gateway);
        (status(&mut one) == 200).then_some(())
    });
}

#[test]
fn who_reads_too_slowly_hears_how_many_are_missing_and_delays_nobody() {
    const REQUESTS: usize = 12_000;
    let upstream = Upstream::answering(204, &[], "");
    let gateway = folder(&upstream).start();
    let mut slow = follow(&gateway);
    assert_eq!(status(&mut slow), 200);
    let quick = tail(&gateway, &["--json", "--where", "consumer=last"]);
    ask(&gateway, REQUESTS, "/pets/1", "shop");
    ask(&gateway, 1, "/pets/1", "last");
    // By now all were told of.
    object(&quick, "consumer", "last");
    assert!(gateway.metric("lockgate_analytics_lost_total").unwrap_or_default() == 0.0);
    let (mut shown, mut missed) = (0, 0);
    while shown + missed < REQUESTS + 1 {
        let mut line = String::new();
        slow.read_line(&mut line).unwrap();
        let Ok(object) = serde_json::from_str::<Value>(&line) else { continue };
        match object["missed"].as_u64() {
            Some(count) => missed += usize::try_from(count).unwrap(),
            None => shown += usize::from(object["time"].is_string()),
        }
    }
    assert!(missed > 0 && shown > 4_000 && shown + missed == REQUESTS + 1, "{shown} {missed}");
}
