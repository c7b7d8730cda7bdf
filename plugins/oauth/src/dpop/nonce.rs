//! Nonces that any gateway with the same key knows, though none of them remembers any (RFC 9449 sections 8 and 9).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use lockgate_sdk::crypto::{self, SealError};
use lockgate_tokens::Refusal;

/// What a seal is for, so that nothing that was sealed for another use is a nonce.
const CONTEXT: &[u8] = b"lockgate oauth dpop nonce";
/// Longest nonce that is looked at, in bytes; ours are shorter.
const MAX_NONCE: usize = 128;

const STALE: Refusal =
    Refusal::Nonce("nonce_stale", "the nonce of the proof is not, or not any more, one of this server");

/// A nonce is the time it was made at, sealed.
pub(super) struct Nonces<'a> {
    pub(super) key: &'a str,
    pub(super) lifetime_ms: u64,
}

/// How good a nonce is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It is good for longer than it has been.
    Young,
    /// It is time to give the client another.
    Old,
}

impl Nonces<'_> {
    /// A nonce of now.
    pub(super) fn issue(&self, now_ms: u64) -> Result<String, Refusal> {
        let sealed = crypto::seal(self.key, CONTEXT, &now_ms.to_be_bytes()).map_err(failed)?;
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Whether a proof holds one that is good; clocks of gateways may differ by `leeway_ms`.
    pub(super) fn check(&self, nonce: Option<&str>, now_ms: u64, leeway_ms: u64) -> Result<Freshness, Refusal> {
        let nonce = nonce.ok_or(Refusal::Nonce("nonce_needed", "the proof needs a nonce of this server"))?;
        if nonce.len() > MAX_NONCE {
            return Err(STALE);
        }
        let sealed = URL_SAFE_NO_PAD.decode(nonce).map_err(|_| STALE)?;
        let made = crypto::open(self.key, CONTEXT, &sealed).map_err(|error| match error {
            SealError::Invalid => STALE,
            error => failed(error),
        })?;
        let made_ms = u64::from_be_bytes(made.try_into().map_err(|_| STALE)?);
        let age_ms = now_ms.saturating_sub(made_ms);
        if age_ms > self.lifetime_ms || made_ms > now_ms.saturating_add(leeway_ms) {
            return Err(STALE);
        }
        Ok(if age_ms > self.lifetime_ms / 2 { Freshness::Old } else { Freshness::Young })
    }
}

fn failed(error: SealError) -> Refusal {
    match error {
        SealError::Unavailable => Refusal::Unavailable,
        SealError::Denied | SealError::Limit | SealError::Invalid => Refusal::Denied,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCES: Nonces<'static> = Nonces { key: "nonces", lifetime_ms: 300_000 };
    const NOW: u64 = 1_800_000_000_000;

    #[test]
    fn a_nonce_is_good_for_its_life_and_replaced_in_its_second_half() {
        let nonce = NONCES.issue(NOW).unwrap();
        let at = |now_ms| NONCES.check(Some(&nonce), now_ms, 1_000);
        assert_eq!(at(NOW), Ok(Freshness::Young));
        assert_eq!(at(NOW + 150_000), Ok(Freshness::Young));
        assert_eq!(at(NOW + 150_001), Ok(Freshness::Old));
        assert_eq!(at(NOW + 300_000), Ok(Freshness::Old));
        assert_eq!(at(NOW + 300_001), Err(STALE));
        assert_eq!(at(NOW - 1_000), Ok(Freshness::Young), "of a gateway whose clock is ahead");
        assert_eq!(at(NOW - 1_001), Err(STALE));
    }

    #[test]
    fn what_was_not_sealed_here_is_stale() {
        let other = Nonces { key: "other", lifetime_ms: 300_000 }.issue(NOW).unwrap();
        let elsewhere = URL_SAFE_NO_PAD.encode(crypto::seal("nonces", b"session", &NOW.to_be_bytes()).unwrap());
        let short = URL_SAFE_NO_PAD.encode(crypto::seal("nonces", CONTEXT, b"1").unwrap());
        let padded = format!("{}=", NONCES.issue(NOW).unwrap());
        for nonce in ["", "a", &other, &elsewhere, &short, &padded, &"a".repeat(129)] {
            assert_eq!(NONCES.check(Some(nonce), NOW, 0), Err(STALE), "{nonce}");
        }
        assert!(matches!(NONCES.check(None, NOW, 0), Err(Refusal::Nonce("nonce_needed", _))));
    }
}
