//! What fuzzing calls: one target for each thing that reads bytes of strangers, asserting what its room promises about any of them.
//!
//! A target lives beside what it tests. `tests/fuzz` feeds them to libFuzzer; the ordinary tests play what that has
//! kept. No part of the program.

#[cfg(test)]
pub(crate) mod play;

pub use crate::chain::fuzz::{edits, splices};
pub use crate::config::fuzz::configuration;
pub use crate::exchange::coding::fuzz::codings;
pub use crate::exchange::path::fuzz::path_rule;
pub use crate::listen::fuzz::http1_filter;
pub use crate::openapi::fuzz::openapi;
pub use crate::route::fuzz::router;
pub use crate::sandbox::fuzz::component_loading;

#[cfg(test)]
mod tests {
    use super::play::play;

    #[test]
    fn whatever_is_rewritten_comes_out_alike_in_any_pieces() {
        play("rewriting", lockgate_json::fuzz::rewriting, 200_000);
    }

    #[test]
    fn paths_together_select_what_each_of_them_selects_alone() {
        play("paths", lockgate_json::fuzz::paths, 20_000);
    }
}
