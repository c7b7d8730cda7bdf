//! Hands generations to the workers, and knows when each of them serves one.

use std::sync::Arc;

use tokio::sync::watch::{Receiver, Sender, channel};

use crate::generation::Generation;

/// Where generations are published.
pub(super) struct Publisher {
    newest: Sender<Arc<Generation>>,
    /// The number each worker serves.
    served: Vec<Receiver<u64>>,
}

/// How one worker hears of generations, and says which it serves.
pub(crate) struct Subscription {
    newest: Receiver<Arc<Generation>>,
    serves: Sender<u64>,
}

impl Publisher {
    pub(super) fn new(first: Arc<Generation>) -> Self {
        Self { newest: channel(first).0, served: Vec::new() }
    }

    pub(super) fn subscribe(&mut self) -> Subscription {
        let (serves, served) = channel(0);
        self.served.push(served);
        Subscription { newest: self.newest.subscribe(), serves }
    }

    /// What is published, for whoever serves no requests by it.
    pub(super) fn watch(&self) -> Receiver<Arc<Generation>> {
        self.newest.subscribe()
    }

    /// Returns when no request begins by an older generation any more.
    pub(super) async fn publish(&mut self, generation: Arc<Generation>) {
        let number = generation.number;
        self.newest.send_replace(generation);
        for worker in &mut self.served {
            // An error means that this worker has ended: it serves nothing at all.
            let _ = worker.wait_for(|served| *served >= number).await;
        }
    }
}

impl Subscription {
    /// The newest generation.
    pub(crate) fn newest(&mut self) -> Arc<Generation> {
        self.newest.borrow_and_update().clone()
    }

    /// The newest generation, as soon as it is another; none when there will be no more.
    pub(crate) async fn next(&mut self) -> Option<Arc<Generation>> {
        self.newest.changed().await.ok()?;
        Some(self.newest())
    }

    /// Requests of this worker that begin from now on see this generation.
    pub(crate) fn serves(&self, number: u64) {
        self.serves.send_replace(number);
    }
}
