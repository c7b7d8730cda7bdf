//! Listeners that come from another process, and go to one: the same sockets, so that nobody who was received is lost.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::listeners::Listeners;
use super::{Bound, Socket, SocketFile};
use crate::config::{self, Address};

/// The sockets of one listener, for another process or from it.
pub(crate) struct Offer {
    pub(crate) name: String,
    /// As configured there.
    pub(crate) address: Address,
    /// Where it really listens.
    pub(crate) at: Address,
    pub(crate) sockets: Vec<Socket>,
    /// Whether the service manager has them too, as long as it wants: who waits there waits for the next process.
    pub(crate) lasts: bool,
}

impl Offer {
    pub(crate) fn of(name: String, address: Address, at: Address, sockets: Vec<OwnedFd>) -> Self {
        let socket = |socket: OwnedFd| match &at {
            Address::Ip(_) => Socket::Tcp(socket.into()),
            Address::Unix(_) => Socket::Unix(socket.into()),
        };
        let sockets = sockets.into_iter().map(socket).collect();
        Self { name, address, at, sockets, lasts: false }
    }

    /// What a listener begins with that is the same. The file of a Unix socket is another's until it is taken over.
    pub(super) fn bound(&self) -> io::Result<Bound> {
        let sockets = self.sockets.iter().map(Socket::try_clone).collect::<io::Result<_>>()?;
        Ok(Bound { sockets, address: self.at.clone(), file: None })
    }

    pub(super) fn is_for(&self, config: &config::Listener) -> bool {
        is_same((&self.name, &self.address), config)
    }
}

/// A listener is where it listens, whatever its name and its other settings are. Of a port that the system chooses the
/// name tells.
pub(super) fn is_same((name, address): (&str, &Address), config: &config::Listener) -> bool {
    let is_any = address.ip().is_some_and(|address| address.port() == 0);
    *address == config.address && (!is_any || name == config.name)
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) => socket.as_fd(),
            Self::Unix(socket) => socket.as_fd(),
        }
    }
}

impl Listeners {
    /// Copies of all there is, unless it is being closed.
    pub(crate) fn offer(&self) -> io::Result<Vec<Offer>> {
        let state = self.lock();
        if state.is_over {
            return Err(io::Error::other("it is ending"));
        }
        let offer = |open: &super::listeners::Open| {
            let config = &open.listener.config;
            let sockets = open.sockets.iter().map(Socket::try_clone).collect::<io::Result<_>>()?;
            let (name, address, at) = (config.name.clone(), config.address.clone(), open.listener.address.clone());
            Ok(Offer { name, address, at, sockets, lasts: open.listener.door.lasts })
        };
        state.open.iter().map(offer).collect()
    }

    /// Listeners of these names have another process too, which accepts what they receive; others have not.
    pub(crate) fn share(&self, names: &[String]) {
        for open in &self.lock().open {
            open.listener.door.share(names.contains(&open.listener.config.name));
        }
    }

    /// What another process listens at may be had from it.
    pub(crate) fn inherit(&self, offers: Vec<Offer>) {
        self.lock().offers.extend(offers);
    }

    /// Whether another process serves until this one does.
    pub(crate) fn are_inherited(&self) -> bool {
        self.lock().offers.iter().any(|offer| !offer.lasts)
    }

    /// Keep what was taken of what another process has, and drop the rest, which it closes. Their names there.
    pub(crate) fn take_over(&self) -> Vec<String> {
        let mut state = self.lock();
        let is_taken = |offer: &Offer| state.open.iter().any(|open| offer.is_for(&open.listener.config));
        let taken = state.offers.iter().filter(|offer| is_taken(offer)).map(|offer| offer.name.clone()).collect();
        state.offers.retain(|offer| offer.lasts);
        taken
    }

    /// The files of Unix sockets are this process's from here on.
    pub(crate) fn adopt(&self) {
        for open in self.lock().open.iter_mut().filter(|open| open.file.is_none() && !open.listener.door.lasts) {
            let config = &open.listener.config;
            let Some(path) = config.address.socket() else { continue };
            let adopted = SocketFile::of(path.path()).and_then(|mut file| file.admit(config.mode).map(|()| file));
            match adopted {
                Ok(file) => open.file = Some(file),
                Err(error) => tracing::warn!(%error, %path, "the file of a socket stays what it was"),
            }
        }
    }
}
