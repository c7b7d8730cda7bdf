//! What a phase found, for people and for programs.

use std::io::{IsTerminal, Write};

use serde_json::Value;

/// Of one phase.
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) text: String,
    pub(crate) json: Value,
    /// What must not be.
    pub(crate) faults: Vec<String>,
}

impl Outcome {
    /// Of a phase that could not go on, and has said why.
    pub(crate) fn gave_up() -> Self {
        let faults = vec!["it could not go on, see above".to_owned()];
        Self { name: "broken off", text: String::new(), json: Value::Null, faults }
    }
}

/// How far it is, where somebody looks.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    what: &'static str,
    of: usize,
    is_watched: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, of: usize) -> Self {
        Self { what, of, is_watched: std::io::stderr().is_terminal() }
    }

    pub(crate) fn at(self, done: usize) {
        if self.is_watched && (done.is_multiple_of(10) || done == self.of) {
            let end = if done == self.of { "\r\x1b[K" } else { "" };
            let mut out = std::io::stderr().lock();
            // Nobody needs it.
            let _ = write!(out, "\r{}: {done} of {}{end}", self.what, self.of);
            let _ = out.flush();
        }
    }
}
