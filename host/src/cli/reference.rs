//! `lockgate reference`: every configuration key there is, as Markdown.

use std::process::ExitCode;

use super::out;

pub(super) fn run() -> ExitCode {
    out::text(&crate::config::reference());
    ExitCode::SUCCESS
}
