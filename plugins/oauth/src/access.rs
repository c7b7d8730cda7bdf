//! Who vouches for an access token, and whether it is one for here and now.

use crate::config::Config;
use lockgate_tokens::{Claims, Credentials, Jws, Refusal, Times};

/// The kind of JWTs that are access tokens (RFC 9068 section 2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// What the token claims, confirmed by its signature or by the authorization server, and checked but for whose it is and what
/// it is good for.
///
/// With both ways open, access tokens that are JWTs are checked here and all others by who issued them.
pub(crate) fn claims(config: &Config, sent: &Credentials<'_>, times: Times) -> Result<Claims, Refusal> {
    let (claims, is_signed) = match (&config.keys, &config.introspect) {
        (Some(keys), None) => (signed(Jws::parse(sent.token)?, keys.as_str())?, true),
        (None, Some(introspection)) => (introspection.claims(sent)?, false),
        (Some(keys), Some(introspection)) => match Jws::parse(sent.token) {
            Ok(jws) if jws.kind().as_deref() == Some(ACCESS_TOKEN) => (signed(jws, keys.as_str())?, true),
            _ => (introspection.claims(sent)?, false),
        },
        // A configuration without either is refused.
        (None, None) => return Err(Refusal::Denied),
    };
    // An authorization server that is asked need not say who it is, nor when the token ends.
    claims.check_times(Times { allow_no_expiry: !is_signed, ..times })?;
    if is_signed || claims.issuer()?.is_some() {
        claims.check_issuer(config.issuer.as_ref())?;
    }
    claims.check_audience(config.audience.as_ref())?;
    Ok(claims)
}

fn signed(jws: Jws<'_>, keys: &str) -> Result<Claims, Refusal> {
    let claims = jws.accept(|kind| kind == Some(ACCESS_TOKEN))?.verify(keys)?;
    check_whole(&claims)?;
    Ok(claims)
}

/// RFC 9068 section 2.2: what an access token has to claim. `exp` is asked for with the times.
fn check_whole(claims: &Claims) -> Result<(), Refusal> {
    let has_texts = ["sub", "client_id", "jti"].iter().all(|name| claims.string(name).is_some());
    let has_origin = claims.issuer()?.is_some() && !claims.audience()?.is_empty();
    if has_texts && has_origin && claims.time_ms("iat")?.is_some() {
        return Ok(());
    }
    Err(Refusal::Token("claim_missing", "the token lacks a claim that access tokens have"))
}
