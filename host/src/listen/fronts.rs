//! The listeners of one worker, each served by tasks of its own, as the generation says that the worker serves.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::accept::{Orders, accept};
use super::door::Door;
use super::{Listener, Shutdown, Told};
use crate::serve::{Entrance, Worker};

/// What one worker serves.
pub(crate) struct Fronts {
    worker: Rc<Worker>,
    /// Which worker it is.
    index: usize,
    told: watch::Receiver<Told>,
    shutdown: Shutdown,
    drain: Duration,
    open: Vec<Front>,
    serving: JoinSet<io::Result<()>>,
}

/// One listener.
struct Front {
    door: Arc<Door>,
    entrance: Rc<Entrance>,
    listener: watch::Sender<Option<Arc<Listener>>>,
}

impl Fronts {
    /// For worker `index`; what is under way where it no longer listens has the time to `drain`.
    pub(crate) fn new(
        worker: Rc<Worker>,
        index: usize,
        told: watch::Receiver<Told>,
        shutdown: Shutdown,
        drain: Duration,
    ) -> Self {
        Self { worker, index, told, shutdown, drain, open: Vec::new(), serving: JoinSet::new() }
    }

    /// Serve the listeners there are now, in the same turn in which their generation is taken up: no request sees more
    /// of one than of the other.
    pub(crate) fn take_up(&mut self) {
        let listeners = self.told.borrow_and_update().clone();
        let local = self.worker.current();
        self.open.retain(|front| {
            let stays = listeners.iter().any(|listener| Arc::ptr_eq(&listener.door, &front.door));
            if !stays {
                front.listener.send_replace(None);
            }
            stays
        });
        for listener in listeners.iter() {
            let shown = local.generation.tls(&listener.config.name).cloned();
            match self.open.iter().find(|front| Arc::ptr_eq(&listener.door, &front.door)) {
                Some(front) => {
                    front.entrance.shows(shown);
                    front.listener.send_if_modified(|now| {
                        let is_other = !now.as_ref().is_some_and(|now| Arc::ptr_eq(now, listener));
                        *now = Some(listener.clone());
                        is_other
                    });
                }
                None => self.open(listener).shows(shown),
            }
        }
    }

    fn open(&mut self, listener: &Arc<Listener>) -> Rc<Entrance> {
        let (door, entrance) = (listener.door.clone(), Rc::<Entrance>::default());
        let (tell, told) = watch::channel(Some(listener.clone()));
        for socket in door.take(self.index) {
            let orders = Orders { listener: told.clone(), shutdown: self.shutdown.clone(), drain: self.drain };
            self.serving.spawn_local(accept(self.worker.clone(), entrance.clone(), socket, orders));
        }
        self.open.push(Front { door, entrance: entrance.clone(), listener: tell });
        entrance
    }

    /// Wait until one that is no more has come to its end, or has failed. False where there is none.
    pub(crate) async fn ended(&mut self) -> bool {
        let ended = self.serving.join_next().await;
        if let Some(Ok(Err(error))) = &ended {
            tracing::error!(%error, "a listener of a worker failed");
        }
        ended.is_some()
    }
}
