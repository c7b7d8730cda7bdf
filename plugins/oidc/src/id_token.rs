//! Whether an ID token says who signed in here and now (OpenID Connect Core 1.0 sections 3.1.3.7 and 12.2).

use crate::config::Config;
use crate::refusal::{Halt, Refusal};
use crate::tokens::Tokens;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, Algorithm, HashAlgorithm};
use lockgate_sdk::{clock, log};
use lockgate_tokens::{Claims, Jws, Refusal as Fault, Strings, Times};
use serde_json::Value;

/// Longest `sub` (OpenID Connect Core 1.0 section 2).
const MAX_SUBJECT: usize = 255;

/// The claims of the ID token among these, which is for this client and of the login with this nonce. One that comes with a
/// refresh may leave the nonce out.
pub(crate) fn check(config: &Config, tokens: &Tokens, nonce: &str, is_refresh: bool) -> Result<Claims, Halt> {
    let id = tokens.id.as_deref().ok_or(Fault::Token("absent", ""));
    let (claims, algorithm) = id.and_then(|id| claims(config, id)).map_err(refused)?;
    match claims.member("nonce") {
        Some(Value::String(found)) if found == nonce => {}
        None if is_refresh => {}
        _ => {
            log::warn("an ID token is of another login");
            return Err(Refusal::NonceMismatch.into());
        }
    }
    check_access_token(&claims, algorithm, &tokens.access).map_err(refused)?;
    Ok(claims)
}

fn claims(config: &Config, compact: &str) -> Result<(Claims, Algorithm), Fault> {
    let token = Jws::parse(compact)?.accept(|kind| matches!(kind, None | Some("jwt")))?;
    let algorithm = token.algorithm();
    // These are made with the client's secret, which is not in the gateway's key sets.
    if matches!(algorithm, Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512) {
        return Err(Fault::Token("algorithm_not_accepted", ""));
    }
    let claims = token.verify(config.keys.as_str())?;
    claims.check_times(Times { now_ms: clock::unix_ms(), leeway: config.leeway, allow_no_expiry: false })?;
    claims.check_issuer(Some(&Strings::one(config.issuer.name())))?;
    claims.check_audience(Some(&Strings::one(config.client_id.as_str())))?;
    check_party(&claims, config.client_id.as_str())?;
    let is_subject = |sub: &str| (1..=MAX_SUBJECT).contains(&sub.len());
    if claims.time_ms("iat")?.is_none() || !claims.string("sub").is_some_and(is_subject) {
        return Err(Fault::Token("claim_missing", ""));
    }
    Ok((claims, algorithm))
}

/// Whom it was given to: where it is for several, one of them could have been given it, so it has to say us.
fn check_party(claims: &Claims, client_id: &str) -> Result<(), Fault> {
    let is_for_several = claims.audience()?.len() > 1;
    match claims.member("azp") {
        None if !is_for_several => Ok(()),
        Some(Value::String(party)) if party == client_id => Ok(()),
        _ => Err(Fault::Token("party_not_accepted", "")),
    }
}

/// `at_hash`, where it is there: the access token is the one that was given with it (section 3.1.3.8).
fn check_access_token(claims: &Claims, algorithm: Algorithm, access: &str) -> Result<(), Fault> {
    let Some(found) = claims.member("at_hash") else { return Ok(()) };
    let hash = match algorithm {
        Algorithm::Hs256 | Algorithm::Rs256 | Algorithm::Ps256 | Algorithm::Es256 => HashAlgorithm::Sha256,
        Algorithm::Hs384 | Algorithm::Rs384 | Algorithm::Ps384 | Algorithm::Es384 => HashAlgorithm::Sha384,
        Algorithm::Hs512 | Algorithm::Rs512 | Algorithm::Ps512 | Algorithm::Es512 | Algorithm::Eddsa => {
            HashAlgorithm::Sha512
        }
    };
    let mut digest = crypto::hash(hash, access.as_bytes());
    digest.truncate(digest.len() / 2);
    if *found == URL_SAFE_NO_PAD.encode(digest) { Ok(()) } else { Err(Fault::Token("access_token_other", "")) }
}

/// The log says why, which is the provider's to mend; the visitor is told that it is so.
fn refused(fault: Fault) -> Halt {
    match (fault, fault.answer()) {
        (_, Err(failure)) => failure.into(),
        (Fault::Token(kind, _), _) => {
            log::warn(&format!("an ID token is refused: {kind}"));
            Refusal::IdTokenInvalid.into()
        }
        _ => Refusal::IdTokenInvalid.into(),
    }
}
