//! Takes from the limiter `here`, then from `there`, and tells the upstream what is left of both.

use lockgate_sdk::limiter::{Absence, Allowance, Demand, Error, Rule};
use lockgate_sdk::prelude::*;

#[derive(Deserialize)]
struct TakeTwice {}

impl Policy for TakeTwice {
    fn interest(&self) -> Interest {
        Interest::new().limiter("here").limiter("there").request_write("x-test-left")
    }
}

impl RequestPhase for TakeTwice {
    fn on_request(&self, _head: &Head<'_>) -> Verdict {
        let rule = Rule::SlidingWindow(Allowance { amount: 100, period_ms: 366 * 24 * 60 * 60 * 1000 });
        let take = |limiter| limiter::take(limiter, &[Demand { key: b"all", rule, cost: 1 }], Absence::Fail);
        let both = take("here").and_then(|here| Ok([here[0].remaining, take("there")?[0].remaining]));
        match both {
            Ok([here, there]) => Edits::new().set("x-test-left", format!("{here} {there}")).into(),
            Err(Error::Unavailable) => Failure::Dependency.into(),
            Err(Error::Denied | Error::Invalid) => Failure::Internal.into(),
        }
    }
}

lockgate_sdk::export!(TakeTwice: RequestPhase);
