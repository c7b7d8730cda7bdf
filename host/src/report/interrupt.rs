//! Ends what is being read of the store, from another thread: for whoever waits only so long.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, Error, ffi};

/// Steps of SQLite between two looks at whether somebody still waits: some tens of microseconds.
const STEPS: c_int = 1_000;

#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Whatever is read fails, from now on.
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// A connection that is read from from now on: what is under way when it ends, and each after that that takes as many steps, fails.
    pub(super) fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let is_over = self.0.clone();
        connection.progress_handler(STEPS, Some(move || is_over.load(Ordering::Relaxed)))?;
        self.check()
    }

    /// For what takes less than so many steps, and yet is one of many.
    pub(crate) fn check(&self) -> rusqlite::Result<()> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_INTERRUPT), None)),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn what_would_not_end_is_ended_and_nothing_is_begun_after() {
        let interrupt = Interrupt::default();
        let (begun, reads) = mpsc::channel();
        let reading = std::thread::spawn({
            let interrupt = interrupt.clone();
            move || {
                let mut connection = Connection::open_in_memory().unwrap();
                interrupt.watch(&mut connection).unwrap();
                let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
                let mut statement = connection.prepare(endless).unwrap();
                let mut rows = statement.query([]).unwrap();
                rows.next().unwrap();
                begun.send(()).unwrap();
                loop {
                    if let Err(error) = rows.next() {
                        return error.sqlite_error_code();
                    }
                }
            }
        });
        reads.recv().unwrap();
        interrupt.end();
        assert_eq!(reading.join().unwrap(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(interrupt.watch(&mut Connection::open_in_memory().unwrap()).is_err());
    }

    #[test]
    fn a_statement_that_was_not_begun_when_it_ended_fails_too() {
        let interrupt = Interrupt::default();
        let mut connection = Connection::open_in_memory().unwrap();
        interrupt.watch(&mut connection).unwrap();
        interrupt.end();
        let many =
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 100000) SELECT count(*) FROM n";
        let counted = connection.query_row(many, [], |row| row.get::<_, i64>(0));
        assert_eq!(counted.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
    }
}
