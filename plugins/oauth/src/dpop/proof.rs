//! One proof: finding it in a request, and holding it against the request and its token (RFC 9449 section 4.3).

use super::config::{Config, FIELD};
use super::key::PublicKey;
use super::nonce::Freshness;
use super::target;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, HashAlgorithm};
use lockgate_sdk::{Head, store};
use lockgate_tokens::{Claims, Jws, Refusal, Signed, Times};
use std::str;

/// Longest proof read, in bytes.
const MAX_PROOF: usize = 8 * 1024;
/// Longest id of a proof, in bytes.
const MAX_ID: usize = 256;

const MALFORMED: Refusal = Refusal::Proof("proof_malformed", "the proof is malformed");
const OTHER_REQUEST: Refusal = Refusal::Proof("proof_for_other_request", "the proof is for another request");
const OTHER_TOKEN: Refusal = Refusal::Proof("proof_for_other_token", "the proof is for another token");

/// A proof whose signature has not been checked.
pub(crate) struct Proof<'a> {
    signed: Signed<'a>,
    key: PublicKey,
    thumbprint: String,
}

impl<'a> Proof<'a> {
    /// The thumbprint of the key it brings.
    pub(crate) fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    fn parse(compact: &'a [u8], config: &Config) -> Result<Self, Refusal> {
        if compact.len() > MAX_PROOF {
            return Err(Refusal::Proof("proof_too_long", "the proof is too long"));
        }
        let compact = str::from_utf8(compact).map_err(|_| MALFORMED)?;
        let jws = Jws::parse(compact).map_err(|_| MALFORMED)?;
        let signed = jws.accept(|kind| kind == Some("dpop+jwt")).map_err(|_| MALFORMED)?;
        if !config.algorithms.allow(signed.algorithm()) {
            return Err(Refusal::Proof("proof_algorithm_not_accepted", "the algorithm of the proof is not accepted"));
        }
        let jwk = signed.header("jwk").and_then(|jwk| jwk.as_object()).ok_or(MALFORMED)?;
        let key = PublicKey::read(jwk).ok_or(MALFORMED)?;
        let thumbprint = key.thumbprint();
        Ok(Self { signed, key, thumbprint })
    }

    fn verify(&self) -> Result<Claims, Refusal> {
        self.signed.verify_jwk(self.key.jwk()).map_err(|refusal| match refusal {
            Refusal::Token("signature_invalid", _) => {
                Refusal::Proof("proof_signature_invalid", "the signature of the proof cannot be verified")
            }
            Refusal::Token(..) => MALFORMED,
            other => other,
        })
    }
}

impl Config {
    /// The proof a request brings, exactly one.
    pub(crate) fn proof<'a>(&self, head: &Head<'a>) -> Result<Proof<'a>, Refusal> {
        let mut values = head.all(FIELD);
        match (values.next(), values.next()) {
            (Some(only), None) => Proof::parse(only, self),
            (Some(_), Some(_)) => Err(Refusal::Proof("proof_sent_twice", "the proof is sent more than once")),
            (None, _) => Err(Refusal::Proof("proof_missing", "a proof is required with the token")),
        }
    }

    /// Hold a proof, whose key is the one the token is bound to, against everything it has to be made for. It is used up
    /// by that; returned is a nonce for the client where it is time for one.
    pub(crate) fn confirm(
        &self,
        proof: &Proof<'_>,
        head: &Head<'_>,
        token: &str,
        times: Times,
    ) -> Result<Option<String>, Refusal> {
        let claims = proof.verify()?;
        let id = claims.string("jti").filter(|id| (1..=MAX_ID).contains(&id.len())).ok_or(MALFORMED)?;
        self.check_request(&claims, head)?;
        let digest = URL_SAFE_NO_PAD.encode(crypto::hash(HashAlgorithm::Sha256, token.as_bytes()));
        if claims.string("ath") != Some(digest.as_str()) {
            return Err(OTHER_TOKEN);
        }
        let usable_ms = self.check_age(&claims, times)?;
        let renewed = self.check_nonce(&claims, times)?;
        self.use_up(&proof.thumbprint, id, usable_ms)?;
        Ok(renewed)
    }

    /// A nonce for a client that has to have one.
    pub(crate) fn nonce(&self, now_ms: u64) -> Result<Option<String>, Refusal> {
        self.nonces().map(|nonces| nonces.issue(now_ms)).transpose()
    }

    fn check_request(&self, claims: &Claims, head: &Head<'_>) -> Result<(), Refusal> {
        let (method, target) = claims.string("htm").zip(claims.string("htu")).ok_or(MALFORMED)?;
        if head.method() != Some(method) {
            return Err(OTHER_REQUEST);
        }
        let fact = |name| head.text(name).ok_or(OTHER_REQUEST);
        let path = fact(":path")?;
        let is_for_it = match &self.url {
            Some(url) => target::is_for(target, url.as_str(), path),
            None => target::is_for(target, &format!("{}://{}", fact(":scheme")?, fact(":authority")?), path),
        };
        if is_for_it { Ok(()) } else { Err(OTHER_REQUEST) }
    }

    /// Returns for how long it can be used yet, also at a gateway whose clock is behind.
    fn check_age(&self, claims: &Claims, times: Times) -> Result<u64, Refusal> {
        let issued = claims.time_ms("iat").ok().flatten().ok_or(MALFORMED)?;
        let (now, leeway) = (times.now_ms as f64, times.leeway.ms() as f64);
        if issued > now + leeway {
            return Err(Refusal::Proof("proof_from_future", "the proof is made in the future"));
        }
        let end = issued + self.max_age.ms() as f64 + leeway;
        if end < now {
            return Err(Refusal::Proof("proof_too_old", "the proof is too old"));
        }
        // A fraction of a millisecond counts as a whole one, and the last moment is one too.
        Ok((end + leeway - now).ceil() as u64 + 1)
    }

    fn check_nonce(&self, claims: &Claims, times: Times) -> Result<Option<String>, Refusal> {
        let Some(nonces) = self.nonces() else {
            return Ok(None);
        };
        match nonces.check(claims.string("nonce"), times.now_ms, times.leeway.ms())? {
            Freshness::Young => Ok(None),
            Freshness::Old => nonces.issue(times.now_ms).map(Some),
        }
    }

    /// Whether it is used for the first time, remembered for as long as it can be used.
    fn use_up(&self, thumbprint: &str, id: &str, usable_ms: u64) -> Result<(), Refusal> {
        // A thumbprint always has the same length.
        let digest = crypto::hash(HashAlgorithm::Sha256, format!("{thumbprint}{id}").as_bytes());
        match store::add(self.replays.as_str(), &URL_SAFE_NO_PAD.encode(digest), 1, Some(usable_ms)) {
            Ok(1) => Ok(()),
            Ok(_) => Err(Refusal::Proof("proof_replayed", "the proof was used before")),
            Err(store::Error::Denied) => Err(Refusal::Denied),
            Err(_) => Err(Refusal::Unavailable),
        }
    }
}
