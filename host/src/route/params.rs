//! The values of path parameters, read from the path when somebody asks.

use std::borrow::Cow;
use std::fmt;

use super::pattern::{PathPattern, Segment, split_segment};
use crate::exchange::path::hex_digit;

/// What the parameters of a matched pattern stand for.
///
/// Holds the pattern and the path, nothing else: values are cut out and decoded on demand. To keep them longer than
/// both, keep the pattern's owner and the path and ask [`PathPattern::params`] again.
#[derive(Clone, Copy)]
pub(crate) struct Params<'a> {
    pattern: &'a PathPattern,
    path: &'a str,
}

impl<'a> Params<'a> {
    /// `path` must be one that `pattern` covers.
    pub(super) fn new(pattern: &'a PathPattern, path: &'a str) -> Self {
        Self { pattern, path }
    }

    /// The pattern that matched.
    #[cfg(any(test, feature = "fuzz"))]
    pub(crate) fn pattern(&self) -> &'a PathPattern {
        self.pattern
    }

    /// The parameters of another path, if the same pattern covers it.
    pub(crate) fn of<'p>(&self, path: &'p str) -> Option<Params<'p>>
    where
        'a: 'p,
    {
        self.pattern.params(path)
    }

    /// The decoded value of one parameter.
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'a, str>> {
        let (_, raw) = self.raw().find(|(found, _)| *found == name)?;
        Some(percent_decode(raw))
    }

    /// Names and decoded values, in the order of the path. An open end keeps its slashes, without the first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Cow<'a, str>)> + use<'a> {
        self.raw().map(|(name, raw)| (name, percent_decode(raw)))
    }

    /// Names and values as they stand in the path.
    pub(crate) fn raw(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut left = self.path.strip_prefix('/');
        self.pattern.segments().iter().filter_map(move |segment| {
            let whole = left.unwrap_or_default();
            let (found, after) = split_segment(whole);
            left = after;
            match segment {
                Segment::Literal(_) => None,
                Segment::Param(name) => Some((&**name, found)),
                Segment::Rest(name) => Some((&**name, whole)),
            }
        })
    }

    /// The value of one parameter as it stands in the path; none where an open end took nothing, not even a slash.
    pub(super) fn written(&self, name: &str) -> Option<&'a str> {
        let (_, raw) = self.raw().find(|(found, _)| *found == name)?;
        (!raw.is_empty() || self.path.ends_with('/')).then_some(raw)
    }
}

/// Prints the names only: values may be personal.
impl fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.pattern.param_names()).finish()
    }
}

/// Decode what the path rule let through; all of it is valid, and what is not stays as it is.
fn percent_decode(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut left = raw.as_bytes();
    while let Some((&byte, after)) = left.split_first() {
        let escaped = match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                hex_digit(*high).zip(hex_digit(*low)).map(|(high, low)| (high << 4 | low, after))
            }
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((byte, after));
        bytes.push(byte);
        left = after;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pattern: &str, path: &str) -> Vec<(String, String)> {
        let pattern: PathPattern = pattern.parse().unwrap();
        let params = pattern.params(path).unwrap();
        params.iter().map(|(name, value)| (name.to_owned(), value.into_owned())).collect()
    }

    #[test]
    fn values_are_cut_out_and_decoded() {
        let cases = [
            ("/pets/{id}", "/pets/7", vec![("id", "7")]),
            ("/{a}/x/{b}", "/1/x/caf%C3%A9%20%25", vec![("a", "1"), ("b", "caf\u{e9} %")]),
            ("/f/{*rest}", "/f/a/b%3Bc/", vec![("rest", "a/b;c/")]),
            ("/f/{*rest}", "/f/", vec![("rest", "")]),
            ("/f/{*rest}", "/f", vec![("rest", "")]),
            ("/f", "/f", vec![]),
        ];
        for (pattern, path, expected) in cases {
            let found = values(pattern, path);
            let found: Vec<_> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(found, expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_plain_value_is_borrowed_from_the_path() {
        let pattern: PathPattern = "/pets/{id}".parse().unwrap();
        let params = pattern.params("/pets/7").unwrap();
        assert!(matches!(params.get("id"), Some(Cow::Borrowed("7"))));
        assert_eq!(params.get("other"), None);
    }

    #[test]
    fn a_path_that_never_met_the_rule_is_left_as_it_is() {
        assert_eq!(values("/{a}", "/%FF%"), [("a".to_owned(), "%FF%".to_owned())]);
    }
}
