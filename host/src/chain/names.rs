//! Sets of header field names a policy declared: exact, by prefix, or all.

use http::{HeaderMap, HeaderName};

use crate::exchange::hygiene::is_forbidden_edit;

/// A declared set of header fields.
#[derive(Debug, Default)]
pub(crate) struct Names {
    exact: Vec<HeaderName>,
    prefixes: Vec<Box<str>>,
    all: bool,
}

/// A name in an interest that stands for nothing.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` in the interest is neither a field name in lower case nor a fact this hook has")]
pub(crate) struct UnknownName(pub(super) String);

/// A name in an interest that no policy may write.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadWrite {
    #[error(transparent)]
    Unknown(#[from] UnknownName),
    #[error("`{0}` in the interest is not a policy's to change")]
    Forbidden(String),
}

impl Names {
    pub(super) fn readable<'a>(names: impl Iterator<Item = &'a String>) -> Result<Self, UnknownName> {
        let mut this = Self::default();
        for name in names {
            match name.strip_suffix('*') {
                Some("") => this.all = true,
                Some(prefix) if is_lower(prefix) => this.prefixes.push(prefix.into()),
                None if is_lower(name) => {
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| UnknownName(name.clone()))?;
                    this.exact.push(name);
                }
                _ => return Err(UnknownName(name.clone())),
            }
        }
        Ok(this)
    }

    pub(super) fn writable<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Result<Self, BadWrite> {
        if let Some(name) = names.clone().find(|name| is_forbidden_edit(name)) {
            return Err(BadWrite::Forbidden(name.clone()));
        }
        Ok(Self::readable(names)?)
    }

    /// Call `f` with each declared field of a message.
    pub(super) fn each(&self, headers: &HeaderMap, mut f: impl FnMut(&[u8], &[u8])) {
        for name in &self.exact {
            for value in headers.get_all(name) {
                f(name.as_str().as_bytes(), value.as_bytes());
            }
        }
        if self.all || !self.prefixes.is_empty() {
            for (name, value) in headers {
                let named = self.exact.contains(name);
                if !named && !only_by_name(name) && self.by_pattern(name.as_str()) {
                    f(name.as_str().as_bytes(), value.as_bytes());
                }
            }
        }
    }

    /// The declared name `name` stands for, if it may be written.
    pub(super) fn permit(&self, name: &[u8]) -> Option<HeaderName> {
        if let Some(exact) = self.exact.iter().find(|exact| exact.as_str().as_bytes() == name) {
            return Some(exact.clone());
        }
        let text = std::str::from_utf8(name).ok().filter(|text| is_lower(text))?;
        if !self.by_pattern(text) || is_forbidden_edit(text) {
            return None;
        }
        HeaderName::from_bytes(name).ok().filter(|name| !only_by_name(name))
    }

    fn by_pattern(&self, name: &str) -> bool {
        self.all || self.prefixes.iter().any(|prefix| name.starts_with(&**prefix))
    }
}

fn is_lower(name: &str) -> bool {
    !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'*')
}

/// Fields whose values are secrets: read and written only by a policy that names them.
fn only_by_name(name: &HeaderName) -> bool {
    use http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE};
    [AUTHORIZATION, COOKIE, SET_COOKIE, HOST].contains(name)
}
