//! From one process to the next: the one that serves hands its sockets to one that is to serve in its place.
//!
//! They meet at a socket in the state directory. The successor builds all it needs before it asks for more than copies
//! of the sockets, so that until then, and until it says that it serves, the predecessor goes on as if nothing had
//! been.

mod predecessor;
mod successor;
mod wire;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use predecessor::Predecessor;
pub(crate) use successor::Handover;

/// What is said, and in which order. Two that do not speak the same do nothing.
const PROTOCOL: u32 = 1;

/// What the successor says.
#[derive(Debug, Serialize, Deserialize)]
enum Asked {
    /// What is there to be had?
    Sockets { protocol: u32 },
    /// All is built; the listeners of these names are taken.
    Ready { listeners: Vec<String> },
    /// Requests are served.
    Serves,
}

/// What the predecessor says.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    /// These; the sockets of each follow in this order, and that of the admin listener last.
    Sockets { listeners: Vec<Described>, admin: String },
    /// The state directory is free.
    Yours,
    /// Nothing is handed over, and why.
    No(String),
}

/// A listener.
#[derive(Debug, Serialize, Deserialize)]
struct Described {
    name: String,
    /// As configured.
    address: String,
    /// Where it really listens.
    at: String,
    sockets: usize,
    /// Whether the service manager has them too.
    lasts: bool,
}

fn meeting_place(state: &Path) -> PathBuf {
    state.join("takeover.sock")
}
