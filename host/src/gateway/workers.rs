//! The workers: a thread each, with a runtime and sockets of its own.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use anyhow::Context;
use tokio::runtime::{self, LocalOptions};

use crate::config::Runtime;
use crate::listen::{Fronts, Listeners, Shutdown, Stage};
use crate::observe::Teller;
use crate::reload::{Reloader, Subscription};
use crate::serve::{Common, Worker};
use crate::service::Watchdog;

/// How many workers a configuration means on this machine.
pub(crate) fn worker_count(configured: Option<u32>) -> usize {
    let cores = || thread::available_parallelism().map_or(1, std::num::NonZero::get);
    configured.map_or_else(cores, |count| count as usize)
}

/// One for each worker, where there are any.
pub(super) fn tellers(workers: usize, tellers: Option<Vec<Teller>>) -> Vec<Option<Teller>> {
    let mut tellers = tellers.into_iter().flatten();
    (0..workers).map(|_| tellers.next()).collect()
}

/// One thread with a runtime of its own for each worker, who tells of requests where there is somebody to tell. All of them are there when
/// this returns.
pub(super) fn start(
    tellers: Vec<Option<Teller>>,
    listeners: &Listeners,
    limits: Runtime,
    reloader: &mut Reloader,
    watchdog: &mut Watchdog,
    common: &Common,
    shutdown: &Shutdown,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let workers = tellers.len();
    let mut threads = Vec::with_capacity(workers);
    let (tell, told) = mpsc::channel();
    for (index, teller) in tellers.into_iter().enumerate() {
        let tell = tell.clone();
        let (subscription, told) = (reloader.subscribe(), listeners.subscribe());
        let (common, shutdown) = (common.clone(), shutdown.clone());
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
                let mut subscription = subscription;
                let worker = Rc::new(Worker::new(subscription.newest(), common).telling(teller));
                tokio::task::spawn_local(keep_telling(worker.clone()));
                let fronts = Fronts::new(worker.clone(), index, told, shutdown.clone(), limits.drain);
                work(worker, fronts, subscription, shutdown).await;
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

/// Hand over what the worker tells of requests, if it tells of any.
async fn keep_telling(worker: Rc<Worker>) {
    if let Some(teller) = worker.teller() {
        teller.keep_handing_over().await;
    }
}

/// The life of a worker: serve its listeners, and take up each generation as it is published.
async fn work(worker: Rc<Worker>, mut fronts: Fronts, mut subscription: Subscription, mut shutdown: Shutdown) {
    fronts.take_up();
    subscription.serves(worker.current().generation.number);
    while *shutdown.borrow_and_update() < Stage::Draining {
        tokio::select! {
            Some(generation) = subscription.next() => {
                let number = generation.number;
                worker.publish(generation);
                fronts.take_up();
                subscription.serves(number);
            }
            true = fronts.ended() => {}
            _ = shutdown.changed() => {}
        }
    }
    while fronts.ended().await {}
}
