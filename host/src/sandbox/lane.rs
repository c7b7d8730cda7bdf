//! The slow lane: a thread of its own, with less claim to the processors than workers, for policies that overran.
//!
//! A call that uses up its CPU time on a worker is time that all other requests of that worker wait. So a policy that did that once goes on
//! here, one call after the other, until it has behaved for a while.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use tokio::sync::oneshot;

use super::call::{Call, Said};
use super::fault::PluginFault;
use super::instance::Instance;
use super::limits::thread_cpu_time;
use super::policy::Policy;
use crate::telemetry::RequestId;
use crate::telemetry::account::Spent;

/// Calls that wait, of all policies.
const QUEUE: usize = 256;

/// The way to the thread. It ends when nobody can send any more.
pub(super) struct Lane(SyncSender<Job>);

struct Job {
    policy: Arc<Policy>,
    exchange: RequestId,
    call: Call,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<(Said, Spent), PluginFault>;

impl Lane {
    pub(super) fn start() -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::Builder::new().name("slow lane".into()).spawn(move || run(&receiver))?;
        Ok(Self(sender))
    }

    /// Have a call made. What comes back is what was said, and what that took.
    pub(super) fn send(
        &self,
        policy: Arc<Policy>,
        exchange: RequestId,
        call: Call,
    ) -> Result<oneshot::Receiver<Answer>, PluginFault> {
        let (answer, said) = oneshot::channel();
        self.0.try_send(Job { policy, exchange, call, answer }).map_err(|_| PluginFault::Busy)?;
        Ok(said)
    }
}

fn run(jobs: &Receiver<Job>) {
    // On Linux this is about the thread. Where it is refused the lane is as quick as the workers, which costs them something.
    let _ = rustix::process::nice(15);
    for Job { policy, exchange, call, answer } in jobs {
        // Nobody waits for this one any more.
        if answer.is_closed() {
            continue;
        }
        let cpu = thread_cpu_time();
        let called = Instance::new(&policy).and_then(|mut instance| {
            let said = call.make(&mut instance, &policy.exports, exchange)?;
            let cpu = Some(thread_cpu_time().saturating_sub(cpu));
            Ok((said, Spent { cpu, ..instance.spent() }))
        });
        let _ = answer.send(called);
    }
}
