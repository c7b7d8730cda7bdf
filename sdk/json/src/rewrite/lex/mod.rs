//! The tokens of JSON (RFC 8259): how far each goes, and whether it is one.

mod literal;
mod number;
mod text;
mod white;

pub(crate) use literal::{Literal, literal};
pub(crate) use number::Number;
pub(crate) use text::{Ended, text};
pub(crate) use white::white;

/// Eight bytes at `at`, the first in the lowest place.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word))
}

/// A byte in all eight places.
const fn splat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}
