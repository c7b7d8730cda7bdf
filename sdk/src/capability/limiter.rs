//! How often something may happen: counted outside of instances, exactly. Needs the grant `limiter:NAME`.
//!
//! Where it is counted is the operator's to choose: in the gateway, or in a store that several gateways share. While such
//! a store is being asked, [`take`] says `Unavailable`, and the hook is called again with the answer there: answer that
//! error at once, and make the same demands in the same order.
//!
//! ```
//! use lockgate_sdk::limiter::{self, Absence, Allowance, Demand, Rule};
//!
//! let minute = Rule::SlidingWindow(Allowance { amount: 100, period_ms: 60_000 });
//! let taken = limiter::take("calls", &[Demand { key: b"ada", rule: minute, cost: 1 }], Absence::CountHere)?;
//! assert!(taken[0].has_room);
//! assert_eq!(taken[0].remaining, 99);
//! # Ok::<_, limiter::Error>(())
//! ```

use super::host::limiter as host;
pub use host::{Absence, Allowance, Demand, Error, Rule, Standing};

/// Take what the demands want of the limiter, a name of the interest: all of it, or nothing where one of them has no
/// room. At most 16 demands, with keys of at most 1 KiB.
///
/// # Errors
/// `Unavailable` should become [`Failure::Dependency`](crate::Failure::Dependency), or whatever is right without an
/// answer; `Denied` and `Invalid` are faults of policy or grant.
pub fn take(limiter: &str, demands: &[Demand<'_>], absence: Absence) -> Result<Vec<Standing>, Error> {
    host::take(limiter, demands, absence)
}
