//! Tests of the store: files that are newer, damaged, old, and processes that are killed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::super::Report;
use super::super::span::seconds;
use super::super::tests::{NOON, counts, failed, finished, of_api, report};
use super::*;

/// Names in the folder of the room.
fn files(state: &Path) -> Vec<String> {
    let entries = fs::read_dir(state.join("report")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn write(report: &mut Report, second: u64, now: u64) {
    report.record_at(&[finished(second)], now);
    report.flush_at(now).unwrap();
}

fn integrity(state: &Path) -> String {
    let connection = Connection::open(state.join("report/rollup.db")).unwrap();
    connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap()
}

#[test]
fn files_are_for_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    report.record_at(&[failed(NOON)], NOON);
    report.flush_at(NOON).unwrap();
    let names = files(state.path());
    assert!(names.iter().any(|name| name == "samples-20270115.db") && names.len() >= 4, "{names:?}");
    for name in names {
        let mode = fs::metadata(state.path().join("report").join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_store_of_the_version_before_keeps_what_it_has_and_counts_calls_from_then_on() {
    let state = tempfile::tempdir().unwrap();
    write(&mut report(state.path()), NOON, NOON);
    // As version 1 was.
    let path = state.path().join("report/rollup.db");
    let old = "DROP TABLE policy_minute; DROP TABLE policy_hour; DROP TABLE policy_day; DELETE FROM series WHERE axis = 2;
        CREATE TABLE older AS SELECT * FROM series; DROP TABLE series;
        CREATE TABLE series (id INTEGER PRIMARY KEY, axis INTEGER NOT NULL, api INTEGER NOT NULL, version INTEGER NOT NULL,
            operation INTEGER NOT NULL, consumer INTEGER NOT NULL, application INTEGER NOT NULL, status INTEGER NOT NULL,
            class INTEGER NOT NULL, outcome INTEGER NOT NULL, day INTEGER NOT NULL DEFAULT 0,
            UNIQUE (axis, operation, consumer, application, api, version, status, class, outcome)) STRICT;
        INSERT INTO series SELECT id, axis, api, version, operation, consumer, application, status, class, outcome, day
            FROM older; DROP TABLE older; CREATE INDEX series_of_consumer ON series (consumer); PRAGMA user_version = 1";
    Connection::open(&path).unwrap().execute_batch(old).unwrap();
    let error = schema::open_to_read(&path).unwrap_err().to_string();
    assert!(error.contains("older gateway"), "{error}");
    let mut report = report(state.path());
    write(&mut report, NOON, NOON);
    assert_eq!(counts(state.path()), [2, 2, 2, 2, 2, 2, 1, 1, 1]);
    assert_eq!(super::super::tests::asked(&report, "operation", &[]).total.requests, 2);
}

#[test]
fn a_store_of_a_newer_gateway_is_refused_and_not_touched() {
    let state = tempfile::tempdir().unwrap();
    write(&mut report(state.path()), NOON, NOON);
    let path = state.path().join("report/rollup.db");
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let before = fs::read(&path).unwrap();
    let errors = [Store::new(&state.path().join("report")).ready().err(), schema::open_to_read(&path).err()];
    for error in errors {
        let error = error.unwrap().to_string();
        assert!(error.contains("newer gateway (version 99, this one knows 2)"), "{error}");
    }
    assert!(fs::read(&path).unwrap() == before);
    assert!(files(state.path()).iter().all(|name| !name.contains("damaged")));
}

#[test]
fn a_damaged_file_is_moved_aside_and_another_begun() {
    let state = tempfile::tempdir().unwrap();
    write(&mut report(state.path()), NOON, NOON);
    let path = state.path().join("report/rollup.db");
    fs::write(&path, "this was a database once, and is no more").unwrap();
    let error = schema::open_to_read(&path).err().unwrap();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    let mut report = report(state.path());
    let aside: Vec<_> = files(state.path()).into_iter().filter(|name| name.contains("damaged")).collect();
    assert!(aside[0].starts_with("rollup.damaged-20") && aside[0].ends_with("Z.db"), "{aside:?}");
    write(&mut report, NOON, NOON);
    assert_eq!(counts(state.path()), [1; 9]);
}

#[test]
fn damage_that_shows_later_costs_what_was_there_and_nothing_new() {
    let many: Vec<_> =
        (0..2_000).map(|n| Finished { consumer: Some(format!("c{n}").into()), ..finished(NOON) }).collect();
    for is_open in [false, true] {
        let state = tempfile::tempdir().unwrap();
        let mut first = report(state.path());
        first.record_at(&many, NOON);
        first.flush_at(NOON).unwrap();
        drop(first);
        let damage = || {
            let path = state.path().join("report/rollup.db");
            let mut bytes = fs::read(&path).unwrap();
            // All but the first pages, which say what tables there are.
            bytes[5 * 4096..].fill(0x5a);
            fs::write(&path, bytes).unwrap();
        };
        let mut report = if is_open {
            let report = report(state.path());
            damage();
            report
        } else {
            damage();
            report(state.path())
        };
        assert_eq!(files(state.path()).iter().any(|name| name.contains("damaged")), !is_open);
        report.record_at(&many, NOON);
        report.flush_at(NOON).unwrap();
        assert!(files(state.path()).iter().any(|name| name.contains("damaged")));
        assert_eq!((counts(state.path()), integrity(state.path())), (vec![2_000; 9], "ok".to_owned()));
    }
}

#[test]
fn the_second_that_finds_damage_joins_what_the_first_has_begun() {
    for file in ["rollup.db", "samples-20270115.db"] {
        let state = tempfile::tempdir().unwrap();
        let (mut first, mut second) = (report(state.path()), report(state.path()));
        let both = [&mut first, &mut second];
        let [first, second] = both.map(|report| {
            report.record_at(&[failed(NOON)], NOON);
            report.flush_at(NOON).unwrap();
            report
        });
        let path = state.path().join("report").join(file);
        let connection = Connection::open(&path).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        // All but the first page, which says what tables there are.
        bytes[4096..].fill(0x5a);
        fs::write(&path, bytes).unwrap();
        // What is in memory is out of date once another has written.
        connection.pragma_update(None, "user_version", 1).unwrap();
        drop(connection);
        for report in [first, second] {
            report.record_at(&[failed(NOON)], NOON);
            report.flush_at(NOON).unwrap();
        }
        let names = files(state.path());
        let aside = names.iter().filter(|name| name.contains("damaged") && name.ends_with(".db")).count();
        assert_eq!(aside, 1, "{names:?}");
        let samples = Connection::open(state.path().join("report/samples-20270115.db")).unwrap();
        let samples: i64 = samples.query_row("SELECT count(*) FROM sample", [], |row| row.get(0)).unwrap();
        let expected = if file == "rollup.db" { (2, 4) } else { (4, 2) };
        assert_eq!((counts(state.path())[0], samples), expected, "{file}");
    }
}

#[test]
fn of_many_that_find_damage_at_once_one_moves_it() {
    let state = tempfile::tempdir().unwrap();
    write(&mut report(state.path()), NOON, NOON);
    fs::write(state.path().join("report/rollup.db"), "this was a database once, and is no more").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| write(&mut report(state.path()), NOON, NOON));
        }
    });
    let aside =
        files(state.path()).into_iter().filter(|name| name.contains("damaged") && name.ends_with(".db")).count();
    assert_eq!((aside, counts(state.path()), integrity(state.path())), (1, vec![8; 9], "ok".to_owned()));
}

