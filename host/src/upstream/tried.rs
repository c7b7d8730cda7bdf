//! The time of one try of a target, taken only where the exchange keeps account.

use std::time::Instant;

use http::StatusCode;

use super::Upstream;
use crate::telemetry::account::{Account, Try};

/// A try that has begun; nothing where nobody wants to know.
#[must_use = "a try is told of when it has ended"]
pub(super) struct Tried<'a>(Option<Begun<'a>>);

struct Begun<'a> {
    account: &'a Account,
    upstream: &'a Upstream,
    target: usize,
    begun: Instant,
}

impl<'a> Tried<'a> {
    pub(super) fn begin(account: Option<&'a Account>, upstream: &'a Upstream, target: usize) -> Self {
        Self(account.map(|account| Begun { account, upstream, target, begun: Instant::now() }))
    }

    /// With what was answered, or the class of the fault.
    pub(super) fn end(self, end: Result<StatusCode, &'static str>) {
        let Some(Begun { account, upstream, target, begun }) = self.0 else { return };
        let settings = &upstream.settings;
        let target = settings.targets.get(target).map(|declared| declared.target.to_string()).unwrap_or_default();
        account.tried(Try { upstream: settings.name.clone(), target, end, took: begun.elapsed() });
    }
}
