//! The operator's configuration of `jwt`, and the faults that only its whole shows.

use lockgate_sdk::ConfigError;
use lockgate_sdk::names::{AttributeName, FieldName, Realm};
use lockgate_sdk::times::Leeway;
use lockgate_tokens::{Algorithms, Allowed, ClaimPath, Passing, Scope, Strings, default_attributes, named_or_any};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default)]
    keys: String,
    issuer: Option<Strings>,
    #[serde(default)]
    any_issuer: bool,
    #[serde(default)]
    issuers: Vec<RawIssuer>,
    audience: Option<Strings>,
    #[serde(default)]
    any_audience: bool,
    #[serde(default)]
    pub(crate) algorithms: Algorithms,
    #[serde(default)]
    pub(crate) leeway: Leeway,
    #[serde(default)]
    pub(crate) require: Vec<ClaimPath>,
    #[serde(default)]
    pub(crate) allow_no_expiry: bool,
    #[serde(default)]
    pub(crate) claims: BTreeMap<ClaimPath, Allowed>,
    #[serde(default)]
    pub(crate) scopes: Vec<Scope>,
    #[serde(default = "default_attributes")]
    attributes: BTreeMap<ClaimPath, AttributeName>,
    #[serde(default)]
    headers: BTreeMap<ClaimPath, FieldName>,
    #[serde(default)]
    forward_token: bool,
    #[serde(default)]
    pub(crate) realm: Realm,
    #[serde(default = "FieldName::authorization")]
    header: FieldName,
    #[serde(default)]
    pub(crate) optional: bool,
}

/// One of several issuers, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIssuer {
    issuer: String,
    keys: String,
    audience: Option<Strings>,
}

/// Whose tokens are accepted, and by which keys they are known.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) keys: String,
    /// None for any.
    pub(crate) issuer: Option<Strings>,
    /// None for any.
    pub(crate) audience: Option<Strings>,
}

impl Issuer {
    pub(crate) fn accepts(&self, issuer: Option<&str>) -> bool {
        self.issuer.as_ref().is_none_or(|known| issuer.is_some_and(|issuer| known.contains(issuer)))
    }
}

impl Config {
    /// All that is trusted, at least one without faults.
    pub(crate) fn trusted(&self) -> Vec<Issuer> {
        if self.issuers.is_empty() {
            let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
            return vec![Issuer { keys: self.keys.clone(), issuer, audience }];
        }
        let trusted = self.issuers.iter().map(|raw| Issuer {
            keys: raw.keys.clone(),
            issuer: Some(Strings::one(&raw.issuer)),
            audience: raw.audience.clone().or_else(|| self.audience.clone()),
        });
        trusted.collect()
    }

    /// What becomes of requests with tokens.
    pub(crate) fn passing(&self) -> Passing {
        Passing {
            field: self.header.clone(),
            forward_token: self.forward_token,
            attributes: self.attributes.clone(),
            headers: self.headers.clone(),
        }
    }

    /// Settings that are missing, out of bounds or contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.issuers.is_empty() {
            if self.keys.is_empty() {
                faults.push(ConfigError::new("keys", "must name a key set"));
            }
            faults.extend(named_or_any("issuer", self.issuer.is_some(), self.any_issuer));
            faults.extend(named_or_any("audience", self.audience.is_some(), self.any_audience));
        } else {
            faults.extend(self.issuer_faults());
        }
        faults
    }

    /// Each of several issuers has a key set of its own: a key of one says nothing about tokens of another.
    fn issuer_faults(&self) -> Vec<ConfigError> {
        let single =
            [("keys", !self.keys.is_empty()), ("issuer", self.issuer.is_some()), ("any_issuer", self.any_issuer)];
        let mut faults: Vec<_> = single
            .into_iter()
            .filter(|(_, is_there)| *is_there)
            .map(|(name, _)| ConfigError::new(name, "is for one issuer; leave it out, `issuers` says it for each"))
            .collect();
        for (at, raw) in self.issuers.iter().enumerate() {
            let mut fault = |key: &str, message: &str| {
                faults.push(ConfigError::new(format!("issuers[{at}].{key}"), message.to_owned()));
            };
            if self.issuers.iter().take(at).any(|earlier| earlier.issuer == raw.issuer) {
                fault("issuer", "is there already");
            }
            if raw.issuer.is_empty() {
                fault("issuer", "must be the issuer as its tokens name it");
            }
            if raw.keys.is_empty() {
                fault("keys", "must name a key set");
            }
            match (raw.audience.is_some() || self.audience.is_some(), self.any_audience) {
                (false, false) => fault("audience", "must name what tokens are accepted for, here or for all issuers"),
                (true, true) => fault("audience", "contradicts `any_audience = true`; leave one out"),
                _ => {}
            }
        }
        faults
    }
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
            (r#""leeway":"301s""#, "leeway"),
            (r#""leeway":30"#, "leeway"),
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
