//! The one that is to serve: takes sockets from the one that does, and its place once all is built.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context, bail};

use super::wire::{hear, peer, receive, say};
use super::{Answer, Asked, Described, PROTOCOL, meeting_place};
use crate::listen::Offer;

/// A place that is being taken.
pub(crate) struct Handover {
    predecessor: UnixStream,
    /// As configured there, and its socket.
    admin: Option<(String, TcpListener)>,
}

impl Handover {
    /// Ask the gateway of a state directory for its sockets.
    pub(crate) fn begin(state: &Path) -> anyhow::Result<(Self, Vec<Offer>)> {
        let place = meeting_place(state);
        let predecessor = UnixStream::connect(&place).with_context(|| {
            format!("no gateway serves with the state directory {}; start without --takeover", state.display())
        })?;
        peer(&predecessor)?;
        say(&predecessor, &Asked::Sockets { protocol: PROTOCOL })?;
        let (listeners, admin) = match hear(&predecessor)? {
            Answer::Sockets { listeners, admin } => (listeners, admin),
            Answer::No(reason) => bail!("the gateway that serves does not hand over: {reason}"),
            Answer::Yours => bail!("the gateway that serves said something out of turn"),
        };
        let count = listeners.iter().map(|it| it.sockets).sum::<usize>() + 1;
        let mut sockets = receive(&predecessor, count)?.into_iter();
        let offers = listeners.into_iter().map(|it| offer(it, &mut sockets)).collect::<io::Result<_>>()?;
        let admin = sockets.next().map(|socket| (admin, socket.into()));
        Ok((Self { predecessor, admin }, offers))
    }

    /// The socket of the admin listener, if that is at the same address.
    pub(crate) fn admin(&mut self, address: &str) -> Option<TcpListener> {
        self.admin.take().filter(|(at, _)| at == address).map(|(_, socket)| socket)
    }

    /// Everything is built, with these listeners of the predecessor. Returns when the state directory is free.
    pub(crate) fn ready(&self, listeners: Vec<String>) -> anyhow::Result<()> {
        say(&self.predecessor, &Asked::Ready { listeners })?;
        match hear(&self.predecessor).context("the gateway that served is gone")? {
            Answer::Yours => Ok(()),
            Answer::No(reason) => bail!("the gateway that serves does not hand over: {reason}"),
            Answer::Sockets { .. } => bail!("the gateway that serves said something out of turn"),
        }
    }

    /// From here on the predecessor may end.
    pub(crate) fn serves(self) {
        // One that is gone by now has nothing to hear.
        let _ = say(&self.predecessor, &Asked::Serves);
    }
}

fn offer(described: Described, sockets: &mut impl Iterator<Item = OwnedFd>) -> io::Result<Offer> {
    let Described { name, address, at, sockets: count, lasts } = described;
    let parse = |text: &str| text.parse().map_err(io::Error::other);
    let (address, at) = (parse(&address)?, parse(&at)?);
    Ok(Offer { lasts, ..Offer::of(name, address, at, sockets.by_ref().take(count).collect()) })
}
