//! Secrets: keys of services by the prefixes that their makers give them, JSON Web Tokens, private keys in PEM.

use super::bytes::{at, before, is_token, run_end};
use super::{Found, Kind};

/// What the part of a key after its prefix is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alphabet {
    Alphanumeric,
    Token,
    Dotted,
}

/// A prefix, the letters after it, and how many there are at least.
struct Prefix(&'static str, Alphabet, usize);

use Alphabet::{Alphanumeric, Dotted, Token};

/// Each ends in `_`, `-` or `.`, which [`keys`] looks for.
const PREFIXES: [Prefix; 35] = [
    Prefix("GOCSPX-", Token, 28),
    Prefix("SG.", Dotted, 60),
    Prefix("dckr_pat_", Token, 20),
    Prefix("dop_v1_", Alphanumeric, 64),
    Prefix("gho_", Alphanumeric, 36),
    Prefix("ghp_", Alphanumeric, 36),
    Prefix("ghr_", Alphanumeric, 36),
    Prefix("ghs_", Alphanumeric, 36),
    Prefix("ghu_", Alphanumeric, 36),
    Prefix("github_pat_", Token, 40),
    Prefix("glpat-", Token, 20),
    Prefix("hf_", Alphanumeric, 34),
    Prefix("hvs.", Token, 24),
    Prefix("key-", Alphanumeric, 32),
    Prefix("lin_api_", Alphanumeric, 40),
    Prefix("npm_", Alphanumeric, 36),
    Prefix("ntn_", Alphanumeric, 40),
    Prefix("pypi-", Token, 50),
    Prefix("rk_live_", Alphanumeric, 16),
    Prefix("rk_test_", Alphanumeric, 16),
    Prefix("sbp_", Alphanumeric, 40),
    Prefix("shpat_", Alphanumeric, 32),
    Prefix("shpca_", Alphanumeric, 32),
    Prefix("shppa_", Alphanumeric, 32),
    Prefix("shpss_", Alphanumeric, 32),
    Prefix("sk-", Token, 24),
    Prefix("sk_live_", Alphanumeric, 16),
    Prefix("sk_test_", Alphanumeric, 16),
    Prefix("whsec_", Alphanumeric, 24),
    Prefix("xapp-", Token, 16),
    Prefix("xoxa-", Token, 16),
    Prefix("xoxb-", Token, 16),
    Prefix("xoxe-", Token, 16),
    Prefix("xoxp-", Token, 16),
    Prefix("ya29.", Token, 20),
];

/// The fewest letters after any prefix: where fewer follow, no prefix is looked for.
const FEWEST: usize = 16;

/// Finds keys by their prefixes.
pub(super) fn keys(text: &[u8], found: &mut Vec<Found>) {
    let mut done = 0;
    for place in memchr::memchr3_iter(b'_', b'-', b'.', text) {
        let tail = place + 1;
        if place >= done
            && let Some((start, Prefix(_, alphabet, fewest))) = prefixed(text, tail)
        {
            let end = run_end(text, tail, |byte| match alphabet {
                Alphanumeric => byte.is_ascii_alphanumeric(),
                Token => is_token(byte),
                Dotted => is_token(byte) || byte == b'.',
            });
            let key = text.get(tail..end).unwrap_or_default();
            if key.len() >= *fewest && !is_token(at(text, end)) && looks_random(key) {
                found.push(Found { kind: Kind::ApiKey, start, end });
            }
            // Where this is none, no part of it is: nothing is read twice.
            done = end;
        }
    }
}

/// The prefix that ends at a place, where enough follows it, and where it begins.
fn prefixed(text: &[u8], tail: usize) -> Option<(usize, &'static Prefix)> {
    if !text.get(tail..tail + FEWEST)?.iter().copied().all(is_token) {
        return None;
    }
    let head = text.get(..tail)?;
    let last = head.last_chunk::<2>()?;
    let is_prefix = |Prefix(prefix, ..): &&Prefix| {
        prefix.as_bytes().last_chunk() == Some(last) && head.ends_with(prefix.as_bytes())
    };
    let found = PREFIXES.iter().find(is_prefix)?;
    let start = tail - found.0.len();
    (!before(text, start).is_ascii_alphanumeric()).then_some((start, found))
}

/// Has digits and letters, or letters of both cases, as nearly all that was drawn by lot; names of things have not.
fn looks_random(text: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| text.iter().any(is);
    let kinds = [has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)];
    kinds.into_iter().filter(|has| *has).count() >= 2
}

/// Finds the identifiers of keys of Amazon's and the keys of Google's services, whose prefixes are part of a word.
pub(super) fn key_words(text: &[u8], found: &mut Vec<Found>) {
    for place in memchr::memchr_iter(b'I', text) {
        let starts = [2, 1].into_iter().filter_map(|behind| place.checked_sub(behind));
        let mut words = starts.filter(|start| {
            let word = text.get(*start..).unwrap_or_default();
            let is_prefixed = [b"AKIA", b"ASIA", b"AIza"].iter().any(|prefix| word.starts_with(*prefix));
            is_prefixed && !is_token(before(text, *start))
        });
        let Some(start) = words.next() else { continue };
        let end = run_end(text, start, is_token);
        let key = text.get(start..end).unwrap_or_default();
        let is_key = match key {
            [b'A', b'I', ..] => key.len() == 39,
            _ => key.len() == 20 && key.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
        };
        if is_key {
            found.push(Found { kind: Kind::ApiKey, start, end });
        }
    }
}

