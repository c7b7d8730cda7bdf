//! The listeners of the process: opens, changes and closes them, and tells the workers.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::door::Door;
use super::handover::{Offer, is_same};
use super::{BindError, Bound, Listener, Socket, SocketFile, bind};
use crate::config::{self, Address, ConfigFault, Place};
use crate::telemetry::metrics::Metrics;

/// A port that was just given up may be ours for so long.
const CLOSING: Duration = Duration::from_secs(1);

/// What workers are to serve.
pub(crate) type Told = Arc<[Arc<Listener>]>;

/// All listeners, shared between those who change them and those who end them.
pub(crate) struct Listeners {
    workers: usize,
    /// In place of the address of the one there is.
    moved: Option<SocketAddr>,
    metrics: Arc<Metrics>,
    /// Held while they change.
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
    told: watch::Sender<Told>,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) open: Vec<Open>,
    /// What another process has that this one may take over.
    pub(super) offers: Vec<Offer>,
    /// When one was closed last.
    closed: Option<Instant>,
    /// Whether all of them are.
    pub(super) is_over: bool,
}

/// One of them. Its sockets are held here too, so that they can be told to stop receiving.
pub(super) struct Open {
    pub(super) listener: Arc<Listener>,
    pub(super) sockets: Vec<Socket>,
    pub(super) file: Option<SocketFile>,
}

/// What is to become of the listeners. Where nothing comes of it, what it opened is closed again.
pub(crate) struct Change(Vec<Next>);

enum Next {
    /// Where one listens already, with these settings from now on.
    Kept(Arc<Door>, config::Listener),
    New(Open),
}

/// A listener that cannot be had, and where it is written.
pub(crate) struct Unopened {
    place: Place,
    pub(crate) error: BindError,
}

impl Listeners {
    /// None yet. The one there will be may be `moved` to another address.
    pub(crate) fn new(workers: usize, moved: Option<SocketAddr>, metrics: Arc<Metrics>) -> Self {
        let (told, _) = watch::channel(Told::default());
        Self { workers, moved, metrics, turn: tokio::sync::Mutex::default(), state: Mutex::default(), told }
    }

