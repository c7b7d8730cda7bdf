//! Lanes: threads of their own, which have the processors when nothing else wants them.
//!
//! A call that uses up its CPU time on a worker is time that all other requests of that worker wait. So a policy that
//! did that once goes on in the slow lane, one call after the other, until it has behaved for a while. What runs in the
//! shadow of what serves has a lane, too.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use thread_priority::ThreadPriority;
use thread_priority::unix::{
    NormalThreadSchedulePolicy, ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
};
use tokio::sync::oneshot;

use super::fault::PluginFault;
use super::hook::Hook;
use super::instance::{Instance, Returned};
use super::limits::thread_cpu_time;
use super::occasion::Occasion;
use super::policy::Policy;
use crate::telemetry::account::Spent;

/// Calls that wait, of all policies.
const QUEUE: usize = 256;

/// The way to the thread. It ends when nobody can send any more.
pub(super) struct Lane(SyncSender<Job>);

/// A call that is to be made, with whom to tell.
type Job = Box<dyn FnOnce() + Send>;

impl Lane {
    pub(super) fn start(name: &str) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::Builder::new().name(name.into()).spawn(move || run(&receiver))?;
        Ok(Self(sender))
    }

    /// Have a call made. What comes back comes with what that took.
    pub(super) fn send<H: Hook>(
        &self,
        policy: Arc<Policy>,
        occasion: Occasion,
        hook: H,
    ) -> Result<oneshot::Receiver<Result<(Returned<H::Said>, Spent), PluginFault>>, PluginFault> {
        let (answer, said) = oneshot::channel();
        let job = move || {
            // Somebody may not wait for this one any more.
            if !answer.is_closed() {
                let _ = answer.send(call(&policy, occasion, &hook));
            }
        };
        self.0.try_send(Box::new(job)).map_err(|_| PluginFault::Busy)?;
        Ok(said)
    }
}

fn call<H: Hook>(policy: &Policy, occasion: Occasion, hook: &H) -> Result<(Returned<H::Said>, Spent), PluginFault> {
    let began = thread_cpu_time();
    let mut instance = Instance::new(policy)?;
    let returned = instance.call(&policy.exports, occasion, hook)?;
    let cpu = Some(thread_cpu_time().saturating_sub(began));
    Ok((returned, Spent { cpu, ..instance.spent() }))
}

fn run(jobs: &Receiver<Job>) {
    step_back();
    for job in jobs {
        // A fault of the gateway costs this call and not the thread: its instance is gone, and whoever waits hears that
        // there is no answer.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

/// Run when nothing else wants to. A thread that is merely nicer than others keeps the processor for the rest of its
/// slice when a worker wakes; one that is idle in the eyes of the scheduler leaves it at once.
fn step_back() {
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle) {
        tracing::warn!(?error, "a lane cannot step back: what is called there costs other requests time");
    }
}
