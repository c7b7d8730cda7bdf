//! Where new connections lead: to the network, or offline to somebody in this process.

use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::io::DuplexStream;

/// What connects upstreams and services. Offline, no socket is ever opened.
#[derive(Clone, Default)]
pub(crate) enum Network {
    #[default]
    Real,
    Offline(Arc<Exchange>),
}

/// Puts connections through, or says why not.
type Exchange = dyn Fn(Called<'_>) -> io::Result<DuplexStream> + Send + Sync;

/// Who is to be connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Called<'a> {
    Upstream,
    /// `[egress.NAME]`.
    Service(&'a str),
}

impl Network {
    pub(crate) fn offline(connect: impl Fn(Called<'_>) -> io::Result<DuplexStream> + Send + Sync + 'static) -> Self {
        Self::Offline(Arc::new(connect))
    }

    /// A connection that needs no network; none where there is one. It is in plain text, whatever the network would ask
    /// for.
    pub(crate) fn within(&self, called: Called<'_>) -> Option<io::Result<DuplexStream>> {
        match self {
            Self::Real => None,
            Self::Offline(connect) => Some(connect(called)),
        }
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Real => "Real",
            Self::Offline(_) => "Offline",
        })
    }
}