#[test]
fn a_file_that_is_taken_away_is_begun_again() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    write(&mut report, NOON, NOON);
    fs::remove_dir_all(state.path().join("report")).unwrap();
    write(&mut report, NOON, NOON);
    assert_eq!(counts(state.path()), [1; 9]);
}

#[test]
fn what_is_old_goes_by_minute_hour_and_day() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let (hour, day) = (3_600, 86_400);
    write(&mut report, NOON, NOON);
    let mut later = |then: u64| {
        report.flush_at(then).unwrap();
        // A leap is believed after an hour.
        report.flush_at(then + hour).unwrap();
        counts(state.path())
    };
    assert_eq!(later(NOON + 47 * hour - 60), [1; 9]);
    assert_eq!(later(NOON + 48 * hour), [0, 1, 1, 0, 1, 1, 0, 1, 1]);
    assert_eq!(later(NOON + 91 * day), [0, 0, 1, 0, 0, 1, 0, 0, 1]);
    assert_eq!(later(NOON + 3 * 366 * day), [0; 9]);
}

#[test]
fn names_go_with_the_last_day_they_were_counted_in_whoever_knows_them() {
    let state = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (report(state.path()), report(state.path()));
    let of = |consumer: &str, at| Finished { consumer: Some(consumer.into()), ..finished(at) };
    let write = |report: &mut Report, consumer, at| {
        report.record_at(&[of(consumer, at)], at);
        report.flush_at(at).unwrap();
    };
    let later = NOON + 3 * 366 * 86_400;
    write(&mut first, "once-a-consumer", NOON);
    write(&mut second, "once-a-consumer", NOON);
    write(&mut first, "still-a-consumer", NOON + 86_400);
    first.flush_at(later).unwrap();
    first.flush_at(later + 3_600).unwrap();
    let names = || {
        let connection = Connection::open(state.path().join("report/rollup.db")).unwrap();
        let mut statement = connection.prepare("SELECT text FROM name ORDER BY text").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>().unwrap()
    };
    assert_eq!(names(), [""]);
    write(&mut first, "another", later + 3_600);
    write(&mut second, "once-a-consumer", later + 3_600);
    assert_eq!(counts(state.path()), [2; 9]);
    assert_eq!(
        names(),
        ["", "1.2.0", "another", "edit", "getPet", "jwt", "ok", "once-a-consumer", "petstore", "request", "web"]
    );
    drop((first, second));
    let bytes = fs::read(state.path().join("report/rollup.db")).unwrap();
    let has = |name: &str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
    assert!(has("another") && !has("still-a-consumer"));
}

