//! Components that are being built. What is under way belongs to no attempt: where the next one wants the same component, it goes on.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use crate::content::Content;
use crate::sandbox::{BuildError, Built, Trial};

/// More would take the processors from those who serve.
const AT_ONCE: usize = 2;

/// A component, and the configurations to try on it.
#[derive(Clone, Debug, PartialEq)]
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
    /// Build what is ordered, each component once; nothing else is built any more. Whoever gives up waiting loses nothing
    /// of what was done, as long as they order it again. `build` is told how many are built at once, which share the
    /// processors; those that are under way do not hear where that changes. `keeps_code` says whether what was compiled
    /// is known the next time.
    pub(super) async fn all<B>(
        &mut self,
        orders: &[Order],
        keeps_code: bool,
        build: impl Fn(Order, usize) -> B,
    ) -> Vec<Done>
    where
        B: Future<Output = Result<Built, BuildError>> + Send + 'static,
    {
        // To compile takes longest: where that is kept, a build is of use also to who has other configurations.
        let is_wanted = |built: &Order| match keeps_code {
            true => orders.iter().any(|order| order.source == built.source),
            false => orders.contains(built),
        };
        self.under_way.retain(|build| is_wanted(&build.order));
        self.done.retain(|(order, _)| orders.contains(order));
        let at_once = orders.len().saturating_sub(self.done.len()).clamp(1, AT_ONCE);
        loop {
            while self.under_way.len() < at_once
                && let Some(order) = orders.iter().find(|order| self.lacks(order)).cloned()
            {
                let built = Box::pin(build(order.clone(), at_once));
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
        self.under_way.iter().all(|build| build.order.source != order.source)
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::sandbox::Limits;

    /// Builds nothing, as often as it is let to.
    #[derive(Clone)]
    struct Site {
        begun: Arc<Mutex<Vec<Order>>>,
        ended: Arc<Mutex<usize>>,
        leave: Arc<Semaphore>,
    }

    /// Counts that it is gone.
    struct Worker(Arc<Mutex<usize>>);

    impl Drop for Worker {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
        }
    }

    impl Site {
        fn new() -> Self {
            Self { begun: Arc::default(), ended: Arc::default(), leave: Arc::new(Semaphore::new(0)) }
        }

        fn build(&self, order: Order) -> impl Future<Output = Result<Built, BuildError>> + Send + 'static {
            self.begun.lock().unwrap().push(order);
            let (worker, leave) = (Worker(self.ended.clone()), self.leave.clone());
            async move {
                let _worker = worker;
                leave.acquire().await.unwrap().forget();
                Err(BuildError::Broke("built nothing".into()))
            }
        }

        /// Order these, and give up as soon as all that can be begun is.
        async fn begin(&self, builds: &mut Builds, orders: &[Order], keeps_code: bool) {
            let all = builds.all(orders, keeps_code, |order, _| self.build(order));
            tokio::select! {
                biased;
                _ = all => panic!("nobody let it"),
                () = std::future::ready(()) => {}
            }
        }

        async fn finish(&self, builds: &mut Builds, orders: &[Order], keeps_code: bool) -> Vec<Order> {
            self.leave.add_permits(100);
            let done = builds.all(orders, keeps_code, |order, _| self.build(order)).await;
            done.into_iter().map(|(order, _)| order).collect()
        }

        /// How many were begun, and how many of those are over.
        fn counts(&self) -> (usize, usize) {
            (self.begun.lock().unwrap().len(), *self.ended.lock().unwrap())
        }
    }

    fn order(source: &str, config: &str) -> Order {
        let (cpu, wall) = Default::default();
        let limits =
            Limits { cpu, wall, memory: 0, table_elements: 0, host_calls: 0, host_memory: 0, log: 0, calls: 0 };
        let trial = Trial { config: config.into(), limits, image: false };
        Order { source: source.as_bytes().to_vec().into(), trials: vec![trial] }
    }

    #[tokio::test]
    async fn what_the_next_attempt_wants_too_goes_on_and_what_it_does_not_is_ended() {
        let (site, mut builds) = (Site::new(), Builds::default());
        let [one, two, three] = ["one", "two", "three"].map(|source| order(source, ""));
        site.begin(&mut builds, &[one.clone(), two.clone(), three.clone()], true).await;
        assert_eq!(site.counts(), (2, 0), "two at once");
        site.begin(&mut builds, &[two.clone(), three.clone()], true).await;
        assert_eq!(site.counts(), (3, 1), "the first is ended, and makes room");
        assert_eq!(site.finish(&mut builds, &[two.clone(), three.clone()], true).await, [two, three]);
        assert_eq!(site.counts(), (3, 3));
    }

    #[tokio::test]
    async fn what_was_done_when_somebody_gave_up_is_not_done_again() {
        let (site, mut builds) = (Site::new(), Builds::default());
        let orders = [order("one", ""), order("two", "")];
        site.leave.add_permits(1);
        site.begin(&mut builds, &orders, true).await;
        assert_eq!(site.counts(), (2, 1));
        site.finish(&mut builds, &orders, true).await;
        assert_eq!(site.counts(), (2, 2));
    }

    #[tokio::test]
    async fn another_configuration_waits_for_code_that_is_kept_and_for_no_other() {
        for (keeps_code, over) in [(true, 0), (false, 1)] {
            let (site, mut builds) = (Site::new(), Builds::default());
            let (before, after) = (order("one", "before"), order("one", "after"));
            site.begin(&mut builds, std::slice::from_ref(&before), keeps_code).await;
            site.begin(&mut builds, std::slice::from_ref(&after), keeps_code).await;
            assert_eq!(site.counts().1, over);
            assert_eq!(site.finish(&mut builds, std::slice::from_ref(&after), keeps_code).await, [after]);
            assert_eq!(site.counts(), (2, 2));
        }
    }

    #[tokio::test]
    async fn nothing_is_left_where_nobody_wants_anything() {
        let (site, mut builds) = (Site::new(), Builds::default());
        site.begin(&mut builds, &[order("one", "")], true).await;
        builds.end();
        assert_eq!(site.counts(), (1, 1));
    }
}
