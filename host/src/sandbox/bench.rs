//! What benchmarks of hook calls need: one policy, built in this process, called as the chain calls it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::trial::{self, Image, Reply, Request, Trial};
use super::{
    BodyDirection, Change, Limits, OnChunk, OnRequest, OnResponse, Parts, Pool, Powers, Sandbox, Verdict, cache, fields,
};
use crate::config::{Breaker, Isolation};
use crate::content::Digest;
use crate::telemetry::RequestId;
use crate::telemetry::metrics::Metrics;

/// Where calls get their instance from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instances {
    /// One for all of them.
    Warm,
    /// A fresh one for each, made from an image.
    FromImage,
    /// A fresh one for each, which is configured first.
    Configured,
}

/// A policy with 20 header fields to look at.
pub struct Hook {
    pool: Pool,
    fields: OnRequest,
    path: OnRequest,
    nothing: OnRequest,
}

impl Hook {
    /// Build the policy of a component with a configuration (JSON text); powers are not checked here.
    pub fn new(wasm: &[u8], config: &str, instances: Instances) -> anyhow::Result<Self> {
        let limits = Limits {
            cpu: Duration::from_secs(1),
            wall: Duration::from_secs(2),
            memory: 1 << 24,
            table_elements: 10_000,
            host_calls: u32::MAX,
            host_memory: 1 << 21,
            log: 0,
            calls: u32::MAX,
        };
        let trial = Trial { config: config.into(), limits, image: instances == Instances::FromImage };
        let request = Request { compiled: None, instrumented: None, trials: vec![trial], steps_back: false };
        let (reply, mut code) = trial::perform(&request, wasm);
        let Reply::Built { code: length, instrumented, mut trials } = reply else {
            anyhow::bail!("refused: {reply:?}")
        };
        let image = code.split_off(length + instrumented);
        code.truncate(length);
        let tried = trials.remove(0).map_err(|reasons| anyhow::anyhow!(reasons.join("; ")))?;
        let sandbox = Sandbox::new(None)?;
        let load = |code: &[u8]| cache::load_bytes(&sandbox.engine, code).map_err(super::anyhow_from);
        let code = super::Code { component: load(&code).ok(), digest: Digest::of(wasm) };
        let image = load(&image);
        let tried = tried.and_then(|_| match image {
            Ok(component) => sandbox.admit(component, 0),
            Err(error) => Image::Impossible(error.to_string()),
        });
        if let Image::Impossible(reason) = &tried.image {
            anyhow::bail!("no image: {reason}");
        }
        let metrics = Metrics::new("", "");
        let powers = Powers {
            api: "bench".into(),
            policy: "bench".into(),
            keys: Default::default(),
            signers: Default::default(),
            sealers: Default::default(),
            stores: Default::default(),
            egress: Default::default(),
            limiters: Default::default(),
            consumers: None,
            may_wait: false,
            counters: metrics.policy_counters("bench", "bench"),
            world: Default::default(),
        };
        let isolation = if instances == Instances::Warm { Isolation::Pooled } else { Isolation::Request };
        let breaker = Breaker { failures: u32::MAX, pause: Duration::from_secs(1), max_pause: Duration::from_secs(1) };
        let policy = sandbox.load(
            &code,
            Parts { config: config.into(), tried, limits, isolation, breaker, powers, is_shadow: false },
        )?;
        let mut head = Vec::new();
        for n in 0..20 {
            fields::push(&mut head, format!("x-field-{n}").as_bytes(), &[b'v'; 40]);
        }
        let mut path = Vec::new();
        fields::push(&mut path, b":path", b"/pets/1");
        let [fields, path, nothing] = [head, path, Vec::new()].map(|head| OnRequest { head });
        Ok(Self { pool: Pool::new(Arc::new(policy), metrics.policy("bench")), fields, path, nothing })
    }

    /// One request hook with all 20 fields. True if the policy edited the head.
    pub fn request(&self) -> anyhow::Result<bool> {
        Ok(self.pool.call(RequestId::Number(1).into(), &self.fields, edited)?)
    }

    /// The same with one fact only.
    pub fn request_with_path(&self) -> anyhow::Result<bool> {
        Ok(self.pool.call(RequestId::Number(1).into(), &self.path, edited)?)
    }

    /// The same with nothing to look at: what a policy without imports said to that is repeated.
    pub fn request_without_facts(&self) -> anyhow::Result<bool> {
        Ok(self.pool.call(RequestId::Number(1).into(), &self.nothing, edited)?)
    }

    /// A response hook with a JSON response of the route `bench`. Returns what the policy carries to the body.
    pub fn response(&self) -> anyhow::Result<Vec<u8>> {
        let mut head = Vec::new();
        for (name, value) in [(":route", "bench"), (":status", "200"), ("content-type", "application/json")] {
            fields::push(&mut head, name.as_bytes(), value.as_bytes());
        }
        let call = OnResponse { head, state: Vec::new() };
        match self.pool.call(RequestId::Number(1).into(), &call, Ok)? {
            Verdict::Edit(edits) => Ok(edits.state.unwrap_or_default()),
            Verdict::Pass => Ok(Vec::new()),
            Verdict::Respond(_) | Verdict::Fail(_) => anyhow::bail!("the policy refused the response"),
        }
    }

    /// All of a response body in pieces of so many bytes, after what the policy carried to it. Returns how many splices
    /// were made of it.
    pub fn response_body(&self, body: &[u8], piece: usize, state: &[u8]) -> anyhow::Result<usize> {
        let (mut state, mut held, mut splices) = (state.to_vec(), 0, 0);
        let mut at = 0;
        while at < body.len() {
            let end = body.len().min(at + piece);
            let chunk = Bytes::copy_from_slice(&body[at - held..end]);
            let call = OnChunk { direction: BodyDirection::Response, chunk, last: end == body.len(), state };
            let said = self.pool.call(RequestId::Number(1).into(), &call, Ok)?;
            state = call.state;
            held = 0;
            match said {
                Verdict::Pass => {}
                Verdict::Edit(edits) => {
                    held = edits.hold as usize;
                    state = edits.state.unwrap_or(state);
                    if let Change::Splice(made) = edits.bytes {
                        splices += made.pieces.len();
                    }
                }
                Verdict::Respond(_) | Verdict::Fail(_) => anyhow::bail!("the policy refused the body"),
            }
            at = end;
        }
        Ok(splices)
    }
}

/// The component of a built-in policy.
pub fn builtin(name: &str) -> Option<&'static [u8]> {
    crate::builtin::component(name).map(|component| &**component)
}

fn edited(verdict: Verdict) -> Result<bool, super::PluginFault> {
    Ok(matches!(verdict, Verdict::Edit(_)))
}