/// Finds JSON Web Tokens: three to five parts in base64url, the first of which is an object (RFC 7515, RFC 7516).
pub(super) fn tokens(text: &[u8], found: &mut Vec<Found>) {
    let mut done = 0;
    for place in memchr::memchr_iter(b'J', text) {
        let Some(start) = place.checked_sub(2).filter(|start| *start >= done) else { continue };
        if !text.get(start..).is_some_and(|rest| rest.starts_with(b"eyJ")) || is_token(before(text, start)) {
            continue;
        }
        let mut parts = 1;
        let mut end = run_end(text, start, is_token);
        while parts < 5
            && at(text, end) == b'.'
            && (is_token(at(text, end + 1)) || parts == 2 || at(text, end + 1) == b'.')
        {
            end = run_end(text, end + 1, is_token);
            parts += 1;
        }
        done = end;
        if parts >= 3 {
            found.push(Found { kind: Kind::Jwt, start, end });
        }
    }
}

/// Finds private keys in PEM (RFC 7468), each to the line that ends it; without that line, to the end of the text.
pub(super) fn private_keys(text: &[u8], found: &mut Vec<Found>) {
    let mut done = 0;
    for place in memchr::memchr_iter(b'-', text) {
        if place >= done
            && let Some(head) = boundary(text, place, b"-----BEGIN ")
        {
            let dashes = memchr::memchr_iter(b'-', text.get(head..).unwrap_or_default());
            let end = dashes.filter_map(|dash| boundary(text, head + dash, b"-----END ")).next();
            done = end.unwrap_or(text.len());
            found.push(Found { kind: Kind::PrivateKey, start: place, end: done });
        }
    }
}

/// Where the line ends that begins or ends a private key of any algorithm.
fn boundary(text: &[u8], place: usize, opening: &[u8]) -> Option<usize> {
    let label = text.get(place..)?.strip_prefix(opening)?;
    let label =
        label.get(..run_end(label, 0, |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '))?;
    let closing = place + opening.len() + label.len();
    let is_closed = text.get(closing..)?.starts_with(b"-----");
    (is_closed && label.ends_with(b"PRIVATE KEY")).then_some(closing + 5)
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    /// Put together here, so that nobody's scanner takes this file for a leak.
    fn key(prefix: &str, length: usize) -> String {
        prefix.chars().chain("a1B2c3D4e5F6g7H8i9J0".chars().cycle().take(length)).collect()
    }

    #[test]
    fn keys_are_known_by_their_prefixes() {
        for (prefix, length) in [
            ("ghp_", 36),
            ("github_pat_", 82),
            ("glpat-", 20),
            ("sk_live_", 24),
            ("xoxb-", 50),
            ("sk-proj-", 100),
            ("sk-", 48),
            ("hvs.", 90),
            ("npm_", 36),
            ("SG.", 66),
            ("AIza", 35),
            ("whsec_", 32),
        ] {
            let key = key(prefix, length);
            assert_eq!(spans(&[Kind::ApiKey], &key), [&key], "alone");
            assert_eq!(spans(&[Kind::ApiKey], &format!("token={key}, and")), [&key], "in a text");
            assert_eq!(spans(&[Kind::ApiKey], &format!("x{key}")), Vec::<&str>::new(), "{key} within a word");
        }
        for key in ["AKIAIOSFODNN7EXAMPLE", "ASIAABCDEFGHIJKLMNOP"] {
            assert_eq!(spans(&[Kind::ApiKey], &format!("({key})")), [key]);
        }
    }

    #[test]
    fn names_that_begin_alike_are_no_keys() {
        for text in [
            "sk-spinner-double-bounce-and-more-of-it",
            "sk_live_",
            "npm_config_registry_with_a_long_name",
            "AKIAIOSFODNN7EXAMPLES",
            "AKIAIOSFODNN7example",
            "ghp_short1",
            "key-value-pairs-in-a-long-name-without-digits",
            "INDIA",
            "xoxb-",
            "550e8400-e29b-41d4-a716-446655440000",
            "risk-1234567890abcdef1234567890abcdef",
        ] {
            assert_eq!(spans(&[Kind::ApiKey], text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn tokens_are_taken_with_all_their_parts() {
        for token in [
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJqYW5lIn0.",
            "eyJhbGciOiJIUzI1NiJ9.e30.c2ln-_x",
            "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn",
        ] {
            assert_eq!(spans(&[Kind::Jwt], &format!("Bearer {token}, then")), [token]);
        }
        for text in
            ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJub25lIn0.e30", "heyJude.at.last", "a-eyJhbGciOiJub25lIn0.e30.c2ln"]
        {
            assert_eq!(spans(&[Kind::Jwt], text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_private_key_goes_to_its_last_line_and_without_one_to_the_end() {
        let key = "-----BEGIN EC PRIVATE KEY-----
MHcCAQ
-----END EC PRIVATE KEY-----";
        assert_eq!(
            spans(
                &[Kind::PrivateKey],
                &format!(
                    "a
{key}
b {key} c"
                )
            ),
            [key, key]
        );
        assert_eq!(spans(&[Kind::PrivateKey], &format!("a {}", &key[..40])), [&key[..40]]);
        let public = key.replace("PRIVATE", "PUBLIC");
        assert_eq!(spans(&[Kind::PrivateKey], &public), Vec::<&str>::new());
    }
}
