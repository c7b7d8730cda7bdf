//! One worker's view of a generation: the shared part, and the pools that are this worker's alone.

use std::rc::Rc;
use std::sync::Arc;

use super::Generation;
use crate::sandbox::Pool;
use crate::upstream::Connections;

/// A generation as one worker uses it.
pub(crate) struct Local {
    pub(crate) generation: Arc<Generation>,
    /// By slot of a policy.
    pub(crate) pools: Vec<Rc<Pool>>,
    /// By slot of an upstream.
    pub(crate) upstreams: Vec<Rc<Connections>>,
}

impl Local {
    /// A view of `generation`; parts that did not change keep their instances and connections.
    pub(crate) fn new(generation: Arc<Generation>, previous: Option<&Self>) -> Self {
        let pools = generation.policies.iter().map(|(policy, metrics)| {
            let kept = previous.and_then(|it| it.pools.iter().find(|pool| Arc::ptr_eq(pool.policy(), policy)));
            kept.cloned().unwrap_or_else(|| Rc::new(Pool::new(policy.clone(), metrics.clone())))
        });
        let upstreams = generation.upstreams.iter().map(|upstream| {
            let kept =
                previous.and_then(|it| it.upstreams.iter().find(|known| Arc::ptr_eq(known.upstream(), upstream)));
            kept.cloned().unwrap_or_else(|| Rc::new(Connections::new(upstream.clone())))
        });
        let (pools, upstreams) = (pools.collect(), upstreams.collect());
        Self { generation, pools, upstreams }
    }
}
