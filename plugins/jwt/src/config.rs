//! The operator's configuration of `jwt`, and the faults that only its whole shows.

use crate::names::{Algorithms, Allowed, AttributeName, ClaimPath, FieldName, Realm, Scope, Strings};
use lockgate_sdk::ConfigError;
use serde::Deserialize;
use std::collections::BTreeMap;

const MAX_LEEWAY_S: u64 = 300;
/// Most claims passed on, to attributes and to fields each.
const MAX_PASSED_ON: usize = 32;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) keys: String,
    pub(crate) issuer: Option<Strings>,
    #[serde(default)]
    any_issuer: bool,
    pub(crate) audience: Option<Strings>,
    #[serde(default)]
    any_audience: bool,
    #[serde(default)]
    pub(crate) algorithms: Algorithms,
    /// Seconds.
    #[serde(default = "default_leeway")]
    leeway: u64,
    #[serde(default)]
    pub(crate) require: Vec<ClaimPath>,
    #[serde(default)]
    pub(crate) allow_no_expiry: bool,
    #[serde(default)]
    pub(crate) claims: BTreeMap<ClaimPath, Allowed>,
    #[serde(default)]
    pub(crate) scopes: Vec<Scope>,
    #[serde(default = "default_attributes")]
    pub(crate) attributes: BTreeMap<ClaimPath, AttributeName>,
    #[serde(default)]
    pub(crate) headers: BTreeMap<ClaimPath, FieldName>,
    #[serde(default)]
    pub(crate) forward_token: bool,
    #[serde(default)]
    pub(crate) realm: Realm,
    #[serde(default = "FieldName::authorization")]
    pub(crate) header: FieldName,
    #[serde(default)]
    pub(crate) optional: bool,
}

impl Config {
    /// How far clocks may differ, in milliseconds.
    pub(crate) fn leeway_ms(&self) -> u64 {
        self.leeway.saturating_mul(1000)
    }

    /// Settings that are missing, out of bounds or contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.keys.is_empty() {
            faults.push(ConfigError::new("keys", "must name a key set"));
        }
        faults.extend(guard("issuer", self.issuer.is_some(), self.any_issuer));
        faults.extend(guard("audience", self.audience.is_some(), self.any_audience));
        if self.leeway > MAX_LEEWAY_S {
            let message = format!("must be at most {MAX_LEEWAY_S} seconds");
            faults.push(ConfigError::new("leeway", message));
        }
        let passed_on = [("attributes", self.attributes.len()), ("headers", self.headers.len())];
        for (path, count) in passed_on {
            if count > MAX_PASSED_ON {
                let message = format!("must hold at most {MAX_PASSED_ON} claims");
                faults.push(ConfigError::new(path, message));
            }
        }
        faults.extend(self.field_faults());
        faults.extend(self.attribute_faults());
        faults
    }

    /// Two claims for one field would make it a matter of order which one the upstream believes.
    fn field_faults(&self) -> impl Iterator<Item = ConfigError> {
        self.headers.iter().enumerate().filter_map(|(at, (path, field))| {
            let message = if *field == self.header {
                "this field holds the token; name another one"
            } else if self.headers.values().take(at).any(|earlier| earlier == field) {
                "another claim is passed on in this field already"
            } else {
                return None;
            };
            Some(ConfigError::new(under("headers", path), message))
        })
    }

    fn attribute_faults(&self) -> impl Iterator<Item = ConfigError> {
        let attributes = self.attributes.iter().enumerate();
        attributes.filter_map(|(at, (path, name))| {
            let mut earlier = self.attributes.values().take(at);
            earlier.any(|earlier| earlier == name).then(|| {
                let message = "another claim is passed on in this attribute already";
                ConfigError::new(under("attributes", path), message)
            })
        })
    }
}

