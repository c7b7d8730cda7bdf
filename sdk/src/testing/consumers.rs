//! Keys the test says are somebody's; others are nobody's.

use crate::packed;
use std::cell::RefCell;
use std::collections::BTreeMap;

thread_local! {
    static KNOWN: RefCell<BTreeMap<Vec<u8>, Result<Vec<u8>, Error>>> = const { RefCell::new(BTreeMap::new()) };
    static ASKED: RefCell<Option<[String; 4]>> = const { RefCell::new(None) };
}

/// What is asked for with a key, as the facts of the exchange say it; what is empty is within no bound of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// `:api`
    pub api: &'a str,
    /// `:route`
    pub operation: &'a str,
    /// `:method`
    pub method: &'a str,
    /// `:client`
    pub client: &'a str,
}

/// Why it is not known whose a key is, or what it is not good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// Not granted.
    Denied,
    /// The gateway has no keys at present.
    Unavailable,
    /// It is no key.
    Malformed,
    /// It is nobody's.
    Unknown,
    /// It was revoked.
    Revoked,
    /// It has expired.
    Expired,
    /// Its application or its consumer is disabled.
    Disabled,
    /// It is not for this API or operation.
    NotForOperation,
    /// It is not for this method.
    NotForMethod,
    /// It is not for this address.
    NotFromAddress,
}

/// A key, and what is said of whose it is: `("consumer", "ada")` for one.
pub fn know(key: &str, identity: &[(&str, &str)]) {
    let mut list = Vec::new();
    for (name, value) in identity {
        packed::push(&mut list, name, value.as_bytes());
    }
    KNOWN.with_borrow_mut(|known| known.insert(key.into(), Ok(list)));
}

/// Have a key refused.
pub fn refuse(key: &str, why: Error) {
    KNOWN.with_borrow_mut(|known| known.insert(key.into(), Err(why)));
}

/// What was asked for last: API, operation, method and client.
pub fn asked() -> Option<[String; 4]> {
    ASKED.with_borrow(Clone::clone)
}

pub(crate) fn identify(key: &[u8], asked: Asked<'_>) -> Result<Vec<u8>, Error> {
    super::refuse_while_configuring("consumers");
    let Asked { api, operation, method, client } = asked;
    ASKED.set(Some([api, operation, method, client].map(str::to_owned)));
    KNOWN.with_borrow(|known| known.get(key).cloned().unwrap_or(Err(Error::Unknown)))
}

pub(super) fn reset() {
    KNOWN.with_borrow_mut(BTreeMap::clear);
    ASKED.set(None);
}

#[cfg(test)]
mod tests {
    use crate::consumers::{self, Identity};
    use crate::testing;

    use super::*;

    #[test]
    fn a_key_is_whose_the_test_says_until_the_next() {
        testing::reset();
        know("k", &[("consumer", "ada"), ("plan", "gold")]);
        refuse("old", Error::Revoked);
        let asked = Asked { api: "pets", ..Asked::default() };
        let identity: Identity = consumers::identify(b"k", asked).unwrap();
        assert_eq!(identity.iter().collect::<Vec<_>>(), [("consumer", "ada"), ("plan", "gold")]);
        assert_eq!(format!("{identity:?}"), r#"["consumer", "plan"]"#);
        assert_eq!(super::asked().unwrap()[0], "pets");
        assert_eq!(consumers::identify(b"old", asked), Err(Error::Revoked));
        assert_eq!(consumers::identify(b"other", asked), Err(Error::Unknown));
        testing::reset();
        assert_eq!(consumers::identify(b"k", asked), Err(Error::Unknown));
    }

    #[test]
    fn each_refusal_has_its_status_and_type() {
        for (why, status, kind, challenges) in [
            (Error::Malformed, 401, "key_malformed", 1),
            (Error::Unknown, 401, "key_unknown", 1),
            (Error::Revoked, 401, "key_revoked", 1),
            (Error::Expired, 401, "key_expired", 1),
            (Error::Disabled, 403, "application_disabled", 0),
            (Error::NotForOperation, 403, "key_not_for_operation", 0),
            (Error::NotForMethod, 403, "key_not_for_method", 0),
            (Error::NotFromAddress, 403, "key_not_from_address", 0),
        ] {
            let verdict = consumers::refuse(why, "Bearer");
            let answer = verdict.response().unwrap();
            assert_eq!((answer.status_code(), answer.values("www-authenticate").len()), (status, challenges), "{kind}");
            assert!(answer.text().contains(&format!("\"urn:problem-type:lockgate:{kind}\"")), "{}", answer.text());
        }
        assert_eq!(consumers::refuse(Error::Unavailable, "Bearer").failure(), Some(crate::Failure::Dependency));
    }
}
