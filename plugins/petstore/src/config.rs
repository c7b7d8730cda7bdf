//! What the operator may configure, as types that cannot be out of range.

use serde::Deserialize;

/// The configuration; every key has a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    base: Base,
    #[serde(default)]
    store: StoreName,
    max_pets: Option<Count<10_000>>,
    max_orders: Option<Count<100>>,
    #[serde(default = "yes")]
    seed: bool,
}

impl Config {
    /// What all paths begin with; empty or without slash at the end.
    pub(crate) fn base(&self) -> &str {
        &self.base.0
    }

    /// The store that holds everything.
    pub(crate) fn store(&self) -> &str {
        &self.store.0
    }

    /// Most pets at a time.
    pub(crate) fn max_pets(&self) -> i64 {
        self.max_pets.as_ref().map_or(1_000, |count| count.0.into())
    }

    /// Most orders kept for one caller.
    pub(crate) fn max_orders(&self) -> u64 {
        self.max_orders.as_ref().map_or(100, |count| count.0.into())
    }

    /// Whether a new store gets some pets.
    pub(crate) fn seed(&self) -> bool {
        self.seed
    }
}

/// The beginning of a path, as the gateway normalises paths.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Base(String);

impl Default for Base {
    fn default() -> Self {
        Self("/petstore".to_owned())
    }
}

impl TryFrom<String> for Base {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
        let is_segment = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_plain);
        match text.strip_prefix('/') {
            Some("") => Ok(Self(String::new())),
            Some(rest) if rest.split('/').all(is_segment) => Ok(Self(text)),
            _ => Err(
                "must begin with `/` and not end with it, of letters, digits, `-`, `_`, `.` and `~`; or be `/` alone",
            ),
        }
    }
}

/// The name of a store, as the operator can grant it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct StoreName(String);

impl Default for StoreName {
    fn default() -> Self {
        Self("pets".to_owned())
    }
}

impl TryFrom<String> for StoreName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_in = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (1..=128).contains(&text.len()) && text.bytes().all(is_in) {
            Ok(Self(text))
        } else {
            Err("must be the name of a store: letters, digits, `-` and `_`")
        }
    }
}

/// A number from 1 to `MOST`.
#[derive(Debug, Deserialize)]
#[serde(try_from = "u64")]
struct Count<const MOST: u32>(u32);

impl<const MOST: u32> TryFrom<u64> for Count<MOST> {
    type Error = String;

    fn try_from(number: u64) -> Result<Self, String> {
        match u32::try_from(number) {
            Ok(count) if (1..=MOST).contains(&count) => Ok(Self(count)),
            _ => Err(format!("must be from 1 to {MOST}")),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use crate::Petstore;
    use lockgate_sdk::{Policy, testing};

    #[test]
    fn the_powers_are_those_of_the_defaults_and_the_store_named() {
        let policy: Petstore = testing::configure(r#"{"store":"shop"}"#).unwrap();
        let interest = policy.interest();
        let store = &interest.stores[0];
        assert_eq!((store.name.as_str(), store.write), ("shop", true));
        assert_eq!(interest.attributes_read, ["auth.sub"]);
        assert!(!interest.may_respond && interest.request_write.is_empty());
        assert_eq!(policy.config.base(), "/petstore");
    }

    #[test]
    fn what_cannot_be_meant_is_a_fault_at_its_key() {
        let cases = [
            (r#"{"base":"pets"}"#, "base"),
            (r#"{"base":"/pets/"}"#, "base"),
            (r#"{"base":"/a/../b"}"#, "base"),
            (r#"{"base":"/a?b"}"#, "base"),
            (r#"{"store":""}"#, "store"),
            (r#"{"store":"a:b"}"#, "store"),
            (r#"{"max_pets":0}"#, "max_pets"),
            (r#"{"max_pets":10001}"#, "max_pets"),
            (r#"{"max_orders":101}"#, "max_orders"),
            (r#"{"seeds":true}"#, "seeds"),
        ];
        for (config, path) in cases {
            let faults = testing::configure::<Petstore>(config).unwrap_err();
            assert_eq!(faults[0].path, path, "{config}");
        }
        assert!(testing::configure::<Petstore>(r#"{"base":"/"}"#).is_ok());
    }
}
