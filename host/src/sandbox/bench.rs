//! What benchmarks of hook calls need: one policy, built in this process, called as the chain calls it.

use std::sync::Arc;
use std::time::Duration;

use super::{Digest, Limits, Pool, Powers, Sandbox, Verdict, cache, fields, trial};
use crate::telemetry::RequestId;
use crate::telemetry::metrics::Metrics;

/// A warm policy with 20 header fields to look at.
pub struct Hook {
    pool: Pool,
    head: Vec<u8>,
    path: Vec<u8>,
}

impl Hook {
    /// Build the policy of a component with a configuration (JSON text); powers are not checked here.
    pub fn new(wasm: &[u8], config: &str) -> anyhow::Result<Self> {
        let limits =
            Limits { cpu: Duration::from_secs(1), wall: Duration::from_secs(2), memory: 1 << 24, calls: u32::MAX };
        let request = trial::Request { compiled: None, trials: vec![(config.to_owned(), limits)] };
        let (reply, code) = trial::perform(&request, wasm);
        let trial::Reply::Built(mut trials) = reply else { anyhow::bail!("refused: {reply:?}") };
        let interest = trials.remove(0).map_err(|reasons| anyhow::anyhow!(reasons.join("; ")))?;
        let sandbox = Sandbox::new(None)?;
        let component = cache::load_bytes(&sandbox.engine, &code).map_err(super::anyhow_from)?;
        let code = super::Code { component, digest: Digest::of(wasm) };
        let metrics = Metrics::new("", "");
        let powers = Powers {
            api: "bench".into(),
            policy: "bench".into(),
            keys: Default::default(),
            stores: Default::default(),
            counters: metrics.policy_counters("bench", "bench"),
        };
        let policy = sandbox.load(&code, config, interest, limits, powers)?;
        let mut head = Vec::new();
        for n in 0..20 {
            fields::push(&mut head, format!("x-field-{n}").as_bytes(), &[b'v'; 40]);
        }
        let mut path = Vec::new();
        fields::push(&mut path, b":path", b"/pets/1");
        Ok(Self { pool: Pool::new(Arc::new(policy), metrics.policy("bench")), head, path })
    }

    /// One warm request hook with all 20 fields. True if the policy edited the head.
    pub fn request(&self) -> anyhow::Result<bool> {
        Ok(self.pool.on_request(RequestId::Number(1), &self.head, edited)?)
    }

    /// The same with one fact only.
    pub fn request_with_path(&self) -> anyhow::Result<bool> {
        Ok(self.pool.on_request(RequestId::Number(1), &self.path, edited)?)
    }

    /// The same with nothing to look at: what a policy without imports said to that is repeated.
    pub fn request_without_facts(&self) -> anyhow::Result<bool> {
        Ok(self.pool.on_request(RequestId::Number(1), &Vec::new(), edited)?)
    }
}

/// The component of a built-in policy.
pub fn builtin(name: &str) -> Option<&'static [u8]> {
    crate::builtin::component(name)
}

fn edited(verdict: Verdict) -> Result<bool, super::PluginFault> {
    Ok(matches!(verdict, Verdict::Edit(_)))
}
