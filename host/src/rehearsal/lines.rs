//! The lines of a file of exchanges, by number, and what marks the beginning of its parts.

use std::path::Path;
use std::sync::Arc;

use crate::config::{ConfigFault, Place};

/// Begins an exchange.
const EXCHANGE: &str = "###";
/// Begins what else is said of an exchange.
const SECTION: &str = "--- ";
/// Begins a part of what came of it.
const OUTCOME: &str = ">>> ";
/// Begins a body that is said in another way than by its text.
pub(super) const ELSEWHERE: &str = "< ";
/// Before a line of a body that would be taken for something else; not part of it.
pub(super) const ESCAPE: char = '\\';

/// One line without its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) text: &'a str,
}

/// What a line is to the file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark<'a> {
    Exchange(&'a str),
    Section(&'a str),
    Outcome,
    None,
}

impl<'a> Line<'a> {
    pub(super) fn mark(self) -> Mark<'a> {
        if let Some(title) = self.text.strip_prefix(EXCHANGE) {
            Mark::Exchange(title.trim())
        } else if let Some(name) = self.text.strip_prefix(SECTION) {
            Mark::Section(name.trim())
        } else if self.text.starts_with(OUTCOME) {
            Mark::Outcome
        } else {
            Mark::None
        }
    }

    pub(super) fn is_blank(self) -> bool {
        self.text.trim().is_empty()
    }

    /// Outside of bodies, a remark for who reads the file.
    pub(super) fn is_remark(self) -> bool {
        self.text.starts_with('#') && self.mark() == Mark::None
    }
}

/// Whether a line of a body has to be marked as one.
pub(super) fn is_mistakable(text: &str) -> bool {
    [EXCHANGE, SECTION, OUTCOME, ELSEWHERE].iter().any(|mark| text.starts_with(mark)) || text.starts_with(ESCAPE)
}

/// All lines of a text.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    text.lines().enumerate().map(|(at, text)| Line { number: at + 1, text }).collect()
}

/// What is wrong with a file, as far as it was read.
#[derive(Debug)]
pub(super) struct Faults {
    file: Arc<Path>,
    pub(super) found: Vec<ConfigFault>,
}

impl Faults {
    pub(super) fn of(file: &Path) -> Self {
        Self { file: file.into(), found: Vec::new() }
    }

    /// Something is wrong with a line, which is part of `key`.
    pub(super) fn add(&mut self, line: usize, key: &str, reason: impl Into<String>, advice: impl Into<String>) {
        let place = Place { file: self.file.clone(), line: u32::try_from(line).ok(), key: key.to_owned() };
        self.found.push(place.fault(reason, advice));
    }

    /// Where files that are named in this one lie.
    pub(super) fn folder(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new(""))
    }
}