#[test]
fn samples_go_with_the_file_of_their_day() {
    let state = tempfile::tempdir().unwrap();
    let mut report = report(state.path());
    let day = 86_400;
    let kept = |report: &mut Report, second, now| {
        report.record_at(&[failed(second)], now);
        report.flush_at(now).unwrap();
    };
    kept(&mut report, NOON, NOON);
    kept(&mut report, NOON - 13 * day, NOON);
    assert_eq!(report.tally().samples_lost, 0);
    kept(&mut report, NOON - 14 * day, NOON);
    assert_eq!(report.tally().samples_lost, 1, "its day is over");
    let days = |state: &Path| {
        files(state).into_iter().filter(|name| name.starts_with("samples") && name.ends_with(".db")).collect::<Vec<_>>()
    };
    assert_eq!(days(state.path()), ["samples-20270102.db", "samples-20270115.db"]);
    report.flush_at(NOON + 24 * 3_600).unwrap();
    report.flush_at(NOON + 25 * 3_600).unwrap();
    assert_eq!(days(state.path()), ["samples-20270115.db"]);
    let connection = Connection::open(state.path().join("report/samples-20270115.db")).unwrap();
    let kept: (i64, String, String) = connection
        .query_row("SELECT time, class, blame FROM sample", [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap();
    assert_eq!(kept, (i64::try_from(NOON).unwrap() * 1_000_000, "upstream_closed".to_owned(), "upstream".to_owned()));
}

const BATCH: u64 = 300;

/// Not a test: what [`a_process_that_is_killed_loses_what_it_had_not_flushed`] starts and kills.
#[test]
#[ignore = "started by another test, with a folder"]
fn writes_until_it_is_killed() {
    let Some(state) = std::env::args().next_back().map(PathBuf::from).filter(|path| path.is_dir()) else { return };
    let mut report = Report::open(&state).unwrap();
    for batch in 1.. {
        let now = seconds(std::time::SystemTime::now());
        let of = |n: u64| {
            let (operation, consumer) = (of_api("petstore", &format!("op{}", n % 50)), format!("c{}", n % 100));
            Finished { operation, consumer: Some(consumer.into()), total_us: n * 997, ..failed(now) }
        };
        report.record(&(0..BATCH).map(of).collect::<Vec<_>>());
        report.flush().unwrap();
        // Not captured, unlike what is printed.
        writeln!(std::io::stdout().lock(), "flushed {batch}").unwrap();
    }
}

#[test]
fn a_process_that_is_killed_loses_what_it_had_not_flushed() {
    let state = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--nocapture", "--test-threads=1", "--exact"])
            .arg(concat!(module_path!(), "::writes_until_it_is_killed").split_once("::").unwrap().1)
            .arg(state.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut flushed = lines.filter_map(|line| line.rsplit_once("flushed ")?.1.parse::<u64>().ok());
        let told = flushed.find(|batch| *batch == 3 + 7 * round).unwrap();
        // In the middle of the next one, at another place each time.
        for _ in 0..round * 100_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let told = flushed.last().unwrap_or(told);
        assert_eq!(integrity(state.path()), "ok");
        let counts = counts(state.path());
        let batches = (counts[0] as u64 - before) / BATCH;
        assert!(
            counts.iter().all(|count| *count == counts[0]) && (counts[0] as u64).is_multiple_of(BATCH),
            "{counts:?}"
        );
        assert!((told..=told + 1).contains(&batches), "{batches} are there, and it was told of {told}");
        before = counts[0] as u64;
    }
}
