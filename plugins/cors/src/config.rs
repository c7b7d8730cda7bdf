//! The operator's configuration of `cors`, and the faults that only its whole shows.

use crate::origin::Origins;
use lockgate_sdk::ConfigError;
use serde::Deserialize;

const MAX_MAX_AGE_S: u32 = 86_400;
/// Most entries of each list: all of them are gone through for a request.
const MAX_ENTRIES: usize = 256;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) origins: Origins,
    #[serde(default = "safelisted_methods")]
    pub(crate) methods: Vec<Method>,
    #[serde(default = "safelisted_headers")]
    pub(crate) headers: Vec<FieldName>,
    #[serde(default)]
    pub(crate) expose: Vec<FieldName>,
    #[serde(default)]
    pub(crate) credentials: bool,
    /// Seconds.
    #[serde(default = "default_max_age")]
    pub(crate) max_age: u32,
    #[serde(default)]
    pub(crate) private_network: bool,
}

impl Config {
    /// Settings that are out of bounds or contradict each other.
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        let lengths = [
            ("origins", self.origins.len(), 1),
            ("methods", self.methods.len(), 1),
            ("headers", self.headers.len(), 0),
            ("expose", self.expose.len(), 0),
        ];
        for (path, length, least) in lengths {
            if !(least..=MAX_ENTRIES).contains(&length) {
                let message = format!("must hold {least} to {MAX_ENTRIES} entries");
                faults.push(ConfigError::new(path, message));
            }
        }
        if self.origins.is_any() && self.origins.len() > 1 {
            let message = "`*` allows every origin; write it alone or leave it out";
            faults.push(ConfigError::new("origins", message));
        }
        if self.max_age > MAX_MAX_AGE_S {
            let message = format!("must be at most {MAX_MAX_AGE_S} seconds");
            faults.push(ConfigError::new("max_age", message));
        }
        if self.credentials {
            faults.extend(self.credential_faults());
        }
        faults
    }

    /// With credentials browsers take `*` for a name, and every page can make its origin `null`.
    fn credential_faults(&self) -> impl Iterator<Item = ConfigError> {
        let wildcards = [
            ("origins", self.origins.is_any()),
            ("methods", self.methods.iter().any(|method| method.0 == "*")),
            ("headers", any_field(&self.headers)),
            ("expose", any_field(&self.expose)),
        ];
        let wildcards = wildcards.into_iter().filter(|(_, wildcard)| *wildcard);
        let wildcards =
            wildcards.map(|(path, _)| ConfigError::new(path, "must not be `*` with `credentials = true`; name each"));
        let null = self.origins.has_null().then(|| {
            let message = "must not hold `null` with `credentials = true`: every page can be `null`";
            ConfigError::new("origins", message)
        });
        wildcards.chain(null)
    }
}

/// A request method as it is sent, case and all, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Method(String);

impl Method {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Method {
    type Error = String;

    fn try_from(method: String) -> Result<Self, Self::Error> {
        if !is_token(&method) {
            return Err("must be a request method".to_owned());
        }
        let upper = method.to_ascii_uppercase();
        let known = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
        if method != upper && known.contains(&upper.as_str()) {
            return Err(format!("methods are case-sensitive; write `{upper}`"));
        }
        Ok(Self(method))
    }
}

/// The name of a header field in lower case, or `*`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct FieldName(String);

impl FieldName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for FieldName {
    type Error = &'static str;

    fn try_from(mut name: String) -> Result<Self, Self::Error> {
        if !is_token(&name) {
            return Err("must be the name of a header field, or `*`");
        }
        name.make_ascii_lowercase();
        Ok(Self(name))
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(fine)
}

/// Whether `*` is among the names.
pub(crate) fn any_field(names: &[FieldName]) -> bool {
    names.iter().any(|name| name.0 == "*")
}

/// Methods that need no permission of their own (Fetch standard, section 2.2.1).
fn safelisted_methods() -> Vec<Method> {
    ["GET", "HEAD", "POST"].map(|name| Method(name.to_owned())).into()
}

/// Fields that need no permission while their values are simple (section 2.2.2), so that others are allowed too.
fn safelisted_headers() -> Vec<FieldName> {
    ["accept", "accept-language", "content-language", "content-type"].map(|name| FieldName(name.to_owned())).into()
}

fn default_max_age() -> u32 {
    600
}

#[cfg(test)]
mod tests {
    use crate::Cors;
    use lockgate_sdk::testing;

    fn paths(config: &str) -> Vec<String> {
        match testing::configure::<Cors>(config) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
        }
    }

    #[test]
    fn right_settings_are_taken() {
        for config in [
            r#"{"origins":["*"]}"#,
            r#"{"origins":["*"],"methods":["*"],"headers":["*","authorization"],"expose":["*"]}"#,
            r#"{"origins":["null","https://a.example"],"methods":["PATCH","patchy"],"max_age":86400}"#,
            r#"{"origins":["https://*.a.example"],"credentials":true,"headers":["X-A"],"private_network":true}"#,
        ] {
            assert!(paths(config).is_empty(), "{config}");
        }
    }

    #[test]
    fn faulty_settings_are_named() {
        let cases: [(&str, &[&str]); 13] = [
            (r#"{}"#, &[""]),
            (r#"{"origins":[]}"#, &["origins"]),
            (r#"{"origins":["https://a.example/"]}"#, &["origins[0]"]),
            (r#"{"origins":["*","null"]}"#, &["origins"]),
            (r#"{"origins":["*"],"methods":[]}"#, &["methods"]),
            (r#"{"origins":["*"],"methods":["GET","patch"]}"#, &["methods[1]"]),
            (r#"{"origins":["*"],"headers":["x a"]}"#, &["headers[0]"]),
            (r#"{"origins":["*"],"expose":["x\r\n"]}"#, &["expose[0]"]),
            (r#"{"origins":["*"],"max_age":86401}"#, &["max_age"]),
            (r#"{"origins":["*"],"max_age":-1}"#, &["max_age"]),
            (r#"{"origins":["*"],"origin":"*"}"#, &["origin"]),
            (r#"{"origins":["null"],"credentials":true}"#, &["origins"]),
            (
                r#"{"origins":["*"],"credentials":true,"methods":["*"],"headers":["*"],"expose":["*"]}"#,
                &["origins", "methods", "headers", "expose"],
            ),
        ];
        for (config, faults) in cases {
            assert_eq!(paths(config), faults, "{config}");
        }
    }
}
