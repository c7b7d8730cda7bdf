//! Native doubles for the gateway: facts to call hooks with, readers for what they return, and each capability.
//!
//! State belongs to the thread, so tests that run side by side do not meet. [`reset`] clears it where tests share a
//! thread.

pub mod clock;
pub mod consumers;
pub mod crypto;
pub mod egress;
mod facts;
mod grants;
pub mod limiter;
pub mod log;
pub mod metrics;
pub mod random;
mod reader;
pub mod store;

pub use facts::{Facts, OwnedHead};
pub use grants::{assert_declared, assert_grants};

use crate::{ConfigError, Policy};
use std::cell::Cell;

thread_local! {
    static CONFIGURING: Cell<bool> = const { Cell::new(false) };
}

/// Deserialise and check a policy as the gateway does. A capability other than `log` used meanwhile panics, as it would
/// trap there.
///
/// # Errors
/// All faults found, with the paths and messages an operator would see.
pub fn configure<P: Policy>(config_json: &str) -> Result<P, Vec<ConfigError>> {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            CONFIGURING.set(false);
        }
    }
    CONFIGURING.set(true);
    let _done = Done;
    let policy = crate::configure::configure::<P>(config_json.as_bytes())?;
    let _ = policy.interest();
    Ok(policy)
}

/// Put every double of this thread back to its first state.
pub fn reset() {
    clock::reset();
    consumers::reset();
    crypto::reset();
    egress::reset();
    limiter::reset();
    log::reset();
    metrics::reset();
    random::reset();
    store::reset();
}

fn refuse_while_configuring(capability: &str) {
    assert!(
        !CONFIGURING.get(),
        "{capability} was used while the policy was being configured, which traps in the gateway"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Interest;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Hasty {}

    impl Policy for Hasty {
        fn interest(&self) -> Interest {
            Interest::new().request_write(crate::clock::unix_ms().to_string())
        }
    }

    #[test]
    #[should_panic(expected = "clock was used")]
    fn a_capability_used_while_configuring_panics() {
        let _ = configure::<Hasty>("{}");
    }
}
