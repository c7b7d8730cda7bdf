//! Drawing by hash (weighted rendezvous): the same key draws the same one of several, in every worker, process and release.
//!
//! Each draws a lot for a key, longer the heavier it is, and the longest wins. So where one goes, becomes lighter or
//! heavier, a key moves only from it or to it; between two, exactly as many move as the shares differ.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::COOKIE;

use crate::config::HashKey;

/// The place of the one that wins `key`, among places with what each is known by and its weight. None wins without a
/// weight.
pub(super) fn winner(key: u64, all: impl Iterator<Item = (usize, u64, u32)>) -> Option<usize> {
    let spread = mix(key);
    let lot = |(at, identity, weight): (usize, u64, u32)| {
        let drawn = mix(identity ^ spread);
        // In (0, 1], so that the logarithm is finite.
        let part = ((drawn >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        (weight > 0).then(|| (at, f64::from(weight) / -part.ln().min(-f64::MIN_POSITIVE)))
    };
    all.filter_map(lot).max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(at, _)| at)
}

/// What is hashed of a request, if it has that.
pub(super) fn key(key: &HashKey, headers: &HeaderMap, path: &str, client: Option<IpAddr>) -> Option<u64> {
    match key {
        HashKey::Client => client.map(|client| match client {
            IpAddr::V4(address) => hash(&address.octets()),
            IpAddr::V6(address) => hash(&address.octets()),
        }),
        HashKey::Path => Some(hash(path.as_bytes())),
        HashKey::Header(name) => headers.get(name).map(|value| hash(value.as_bytes())),
        HashKey::Cookie(name) => headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|cookies| crumbs(cookies.as_bytes()))
            .find_map(|crumb| value(crumb, name))
            .map(hash),
    }
}

/// The pairs of a Cookie field (RFC 6265 section 4.2.1).
pub(super) fn crumbs(cookies: &[u8]) -> impl Iterator<Item = &[u8]> {
    cookies.split(|&byte| byte == b';').map(<[u8]>::trim_ascii)
}

/// The value of a pair, if it has this name.
pub(super) fn value<'a>(crumb: &'a [u8], name: &str) -> Option<&'a [u8]> {
    crumb.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// FNV-1a, whose result is the same in every process and release.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Spreads the bits of a number over all of it (the finaliser of MurmurHash3).
pub(super) fn mix(mut bits: u64) -> u64 {
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xff51_afd7_ed55_8ccd);
    bits ^= bits >> 33;
    bits = bits.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    bits ^ (bits >> 33)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draw(key: u64, weights: &[u32]) -> Option<usize> {
        let name = |at: usize| hash(format!("arm-{at}").as_bytes());
        winner(key, weights.iter().enumerate().map(|(at, weight)| (at, name(at), *weight)))
    }

    /// Of so many keys, how many each wins.
    fn shares(keys: u64, weights: &[u32]) -> Vec<u64> {
        let mut shares = vec![0; weights.len()];
        (0..keys).for_each(|key| shares[draw(key, weights).unwrap()] += 1);
        shares
    }

    #[test]
    fn keys_are_shared_by_weight() {
        // Six standard deviations of what fair drawing gives.
        let keys = 200_000_u64;
        for weights in [&[95, 5][..], &[1, 1], &[999, 1], &[50, 30, 20], &[1, 2, 3, 4], &[7]] {
            let total: u32 = weights.iter().sum();
            for (share, weight) in shares(keys, weights).into_iter().zip(weights) {
                let wanted = f64::from(*weight) / f64::from(total);
                let off = (share as f64 / keys as f64 - wanted).abs();
                let bound = 6.0 * (wanted * (1.0 - wanted) / keys as f64).sqrt();
                assert!(off <= bound, "{weights:?}: {share} of {keys} for {weight}");
            }
        }
    }

    #[test]
    fn between_two_only_the_share_that_must_moves() {
        let keys = 100_000;
        let moved = (0..keys).filter(|key| draw(*key, &[95, 5]) != draw(*key, &[90, 10])).count();
        assert!((4_500..5_500).contains(&moved), "{moved}");
        let back = (0..keys).filter(|key| draw(*key, &[95, 5]) == Some(1) && draw(*key, &[90, 10]) == Some(0));
        assert_eq!(back.count(), 0);
    }

    #[test]
    fn nobody_wins_without_a_weight() {
        assert_eq!(draw(1, &[0, 0]), None);
        assert_eq!(draw(1, &[]), None);
        assert!((0..1_000).all(|key| draw(key, &[0, 1, 0]) == Some(1)));
    }

    proptest! {
        #[test]
        fn a_key_moves_only_to_what_became_heavier_or_from_what_became_lighter(
            key in any::<u64>(),
            weights in prop::collection::vec(0..100_u32, 2..6),
            at in any::<prop::sample::Index>(),
            weight in 0..100_u32,
        ) {
            let at = at.index(weights.len());
            let mut other = weights.clone();
            other[at] = weight;
            let (before, after) = (draw(key, &weights), draw(key, &other));
            if before != after {
                let moved = if weight > weights[at] { after } else { before };
                prop_assert_eq!(moved, Some(at));
            }
        }
    }
}
