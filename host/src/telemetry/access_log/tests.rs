//! The log from outside: what comes out, and that handing in never waits.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::telemetry::counted::Counted;
use crate::telemetry::{Blame, Outcome, RequestId};

/// Far more than a test that works will ever wait.
const LONG: Duration = Duration::from_secs(30);

fn record(path: &str) -> Record {
    let counted = Counted::default();
    counted.add(&"redact".into(), "redacted", 4, vec![("route", "getPet"), ("class", "contact")]);
    Record {
        time: UNIX_EPOCH + Duration::from_micros(1_500_000),
        id: RequestId::Number(0xa1),
        trace: Some(0xb2),
        client: Some(std::net::IpAddr::from([192, 0, 2, 7]).into()),
        method: Some(LoggedMethod::new(&Method::GET)),
        api: Some("pets".into()),
        route: Some("getPet".into()),
        pattern: Some("/pets/{id}".into()),
        path: LoggedPath::new(path),
        status: Some(StatusCode::OK),
        class: "ok",
        blame: Outcome::Ok,
        bytes_in: 1,
        bytes_out: 2,
        duration_us: 30,
        upstream_us: Some(20),
        policy_us: 3,
        gateway_us: 7,
        counts: counted.counts(Some("getPet")),
    }
}

/// Remembers each write on its own.
#[derive(Clone, Default)]
struct Writes(Arc<Mutex<Vec<Vec<u8>>>>);

impl io::Write for Writes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Writes {
    fn lines(&self) -> Vec<Value> {
        let text = self.0.lock().unwrap().concat();
        let text = String::from_utf8(text).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Says when a write begins, and does not end it before it is told to.
struct Stuck {
    began: Sender<()>,
    release: Receiver<()>,
}

impl io::Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.began.send(());
        let _ = self.release.recv();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken;

impl io::Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_record_is_one_line_with_exactly_these_members() {
    let writes = Writes::default();
    let (log, guard) = AccessLog::start(writes.clone(), Counter::default()).unwrap();
    log.record(record("/pets/7?token=secret"));
    assert!(guard.close(LONG));
    assert_eq!(
        writes.lines(),
        [json!({
            "time": "1970-01-01T00:00:01.500000Z", "id": "00000000000000a1", "trace_id": "000000000000000000000000000000b2", "client": "192.0.2.0/24",
            "method": "GET", "api": "pets", "route": "getPet", "pattern": "/pets/{id}",
            "path": "/pets/7", "status": 200, "class": "ok", "blame": null,
            "bytes_in": 1, "bytes_out": 2, "duration_us": 30, "upstream_us": 20, "policy_us": 3, "gateway_us": 7,
            "counts": [{ "policy": "redact", "name": "redacted", "labels": { "class": "contact" }, "count": 4 }],
        })]
    );
}

#[test]
fn a_path_cannot_begin_a_line_of_its_own() {
    let writes = Writes::default();
    let (log, guard) = AccessLog::start(writes.clone(), Counter::default()).unwrap();
    let mut evil = record("/a\n{\"status\":500}\"\u{1b}");
    evil.blame = Blame::Client.into();
    log.record(evil);
    drop(guard);
    let lines = writes.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["path"], "/a\n{\"status\":500}\"\u{1b}");
    assert_eq!(lines[0]["blame"], "client");
}

#[test]
fn all_that_was_handed_in_before_the_close_is_written_in_few_writes() {
    let writes = Writes::default();
    let dropped = Counter::default();
    let (log, guard) = AccessLog::start(writes.clone(), dropped.clone()).unwrap();
    for n in 0..QUEUE / 2 {
        log.record(record(&format!("/{n}")));
    }
    assert!(guard.close(LONG));
    let paths: Vec<_> = writes.lines().iter().map(|line| line["path"].clone()).collect();
    let expected: Vec<_> = (0..QUEUE / 2).map(|n| json!(format!("/{n}"))).collect();
    assert_eq!(paths, expected);
    assert_eq!(dropped.get(), 0);
    assert!(writes.0.lock().unwrap().len() < QUEUE / 20);
}

#[test]
fn a_writer_that_never_answers_costs_records_and_no_waiting() {
    let ((began, begins), (releases, release)) = (channel(), channel());
    let dropped = Counter::default();
    let (log, guard) = AccessLog::start(Stuck { began, release }, dropped.clone()).unwrap();
    log.record(record("/first"));
    begins.recv_timeout(LONG).unwrap();
    for _ in 0..QUEUE + 100 {
        log.record(record("/more"));
    }
    assert_eq!(dropped.get(), 100);
    assert!(!guard.close(Duration::ZERO));
    drop(releases);
}

#[test]
fn lines_that_could_not_be_written_are_counted() {
    let dropped = Counter::default();
    let (log, guard) = AccessLog::start(Broken, dropped.clone()).unwrap();
    log.record(record("/a"));
    log.record(record("/b"));
    assert!(guard.close(LONG));
    assert_eq!(dropped.get(), 2);
}

#[test]
fn records_after_the_close_are_counted_as_dropped() {
    let dropped = Counter::default();
    let (log, guard) = AccessLog::start(Writes::default(), dropped.clone()).unwrap();
    assert!(guard.close(LONG));
    log.record(record("/late"));
    assert_eq!(dropped.get(), 1);
}
