//! Where connections of a listener come in, as one worker knows it: what all of them go by, and what may change while they are open.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::tls::{Server, Session};

/// Belongs to one thread.
#[derive(Default)]
pub(crate) struct Entrance {
    /// The certificates, where TLS is spoken.
    server: RefCell<Option<Arc<Server>>>,
    /// Counts what was shown.
    shown: Cell<u64>,
    /// Whether what is under way ends because the listener does.
    cut: Cell<bool>,
}

impl Entrance {
    /// Certificates to show from now on. A listener that was removed keeps those it had last.
    pub(crate) fn shows(&self, server: Option<Arc<Server>>) {
        self.server.replace(server);
        self.shown.set(self.shown.get() + 1);
    }

    /// Another number whenever what is shown may have changed.
    pub(crate) fn shown(&self) -> u64 {
        self.shown.get()
    }

    /// Whether a client that is connected might connect now.
    pub(crate) fn admits(&self, session: &Session) -> bool {
        self.server.borrow().as_ref().is_none_or(|server| session.is_admitted(server))
    }

    /// What is shown now.
    pub(crate) fn server(&self) -> Option<Arc<Server>> {
        self.server.borrow().clone()
    }

    /// Whether a request for `host` may come over a connection, as things are now.
    pub(super) fn is_open(&self, session: &Session, host: &str) -> bool {
        self.server.borrow().as_ref().is_none_or(|server| session.may_ask(server, host))
    }

    /// From now on, what ends early ends because the listener does.
    pub(crate) fn cut(&self) {
        self.cut.set(true);
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut.get()
    }
}
