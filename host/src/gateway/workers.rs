//! The workers: a thread each, with a runtime and sockets of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::Context;
use tokio::runtime::{self, LocalOptions};
use tokio::task::JoinSet;

use crate::listen::{self, Bound, Shutdown};
use crate::reload::{Reloader, Subscription};
use crate::serve::{Common, Worker};
use crate::service::Watchdog;

/// How many workers a configuration means on this machine.
pub(crate) fn worker_count(configured: Option<u32>) -> usize {
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    configured.map_or_else(cores, |count| count as usize)
}

/// One thread with a runtime of its own for each worker. All of them are there when this returns.
pub(super) fn start(
    workers: usize,
    mut bound: Vec<Bound>,
    reloader: &mut Reloader,
    watchdog: &mut Watchdog,
    common: &Common,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let mut threads = Vec::with_capacity(workers);
    let (tell, told) = mpsc::channel();
    for index in 0..workers {
        let tell = tell.clone();
        let sockets: Vec<_> =
            bound.iter_mut().filter_map(|it| Some((it.listener.clone(), it.sockets.pop()?))).collect();
        let (subscription, common, shutdown) = (reloader.subscribe(), common.clone(), shutdown.clone());
        let life_signs = watchdog.life();
        let life = move || {
            let runtime = runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
            let (runtime, started) = match runtime {
                Ok(runtime) => (Some(runtime), Ok(())),
                Err(error) => (None, Err(error)),
            };
            // Whoever started this waits for it.
            let _ = tell.send(started);
            let Some(runtime) = runtime else { return };
            runtime.block_on(async {
                if let Some(life_signs) = life_signs {
                    tokio::task::spawn_local(life_signs.answer());
                }
                work(sockets, subscription, common, shutdown).await;
            });
        };
        threads.push(thread::Builder::new().name(format!("worker-{index}")).spawn(life)?);
    }
    // A socket whose worker is not there would take connections that nobody serves.
    drop(tell);
    for started in told.iter().take(workers) {
        started.context("a worker cannot start")?;
    }
    Ok(threads)
}

/// The life of a worker: serve its sockets, and take up each generation as it is published.
async fn work(
    sockets: Vec<(Arc<listen::Listener>, listen::Socket)>,
    mut subscription: Subscription,
    common: Common,
    shutdown: Shutdown,
) {
    let first = subscription.newest();
    subscription.serves(first.number);
    let worker = Rc::new(Worker::new(first, common));
    let follower = {
        let worker = worker.clone();
        tokio::task::spawn_local(async move {
            while let Some(generation) = subscription.next().await {
                let number = generation.number;
                worker.publish(generation);
                subscription.serves(number);
            }
        })
    };
    let mut serving = JoinSet::new();
    for (listener, socket) in sockets {
        serving.spawn_local(listen::accept(worker.clone(), listener, socket, shutdown.clone()));
    }
    while let Some(ended) = serving.join_next().await {
        if let Ok(Err(error)) = ended {
            tracing::error!(%error, "a listener of a worker failed");
        }
    }
    follower.abort();
}
