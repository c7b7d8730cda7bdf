//! The policy `redact`: takes personal data out of what passes.

pub mod act;
pub mod detect;
