//! Proofs that whoever sent a token holds the key it is bound to (RFC 9449).
//!
//! A proof is read in two steps. Its header says by which key it wants to be checked; the token says which key it has to
//! be. Only when both are the same, and the signature is that key's, is looked at what the proof claims.

mod algorithms;
mod config;
mod key;
mod nonce;
mod proof;
mod target;

pub(crate) use config::{Config, FIELD, NONCE_FIELD};
