//! Answers that come from the configuration alone: redirects, and answers that are always the same.

use http::header::LOCATION;
use http::{Response, StatusCode};

use crate::config::{Redirect, Respond};
use crate::exchange::path::PathError;
use crate::exchange::{Body, Exchange, Fault};
use crate::route::Params;

/// Send the client elsewhere. What it asked for decides where, whatever policies have set as a target for upstreams.
pub(super) fn redirect(
    redirect: &Redirect,
    params: Option<Params<'_>>,
    exchange: &Exchange,
) -> Result<Response<Body>, Fault> {
    let params = params.ok_or_else(|| Fault::gateway("no_params"))?;
    let query = redirect.query.of(exchange.routed.query());
    let location = redirect.location.render(params, query).map_err(too_long)?;
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = redirect.status;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// The answer that is always the same.
pub(super) fn respond(respond: &Respond) -> Response<Body> {
    let mut response = Response::new(Body::of(respond.body.clone()));
    *response.status_mut() = respond.status;
    *response.headers_mut() = respond.headers.clone();
    response
}

/// What a request asks for cannot be put into other words: nothing else can go wrong with a template that was checked.
pub(super) fn too_long(error: PathError) -> Fault {
    let detail = "The path of the request is too long to be rewritten.";
    Fault::client(StatusCode::URI_TOO_LONG, "rewritten_too_long", detail).because(error)
}
