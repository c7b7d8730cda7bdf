//! Components that are being built. What is under way belongs to no attempt: where the next one wants the same component, it goes on.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use crate::content::{Content, Digest};
use crate::sandbox::{BuildError, Built, Sandbox, Trial};

/// More would take the processors from those who serve.
const AT_ONCE: usize = 2;

/// A component, and the configurations to try on it.
#[derive(Clone, PartialEq)]
pub(super) struct Order {
    pub(super) source: Content,
    pub(super) trials: Vec<Trial>,
}

pub(super) type Done = (Order, Result<Built, BuildError>);

/// What is being built, and what is done and was not fetched.
#[derive(Default)]
pub(super) struct Builds {
    under_way: Vec<UnderWay>,
    done: Vec<Done>,
}

/// Dropped, it is ended.
struct UnderWay {
    order: Order,
    built: Pin<Box<dyn Future<Output = Result<Built, BuildError>> + Send>>,
}

impl Builds {
    /// Build what is ordered, each component once; nothing else is built any more. Who gives up waiting loses nothing
    /// of what was done, as long as he orders it again.
    pub(super) async fn all(&mut self, sandbox: &Arc<Sandbox>, orders: &[Order]) -> Vec<Done> {
        let is_wanted = |code: Digest| orders.iter().any(|order| order.source.digest() == code);
        // With other configurations it is seen through too: what takes long is to compile it, and that is kept.
        self.under_way.retain(|build| is_wanted(build.code()));
        self.done.retain(|(order, _)| orders.contains(order));
        let at_once = orders.len().saturating_sub(self.done.len()).clamp(1, AT_ONCE);
        loop {
            while self.under_way.len() < at_once
                && let Some(order) = orders.iter().find(|order| self.lacks(order)).cloned()
            {
                let (sandbox, Order { source, trials }) = (sandbox.clone(), order.clone());
                let built = Box::pin(async move { sandbox.build(&source, &trials, at_once).await });
                self.under_way.push(UnderWay { order, built });
            }
            if self.under_way.is_empty() {
                return std::mem::take(&mut self.done);
            }
            let done = self.next().await;
            if orders.contains(&done.0) {
                self.done.push(done);
            }
        }
    }

    /// Nobody wants any of it.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }

    fn lacks(&self, order: &Order) -> bool {
        self.under_way.iter().all(|build| build.code() != order.source.digest())
            && self.done.iter().all(|(done, _)| done != order)
    }

    /// The next that is done, of which there must be one.
    async fn next(&mut self) -> Done {
        poll_fn(|context| {
            for (place, build) in self.under_way.iter_mut().enumerate() {
                if let Poll::Ready(built) = build.built.as_mut().poll(context) {
                    return Poll::Ready((self.under_way.swap_remove(place).order, built));
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl UnderWay {
    fn code(&self) -> Digest {
        self.order.source.digest()
    }
}
