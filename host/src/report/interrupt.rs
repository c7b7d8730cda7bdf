//! Ends what is being read of the store, from another thread: for whoever waits only so long.

use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Error, InterruptHandle, ffi};

#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Mutex<Reading>>);

#[derive(Default)]
struct Reading {
    is_over: bool,
    connections: Vec<InterruptHandle>,
}

impl Interrupt {
    /// Whatever is read fails, from now on.
    pub(crate) fn end(&self) {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.is_over = true;
        reading.connections.iter().for_each(InterruptHandle::interrupt);
    }

    /// A connection that is read from from now on.
    pub(super) fn watch(&self, connection: &Connection) -> rusqlite::Result<()> {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.connections.push(connection.get_interrupt_handle());
        reading.check()
    }

    /// SQLite forgets it between two statements.
    pub(crate) fn check(&self) -> rusqlite::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).check()
    }
}

impl Reading {
    fn check(&self) -> rusqlite::Result<()> {
        match self.is_over {
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
                let connection = Connection::open_in_memory().unwrap();
                interrupt.watch(&connection).unwrap();
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
        assert!(interrupt.watch(&Connection::open_in_memory().unwrap()).is_err());
    }
}
