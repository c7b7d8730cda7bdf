//! The parameters of a signature (RFC 9421 section 2.3): when it was made, by which key, and how.

use crate::refusal::Refusal;
use sfv::{BareItem, Parameters};

/// Longest text of a parameter, in bytes.
const MAX_TEXT: usize = 256;

const MALFORMED: Refusal =
    Refusal::Malformed("signature_input_malformed", "the parameters of the signature are malformed");

/// What a signature says of itself. It is signed as well, and to be trusted once that is verified.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Stated<'a> {
    /// Seconds since 1970, as `expires`.
    pub(crate) created: Option<i64>,
    pub(crate) expires: Option<i64>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) algorithm: Option<&'a str>,
    pub(crate) key_id: Option<&'a str>,
    pub(crate) tag: Option<&'a str>,
}

impl<'a> Stated<'a> {
    /// Parameters that are not registered are signed and mean nothing here.
    pub(crate) fn read(parameters: &'a Parameters) -> Result<Self, Refusal> {
        let mut stated = Self::default();
        for (key, value) in parameters {
            match key.as_str() {
                "created" => stated.created = Some(seconds(value)?),
                "expires" => stated.expires = Some(seconds(value)?),
                "nonce" => stated.nonce = Some(text(value)?),
                "alg" => stated.algorithm = Some(text(value)?),
                "keyid" => stated.key_id = Some(text(value)?),
                "tag" => stated.tag = Some(text(value)?),
                _ => {}
            }
        }
        Ok(stated)
    }
}

fn seconds(value: &BareItem) -> Result<i64, Refusal> {
    value.as_integer().map(i64::from).ok_or(MALFORMED)
}

fn text(value: &BareItem) -> Result<&str, Refusal> {
    let text = value.as_string().map(|text| text.as_str());
    text.filter(|text| text.len() <= MAX_TEXT).ok_or(MALFORMED)
}

/// How long signatures are good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    pub(crate) max_age_ms: u64,
    pub(crate) leeway_ms: u64,
    /// Whether a signature need not say when it was made.
    pub(crate) allow_no_created: bool,
}

impl Window {
    /// `created` and `expires` against the time now, in milliseconds since 1970.
    pub(crate) fn check(self, stated: &Stated<'_>, now_ms: u64) -> Result<(), Refusal> {
        let refuse = |kind, why| Err(Refusal::NotAccepted(kind, why));
        let now = i128::from(now_ms);
        let leeway = i128::from(self.leeway_ms);
        match stated.created.map(|created| i128::from(created) * 1000) {
            None if self.allow_no_created => {}
            None => return refuse("created_missing", "the signature does not say when it was made"),
            Some(created) if created > now + leeway => {
                return refuse("signature_not_yet_valid", "the signature is of the future");
            }
            Some(created) if created + i128::from(self.max_age_ms) + leeway < now => {
                return refuse("signature_too_old", "the signature is too old");
            }
            Some(_) => {}
        }
        match stated.expires.map(|expires| i128::from(expires) * 1000) {
            Some(expires) if expires + leeway <= now => refuse("signature_expired", "the signature has expired"),
            _ => Ok(()),
        }
    }

    /// For how long a signature made at `created` may still be shown, in milliseconds, rounded up.
    pub(crate) fn rest_ms(self, created: i64, now_ms: u64) -> u64 {
        let end = (i128::from(created) + 1) * 1000 + i128::from(self.max_age_ms) + i128::from(self.leeway_ms);
        u64::try_from(end - i128::from(now_ms)).unwrap_or(0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sfv::{Item, Parser};

    fn parameters(text: &str) -> Parameters {
        Parser::new(&format!("1{text}")).parse::<Item>().unwrap().params
    }

    #[test]
    fn registered_parameters_have_their_types_and_lengths() {
        let all = parameters(r#";created=1;expires=2;nonce="n";alg="a";keyid="k";tag="t";x=1.5"#);
        let stated = Stated::read(&all).unwrap();
        let expected = Stated {
            created: Some(1),
            expires: Some(2),
            nonce: Some("n"),
            algorithm: Some("a"),
            key_id: Some("k"),
            tag: Some("t"),
        };
        assert_eq!(stated, expected);
        for text in
            [";created", ";created=1.0", ";created=\"1\"", ";expires=@1", ";nonce=n", ";alg=:AA==:", ";keyid=1", ";tag"]
        {
            assert_eq!(Stated::read(&parameters(text)), Err(MALFORMED), "{text}");
        }
        let of = |length: usize| parameters(&format!(";keyid=\"{}\"", "k".repeat(length)));
        assert!(Stated::read(&of(MAX_TEXT)).is_ok());
        assert_eq!(Stated::read(&of(MAX_TEXT + 1)), Err(MALFORMED));
    }

    #[test]
    fn a_signature_is_good_to_the_very_edges_of_its_window() {
        let window = Window { max_age_ms: 60_000, leeway_ms: 5_000, allow_no_created: false };
        let at = |now_ms: u64, text: &str| {
            window.check(&Stated::read(&parameters(text)).unwrap(), now_ms).map_err(|refusal| match refusal {
                Refusal::NotAccepted(kind, _) => kind,
                _ => "",
            })
        };
        for (now_ms, text, outcome) in [
            (94_999, ";created=100", Err("signature_not_yet_valid")),
            (95_000, ";created=100", Ok(())),
            (165_000, ";created=100", Ok(())),
            (165_001, ";created=100", Err("signature_too_old")),
            (114_999, ";created=100;expires=110", Ok(())),
            (115_000, ";created=100;expires=110", Err("signature_expired")),
            (100_000, ";expires=110", Err("created_missing")),
            (100_000, ";created=-999999999999999", Err("signature_too_old")),
            (100_000, ";created=999999999999999", Err("signature_not_yet_valid")),
            (100_000, ";created=100;expires=-999999999999999", Err("signature_expired")),
        ] {
            assert_eq!(at(now_ms, text), outcome, "{now_ms} {text}");
        }
        let lax = Window { allow_no_created: true, ..window };
        assert!(lax.check(&Stated::default(), 0).is_ok());
    }

    #[test]
    fn the_rest_of_a_window_covers_its_last_moment() {
        let window = Window { max_age_ms: 60_000, leeway_ms: 5_000, allow_no_created: false };
        assert_eq!(window.rest_ms(100, 100_000), 66_000);
        assert_eq!(window.rest_ms(100, 165_000), 1_000);
        assert_eq!(window.rest_ms(-999_999_999_999_999, 0), 1);
    }
}
