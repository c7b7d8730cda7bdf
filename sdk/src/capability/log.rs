//! Writing to the gateway's log. Needs no grant.
//!
//! At most 4 KiB a line and 16 KiB a hook call. Never write secrets or personal data: the host cannot recognise them.

use super::host::log as host;
pub use host::Level;

/// One line at the given level.
pub fn write(level: Level, message: &str) {
    host::write(level, message);
}

/// One line for whoever develops the policy.
pub fn debug(message: &str) {
    write(Level::Debug, message);
}

/// One line about something expected.
pub fn info(message: &str) {
    write(Level::Info, message);
}

/// One line about something the operator should look at.
pub fn warn(message: &str) {
    write(Level::Warn, message);
}

/// One line about something that went wrong.
pub fn error(message: &str) {
    write(Level::Error, message);
}