    /// For one worker.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Told> {
        self.told.subscribe()
    }

    /// What is open, by name.
    pub(crate) fn addresses(&self) -> Vec<(String, Address)> {
        let told = self.told.borrow();
        told.iter().map(|listener| (listener.config.name.clone(), listener.address.clone())).collect()
    }

    /// Nobody else changes them while this is held.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// The same, for a thread of its own.
    pub(crate) fn blocking_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.blocking_lock()
    }

    /// Open what is new among these. What is open stays as it is for now.
    pub(crate) async fn prepare(&self, wanted: &[config::Listener]) -> Result<Change, Vec<Unopened>> {
        let (mut next, mut unopened) = (Vec::new(), Vec::new());
        if let (Some(_), [.., last]) = (self.moved.filter(|_| wanted.len() > 1), wanted) {
            let names = wanted.iter().map(|it| format!("[listen.{}]", it.name)).collect::<Vec<_>>().join(", ");
            return Err(vec![Unopened { place: last.place.clone(), error: BindError::Several { names } }]);
        }
        for declared in wanted {
            let config = settings(declared, self.moved);
            match self.door(&config) {
                Some(door) => next.push(Next::Kept(door, config)),
                None => match self.open(config).await {
                    Ok(open) => next.push(Next::New(open)),
                    Err(error) => unopened.push(Unopened { place: declared.place.clone(), error }),
                },
            }
        }
        if unopened.is_empty() { Ok(Change(next)) } else { Err(unopened) }
    }

    fn door(&self, config: &config::Listener) -> Option<Arc<Door>> {
        let state = self.lock();
        let mut open = state.open.iter().map(|open| &open.listener);
        open.find(|it| is_same((&it.config.name, &it.config.address), config)).map(|known| known.door.clone())
    }

    async fn open(&self, config: config::Listener) -> Result<Open, BindError> {
        let port = |address: &Address| address.ip().map(|address| address.port());
        let is_ours =
            |open: &Open| port(&open.listener.address).is_some_and(|known| Some(known) == port(&config.address));
        let ours = self.lock().open.iter().any(is_ours);
        let failed = |source: io::Error| BindError::Failed { address: config.address.clone(), source };
        let offer = |offer: &Offer| (offer.bound(), offer.lasts);
        let (offered, lasts) = self.lock().offers.iter().find(|offer| offer.is_for(&config)).map(offer).unzip();
        let Bound { sockets, address, file } = loop {
            if let Some(offered) = offered {
                break offered.map_err(failed)?;
            }
            let is_closing = self.lock().closed.is_some_and(|at| at.elapsed() < CLOSING);
            match bind(&config, self.workers, ours) {
                // Whoever takes back a change finds the address taken by sockets that are about to be closed.
                Err(BindError::Taken { .. }) if is_closing => sleep(CLOSING / 50).await,
                bound => break bound?,
            }
        };
        let door = Door::new(&sockets, self.workers, lasts.unwrap_or_default()).map_err(failed)?;
        let metrics = self.metrics.listener(&config.name);
        Ok(Open { listener: Arc::new(Listener { config, address, metrics, door }), sockets, file })
    }

    /// Make a change. Workers hear of it now, and act when they take up the next generation.
    pub(crate) fn make(&self, Change(next): Change) {
        let mut state = self.lock();
        let mut before = std::mem::take(&mut state.open);
        for next in next {
            state.open.extend(match next {
                Next::New(open) => Some(open),
                Next::Kept(door, config) => {
                    let at = before.iter().position(|open| Arc::ptr_eq(&open.listener.door, &door));
                    at.map(|at| before.swap_remove(at).with(config, &self.metrics))
                }
            });
        }
        if !before.is_empty() {
            state.closed = Some(Instant::now());
        }
        let told = self.told.borrow().clone();
        let is_known = |listener: &Listener| told.iter().any(|known| Arc::ptr_eq(&known.door, &listener.door));
        // What there is from the start is told otherwise.
        for Open { listener, .. } in state.open.iter().filter(|open| !told.is_empty() && !is_known(&open.listener)) {
            tracing::info!(listener = listener.config.name, address = %listener.address, "listens");
        }
        for Open { listener, .. } in &before {
            tracing::info!(listener = listener.config.name, address = %listener.address, "listens no longer");
        }
        before.into_iter().for_each(Open::close);
        self.metrics.retain_listeners(|name| state.open.iter().any(|open| open.listener.config.name == name));
        self.told.send_replace(state.open.iter().map(|open| open.listener.clone()).collect());
    }

    /// Receive no more anywhere. Workers accept what was received.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_over = true;
        state.open.drain(..).for_each(Open::close);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The same with other settings, if they are others.
    fn with(mut self, config: config::Listener, metrics: &Metrics) -> Self {
        let Listener { config: before, address, door, .. } = &*self.listener;
        if *before == config {
            return self;
        }
        let (mode, mode_before) = (config.mode, before.mode);
        let metrics = metrics.listener(&config.name);
        self.listener = Arc::new(Listener { config, address: address.clone(), metrics, door: door.clone() });
        if mode != mode_before
            && let Some(Err(error)) = self.file.as_mut().map(|file| file.admit(mode))
        {
            tracing::error!(%error, address = %self.listener.address, "the permissions of a socket stay what they were");
        }
        self
    }

    /// Stop receiving. What was received is in the sockets of the workers, which close them when it has been accepted.
    fn close(self) {
        if self.listener.door.is_shared() {
            return self.file.into_iter().for_each(SocketFile::leave);
        }
        // Whoever comes from here on shall find nobody.
        drop(self.file);
        for socket in &self.sockets {
            if let Err(error) = socket.deafen() {
                let address = &self.listener.address;
                tracing::warn!(%error, %address, "who connects just when a socket is closed may be reset");
            }
        }
    }
}

impl Unopened {
    /// What is wrong with a change that wants this listener.
    pub(crate) fn fault(&self) -> ConfigFault {
        let mut reason = self.error.to_string();
        if let Some(cause) = std::error::Error::source(&self.error) {
            reason = format!("{reason}: {cause}");
        }
        self.place.below("address").fault(reason, "what was open stays open; free the address, or choose another")
    }
}

/// A listener's settings, without the line they stand at and without its certificates, which belong to a generation.
fn settings(listener: &config::Listener, moved: Option<SocketAddr>) -> config::Listener {
    let place = Place { line: None, ..listener.place.clone() };
    let address = moved.map_or_else(|| listener.address.clone(), Address::Ip);
    config::Listener { tls: Vec::new(), place, address, ..listener.clone() }
}
