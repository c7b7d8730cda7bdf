//! Word of policies that fail again and again, for whoever decides whether they go on.

use std::sync::Arc;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::content::Digest;

/// What is not heard by then is said again with the next pause.
const MOST_WAITING: usize = 64;

/// A policy is left alone for a while, since it failed again and again.
#[derive(Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) policy: Arc<str>,
    /// Of its component.
    pub(crate) digest: Digest,
    /// Of the last fault.
    pub(crate) class: &'static str,
}

/// Where word of it comes.
pub(crate) type Troubles = Receiver<Trouble>;

/// Where word of it goes.
pub(super) type Teller = Sender<Trouble>;

pub(super) fn troubles() -> (Teller, Troubles) {
    channel(MOST_WAITING)
}
