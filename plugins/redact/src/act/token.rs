//! Tokens that stand for values: what a keyed digest is made of, and how it is written.

/// How many bytes of a digest a token has: enough that two values never share one.
const BYTES: usize = 16;

/// The letters of base32 (RFC 4648), in lower case.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What a digest is taken of, so that a value of one class tells nothing of the same value in another, and no two triples are
/// encoded alike: each part follows its length in eight bytes.
pub fn input(domain: &str, class: &str, value: &str) -> Vec<u8> {
    let mut input = Vec::with_capacity(3 * size_of::<u64>() + domain.len() + class.len() + value.len());
    for part in [domain, class, value] {
        input.extend_from_slice(&(part.len() as u64).to_be_bytes());
        input.extend_from_slice(part.as_bytes());
    }
    input
}

/// `h_` and 128 bits of the digest: a value that nobody needs back.
pub fn hash(digest: &[u8; 32]) -> String {
    written("h_", digest)
}

/// `p_` and 128 bits of the digest: a name for somebody.
pub fn pseudonym(digest: &[u8; 32]) -> String {
    written("p_", digest)
}

/// Five bits a letter, without padding.
fn written(prefix: &str, digest: &[u8; 32]) -> String {
    let mut text = String::with_capacity(prefix.len() + (8 * BYTES).div_ceil(5));
    text.push_str(prefix);
    let (mut bits, mut count) = (0_u32, 0);
    let mut push = |index: u32| text.extend(LETTERS.get((index & 31) as usize).map(|letter| char::from(*letter)));
    for byte in digest.iter().take(BYTES) {
        bits = bits << 8 | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            push(bits >> count);
        }
    }
    if count > 0 {
        push(bits << (5 - count));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{hash, input, pseudonym};
    use proptest::prelude::*;

    #[test]
    fn tokens_are_base32_of_half_the_digest() {
        let mut digest = [0; 32];
        digest[..16].copy_from_slice(b"foobarfoobarfoob");
        assert_eq!(hash(&digest), "h_mzxw6ytbojtg633cmfzgm33pmi");
        assert_eq!(pseudonym(&[0xff; 32]), "p_77777777777777777777777774");
        digest[31] = 1;
        assert_eq!(hash(&digest), "h_mzxw6ytbojtg633cmfzgm33pmi", "the other half is left out");
    }

    #[test]
    fn parts_are_bound_to_their_places() {
        assert_eq!(input("a", "", "bc")[..9], [0, 0, 0, 0, 0, 0, 0, 1, b'a']);
        assert_ne!(input("a", "b", "c"), input("ab", "", "c"));
        assert_ne!(input("a", "b", "c"), input("a", "c", "b"));
    }

    proptest! {
        #[test]
        fn different_parts_are_encoded_differently(a in ["[ab\0]{0,3}", "[ab\0]{0,3}", "[ab\0]{0,3}"], b in ["[ab\0]{0,3}", "[ab\0]{0,3}", "[ab\0]{0,3}"]) {
            let encoded = |[domain, class, value]: &[String; 3]| input(domain, class, value);
            prop_assert_eq!(encoded(&a) == encoded(&b), a == b);
        }

        #[test]
        fn tokens_tell_digests_apart_and_have_one_length(a: [u8; 32], b: [u8; 32]) {
            prop_assert_eq!(hash(&a).len(), 28);
            prop_assert_eq!(hash(&a) == hash(&b), a[..16] == b[..16]);
            prop_assert!(hash(&a)[2..].bytes().all(|letter| matches!(letter, b'a'..=b'z' | b'2'..=b'7')));
        }
    }
}