/// A check that is on unless it is switched off by name, and never both.
fn guard(name: &str, named: bool, any: bool) -> Option<ConfigError> {
    let message = match (named, any) {
        (true, false) | (false, true) => return None,
        (false, false) => {
            format!("must name what tokens are accepted from; `any_{name} = true` accepts all")
        }
        (true, true) => format!("contradicts `any_{name} = true`; leave one out"),
    };
    Some(ConfigError::new(name, message))
}

fn under(table: &str, path: &ClaimPath) -> String {
    format!("{table}.{}", path.steps().join("."))
}

fn default_leeway() -> u64 {
    30
}

fn default_attributes() -> BTreeMap<ClaimPath, AttributeName> {
    let path = ClaimPath::try_from("sub".to_owned());
    let name = AttributeName::try_from("auth.sub".to_owned());
    path.ok().zip(name.ok()).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use crate::Jwt;
    use lockgate_sdk::{Policy, testing};

    fn paths(config: &str) -> Vec<String> {
        match testing::configure::<Jwt>(config) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
        }
    }

    #[test]
    fn issuer_and_audience_must_be_named_or_waived() {
        let cases: [(&str, &[&str]); 5] = [
            (r#"{"keys":"idp"}"#, &["issuer", "audience"]),
            (r#"{"keys":"idp","issuer":"i","audience":["a","b"]}"#, &[]),
            (r#"{"keys":"idp","any_issuer":true,"any_audience":true}"#, &[]),
            (r#"{"keys":"idp","issuer":"i","any_audience":true}"#, &[]),
            (
                r#"{"keys":"idp","issuer":"i","any_issuer":true,"audience":"a","any_audience":true}"#,
                &["issuer", "audience"],
            ),
        ];
        for (config, faults) in cases {
            assert_eq!(paths(config), faults, "{config}");
        }
    }

    #[test]
    fn faulty_settings_are_named() {
        let cases = [
            (r#""leeway":301"#, "leeway"),
            (r#""leeway":-1"#, "leeway"),
            (r#""algorithms":[]"#, "algorithms"),
            (r#""algorithms":["none"]"#, "algorithms"),
            (r#""require":[".a"]"#, "require[0]"),
            (r#""claims":{"role":[]}"#, "claims.role"),
            (r#""scopes":["a b"]"#, "scopes[0]"),
            (r#""headers":{"sub":"*"}"#, "headers.sub"),
            (r#""headers":{"sub":"Authorization"}"#, "headers.sub"),
            (r#""headers":{"email":"x-user","sub":"X-User"}"#, "headers.sub"),
            (r#""attributes":{"a":"auth.x","b":"auth.x"}"#, "attributes.b"),
            (r#""realm":"a\"b""#, "realm"),
            (r#""issuers":"i""#, "issuers"),
        ];
        for (setting, path) in cases {
            let config = format!(r#"{{"keys":"idp","issuer":"i","audience":"a",{setting}}}"#);
            assert_eq!(paths(&config), [path], "{config}");
        }
    }

    #[test]
    fn the_interest_is_what_the_configuration_needs() {
        let least = testing::configure::<Jwt>(
            r#"{"keys":"idp","issuer":"i","audience":"a","forward_token":true,"attributes":{}}"#,
        );
        let least = least.unwrap_or_else(|faults| panic!("{faults:?}")).interest();
        assert_eq!(least.request_read, ["authorization"]);
        assert_eq!(least.keys, ["idp"]);
        assert!(least.may_respond);
        assert!(least.request_write.is_empty() && least.attributes_write.is_empty());

        let most = testing::configure::<Jwt>(
            r#"{"keys":"idp","issuer":"i","audience":"a","header":"X-Token","headers":{"sub":"X-User"}}"#,
        );
        let most = most.unwrap_or_else(|faults| panic!("{faults:?}")).interest();
        assert_eq!(most.request_read, ["x-token"]);
        assert_eq!(most.request_write, ["x-token", "x-user"]);
        assert_eq!(most.attributes_write, ["auth.sub"]);
    }
}
