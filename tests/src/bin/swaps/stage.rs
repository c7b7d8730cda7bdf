//! What clients and whoever changes the folder have in common: the gateway, its upstream, its history.

use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use lockgate_tests::{Client, Dice, Gateway, Request, Response, Upstream, guests};

use crate::accounts::Accounts;
use crate::certificates::HOST;
use crate::history::{History, Wrong};
use crate::state::{Asked, Parts, Said, State};
use crate::upstream::{self, Arrived};

/// A gateway that serves the first state.
pub(crate) struct Stage {
    pub(crate) gateway: Gateway,
    pub(crate) secure: SocketAddr,
    pub(crate) parts: Parts,
    pub(crate) history: Arc<History>,
    pub(crate) arrived: Arc<Arrived>,
    pub(crate) upstream: Upstream,
}

impl Stage {
    pub(crate) fn set() -> Self {
        Self::with(guests::component("tell"))
    }

    /// The same with a component that does what `tell` does.
    pub(crate) fn with(component: Vec<u8>) -> Self {
        let first = State::first();
        let (history, arrived) = (Arc::new(History::new(first.clone())), Arc::<Arrived>::default());
        let upstream = upstream::start(history.clone(), arrived.clone());
        let parts = Parts::new(upstream.address(), component);
        let folder = Gateway::folder();
        parts.certificates.put_key(&folder, first.certificate).expect("no key");
        let folder = first.files(&parts).into_iter().fold(folder, |folder, (path, bytes)| folder.file(&path, bytes));
        let gateway = folder.start();
        gateway.look();
        let secure = gateway.listener("secure");
        Self { gateway, secure, parts, history, arrived, upstream }
    }

    /// Put the folder from one state into another: what is new first, so that it is there when it is named. Each file
    /// is there whole or not at all.
    pub(crate) fn write(&self, from: &State, to: &State) -> io::Result<()> {
        self.parts.certificates.put_key(&self.gateway, to.certificate)?;
        let (from, to) = (from.files(&self.parts), to.files(&self.parts));
        let (new, changed): (Vec<_>, Vec<_>) = to
            .iter()
            .filter(|(path, bytes)| from.get(*path) != Some(bytes))
            .partition(|(path, _)| !from.contains_key(*path));
        new.iter().chain(&changed).for_each(|(path, bytes)| self.gateway.replace(path, bytes));
        // A certificate that is not named any more means nothing; where a file vanishes, the gateway looks twice before
        // it believes it.
        for folder in
            from.keys().filter(|path| !to.contains_key(*path)).filter_map(|path| path.strip_suffix("/api.toml"))
        {
            self.gateway.remove(folder);
        }
        Ok(())
    }

    /// Let a folder in another state take the place of the one there is, at once.
    pub(crate) fn exchange(&self, to: &State) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        self.parts.certificates.put_key(&self.gateway, to.certificate)?;
        let next = self.gateway.root().join("next");
        for (path, bytes) in to.files(&self.parts) {
            let path = next.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&next))?;
            fs::write(path, bytes)?;
        }
        renameat_with(CWD, &next, CWD, self.gateway.policies(), RenameFlags::EXCHANGE)?;
        fs::remove_dir_all(next)
    }

    /// Ask, and judge what is answered. `seen` is the state this connection has met: its next request meets no older
    /// one.
    pub(crate) fn ask<S: Read + Write>(
        &self,
        client: &mut Client<S>,
        asked: Asked,
        kind: &'static str,
        seen: &mut usize,
        accounts: &mut Accounts,
    ) -> io::Result<Said> {
        let least = self.history.confirmed().max(*seen);
        let response = client.try_send(&get(&asked.path("echo")))?;
        let said = said(&response);
        match self.history.judge(asked, &said, least) {
            Ok(at) => {
                *seen = at;
                accounts.right(kind);
            }
            Err(wrong) => self.wrong(accounts, kind, wrong),
        }
        Ok(said)
    }

    pub(crate) fn wrong(&self, accounts: &mut Accounts, kind: &'static str, wrong: Wrong) {
        self.history.fault();
        accounts.wrong(kind, wrong);
    }

    pub(crate) fn reset(&self, accounts: &mut Accounts, kind: &'static str, error: &io::Error) {
        self.history.fault();
        let newest = self.history.newest();
        accounts.reset(kind, error, &format!("when state {newest} was the newest: {:?}", self.history.state(newest)));
    }

    /// Something to ask for that states all it can, or whether something is there that may be.
    pub(crate) fn question(&self, dice: &mut Dice) -> Asked {
        match dice.throw(6) {
            0 => Asked::Answer,
            1 => Asked::Now(self.history.state(self.history.newest()).api),
            2 => Asked::Visitor,
            _ => Asked::Proxied,
        }
    }
}

pub(crate) fn get(path: &str) -> Request {
    Request::get(path).field("host", HOST)
}

pub(crate) fn said(response: &Response) -> Said {
    Said::new(response.status, &response.body, |name| response.values(name))
}
