//! The lines a process writes, kept as they come and waited for without polling.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::PATIENCE;

/// A stream being followed by a thread of its own, so that the process never blocks on a full pipe.
#[derive(Clone)]
pub struct Lines(Arc<(Mutex<Written>, Condvar)>);

#[derive(Default)]
struct Written {
    lines: Vec<String>,
    ended: bool,
}

impl Lines {
    /// Follow `stream` until it ends.
    pub fn follow(stream: impl Read + Send + 'static) -> Self {
        let this = Self(Arc::default());
        let shared = this.0.clone();
        std::thread::spawn(move || {
            let (read, changed) = &*shared;
            for line in BufReader::new(stream).lines() {
                let Ok(line) = line else { break };
                read.lock().unwrap().lines.push(line);
                changed.notify_all();
            }
            read.lock().unwrap().ended = true;
            changed.notify_all();
        });
        this
    }

    /// The first line from number `from` on of which `pick` makes something, with the number of the line after it.
    #[track_caller]
    pub fn wait<T>(&self, from: usize, what: &str, pick: impl Fn(&str) -> Option<T>) -> (usize, T) {
        match self.look(from, pick) {
            (at, Some(found)) => (at, found),
            (_, None) => panic!("waited in vain for {what}; the process wrote:\n{}", self.text()),
        }
    }

    /// As `wait`, but nothing where the stream ends or goes on for too long without such a line.
    pub fn until<T>(&self, pick: impl Fn(&str) -> Option<T>) -> (usize, Option<T>) {
        self.look(0, pick)
    }

    fn look<T>(&self, from: usize, pick: impl Fn(&str) -> Option<T>) -> (usize, Option<T>) {
        let begun = Instant::now();
        let (read, changed) = &*self.0;
        let mut at = from;
        let mut guard = read.lock().unwrap();
        loop {
            while let Some(line) = guard.lines.get(at) {
                at += 1;
                if let Some(found) = pick(line) {
                    return (at, Some(found));
                }
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            if guard.ended || left.is_zero() {
                return (at, None);
            }
            guard = changed.wait_timeout(guard, left).unwrap().0;
        }
    }

    /// Everything there is by now.
    pub fn text(&self) -> String {
        self.0.0.lock().unwrap().lines.join("\n")
    }

    /// Everything, once the stream has ended.
    pub fn whole(&self) -> String {
        let (read, changed) = &*self.0;
        let guard = read.lock().unwrap();
        let (guard, late) = changed.wait_timeout_while(guard, PATIENCE, |read| !read.ended).unwrap();
        assert!(!late.timed_out(), "the stream does not end");
        guard.lines.join("\n")
    }
}
