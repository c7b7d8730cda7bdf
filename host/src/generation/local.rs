//! One worker's view of a generation: the shared part, and the pools that are this worker's alone.

use std::collections::HashMap;
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
        // By address: a part that did not change is the same one.
        let pools = previous.iter().flat_map(|it| &it.pools).map(|pool| (Arc::as_ptr(pool.policy()), pool));
        let known: HashMap<_, _> = pools.collect();
        let pools = generation.policies.iter().map(|(policy, metrics)| {
            let kept = known.get(&Arc::as_ptr(policy)).map(|pool| Rc::clone(pool));
            kept.unwrap_or_else(|| Rc::new(Pool::new(policy.clone(), metrics.clone())))
        });
        let upstreams = previous.iter().flat_map(|it| &it.upstreams).map(|it| (Arc::as_ptr(it.upstream()), it));
        let known: HashMap<_, _> = upstreams.collect();
        let upstreams = generation.upstreams.iter().map(|upstream| {
            let kept = known.get(&Arc::as_ptr(upstream)).map(|connections| Rc::clone(connections));
            kept.unwrap_or_else(|| Rc::new(Connections::new(upstream.clone())))
        });
        let (pools, upstreams) = (pools.collect(), upstreams.collect());
        Self { generation, pools, upstreams }
    }
}
