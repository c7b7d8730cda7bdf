//! What an upstream is asked for where that is not what the client asked for.

use http::HeaderMap;
use http::header::HOST;

use super::fixed::too_long;
use crate::config::{HostUse, QueryUse, Rewrite};
use crate::exchange::path::Target;
use crate::exchange::{Exchange, Fault};
use crate::route::Params;

/// The target for the upstream, from the one policies have left. Where that does not fit the route any more, a policy
/// has chosen another path, which stays.
pub(super) fn target(rewrite: &Rewrite, params: Option<Params<'_>>, exchange: &Exchange) -> Result<Target, Fault> {
    let target = &exchange.target;
    let query = rewrite.query.of(target.query());
    let params = params.and_then(|params| params.of(target.path()));
    match (&rewrite.path, params, rewrite.query) {
        (Some(path), Some(params), _) => path.render(params, query).map_err(too_long),
        (_, _, QueryUse::Keep) => Ok(target.clone()),
        (_, _, QueryUse::Drop) => Target::parse(target.path()).map_err(too_long),
    }
}

/// Name the host the upstream is told, unless that is for its targets to say.
pub(super) fn host(rewrite: &Rewrite, headers: &mut HeaderMap) {
    if let HostUse::Named(host) = &rewrite.host {
        headers.insert(HOST, host.clone());
    }
}
