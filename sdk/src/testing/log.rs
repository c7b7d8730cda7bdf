//! The lines a policy logged.

use std::cell::RefCell;

thread_local! {
    static LINES: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// For whoever develops the policy.
    Debug,
    /// Something expected.
    Info,
    /// Something the operator should look at.
    Warn,
    /// Something went wrong.
    Error,
}

/// All lines so far, oldest first.
pub fn lines() -> Vec<(Level, String)> {
    LINES.with_borrow(Clone::clone)
}

pub(crate) fn write(level: Level, message: &str) {
    LINES.with_borrow_mut(|lines| lines.push((level, message.to_owned())));
}

pub(super) fn reset() {
    LINES.with_borrow_mut(Vec::clear);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{log, testing};

    #[test]
    fn lines_are_kept_in_order_until_reset() {
        log::warn("a");
        log::debug("b");
        assert_eq!(lines(), [(Level::Warn, "a".to_owned()), (Level::Debug, "b".to_owned())]);
        testing::reset();
        assert!(lines().is_empty());
    }
}
