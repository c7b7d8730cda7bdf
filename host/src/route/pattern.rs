//! Which paths a route is for: literals, parameters and an open end.

use std::fmt;
use std::str::FromStr;

use super::params::Params;
use crate::exchange::path::{PathError, Target};

/// A path such as `/pets/{id}` or `/files/{*rest}`.
///
/// `{id}` takes exactly one segment that is not empty; `{*rest}` stands last and takes all that follows, nothing
/// included. A slash at the end counts: `/pets` and `/pets/` are two paths.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// A part of a path: of a pattern what stands between two slashes, of a template what stands together. Parameters hold
/// their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Literal(Box<str>),
    Param(Box<str>),
    Rest(Box<str>),
}

/// Why a path pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathPatternError {
    #[error("a path pattern begins with `/`")]
    NotAbsolute,
    #[error("a path pattern has no query")]
    Query,
    #[error("a path pattern has at most {} segments", PathPattern::MAX_SEGMENTS)]
    TooManySegments,
    #[error("a path pattern has at most {} parameters", PathPattern::MAX_PARAMS)]
    TooManyParams,
    #[error(
        "`{0}`: a parameter fills its segment, as in `/{{id}}/`, and is named in `a-z`, `0-9` and `_`, beginning with a letter"
    )]
    BadParam(String),
    #[error("`{0}` means only itself; write `{{name}}` for one segment, `{{*name}}` for all that follows")]
    Foreign(String),
    #[error("the parameter `{0}` stands twice")]
    DuplicateParam(String),
    #[error("`{{*{0}}}` takes all that follows, so it stands last")]
    RestNotLast(String),
    #[error("no request has a path like this; write `{normal}`")]
    NotNormal { normal: String },
    #[error("the path is one that requests cannot have")]
    Path(#[source] PathError),
}

impl PathPattern {
    /// Most segments of a pattern.
    pub(crate) const MAX_SEGMENTS: usize = 64;
    /// Most parameters of a pattern.
    pub(crate) const MAX_PARAMS: usize = 16;

    /// The pattern as written.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The parameters of a path in normal form, if the pattern covers it.
    pub(crate) fn params<'a>(&'a self, path: &'a str) -> Option<Params<'a>> {
        let mut left = path.strip_prefix('/');
        path.strip_prefix('/')?;
        for segment in &self.segments {
            let step = left.map(split_segment);
            match (segment, step) {
                (Segment::Rest(_), _) => return Some(Params::new(self, path)),
                (Segment::Literal(literal), Some((found, _))) if **literal == *found => {}
                (Segment::Param(_), Some((found, _))) if !found.is_empty() => {}
                _ => return None,
            }
            left = step.and_then(|(_, after)| after);
        }
        left.is_none().then(|| Params::new(self, path))
    }

    /// The parameter names in order.
    pub(crate) fn param_names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::name)
    }

    /// The parameters in order, as they are written.
    pub(crate) fn params_spelled(&self) -> impl Iterator<Item = String> {
        self.segments.iter().filter(|segment| segment.name().is_some()).map(ToString::to_string)
    }

    pub(super) fn segments(&self) -> &[Segment] {
        &self.segments
    }
}

impl FromStr for PathPattern {
    type Err = PathPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = text.strip_prefix('/').ok_or(PathPatternError::NotAbsolute)?;
        if path.contains('?') {
            return Err(PathPatternError::Query);
        }
        if path.split('/').count() > Self::MAX_SEGMENTS {
            return Err(PathPatternError::TooManySegments);
        }
        let segments = path.split('/').map(Segment::parse).collect::<Result<Box<[_]>, _>>()?;
        let pattern = Self { text: text.into(), segments };
        pattern.check_params()?;
        pattern.check_form()?;
        Ok(pattern)
    }
}

impl PathPattern {
    fn check_params(&self) -> Result<(), PathPatternError> {
        let inner = self.segments.split_last().map_or(&[][..], |(_, inner)| inner);
        if let Some(Segment::Rest(name)) = inner.iter().find(|segment| matches!(segment, Segment::Rest(_))) {
            return Err(PathPatternError::RestNotLast(name.to_string()));
        }
        if self.param_names().count() > Self::MAX_PARAMS {
            return Err(PathPatternError::TooManyParams);
        }
        for (index, name) in self.param_names().enumerate() {
            if self.param_names().take(index).any(|earlier| earlier == name) {
                return Err(PathPatternError::DuplicateParam(name.to_owned()));
            }
        }
        Ok(())
    }

    /// Whether the path rule leaves the pattern as it is; braces, which no path may hold, take part in their escaped
    /// form.
    fn check_form(&self) -> Result<(), PathPatternError> {
        let escaped = self.text.replace('{', "%7B").replace('}', "%7D");
        let target = Target::parse(&escaped).map_err(PathPatternError::Path)?;
        if target.as_str() == escaped {
            return Ok(());
        }
        let segments = target.path().split('/').map(|segment| {
            let name = segment.strip_prefix("%7B").and_then(|rest| rest.strip_suffix("%7D"));
            name.map_or_else(|| segment.to_owned(), |name| format!("{{{name}}}"))
        });
        let normal = segments.collect::<Vec<_>>().join("/");
        Err(PathPatternError::NotNormal { normal })
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PathPattern({self})")
    }
}

impl Segment {
    fn parse(text: &str) -> Result<Self, PathPatternError> {
        let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) else {
            return if text.contains(['{', '}']) {
                Err(PathPatternError::BadParam(text.to_owned()))
            } else if text.ends_with('*') || text.starts_with(['*', ':']) {
                // How others write parameters. No route is meant for paths that look like this.
                Err(PathPatternError::Foreign(text.to_owned()))
            } else {
                Ok(Self::Literal(text.into()))
            };
        };
        Self::param(inner).ok_or_else(|| PathPatternError::BadParam(text.to_owned()))
    }

    /// What stands between the braces of a parameter.
    pub(super) fn param(inner: &str) -> Option<Self> {
        let (rest, name) = match inner.strip_prefix('*') {
            Some(name) => (true, name),
            None => (false, inner),
        };
        let letter = |byte: u8| byte.is_ascii_lowercase();
        let well_named = name.bytes().next().is_some_and(letter)
            && name.bytes().all(|byte| letter(byte) || byte.is_ascii_digit() || byte == b'_');
        well_named.then(|| if rest { Self::Rest(name.into()) } else { Self::Param(name.into()) })
    }

    /// The name of a parameter.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Param(name) | Self::Rest(name) => Some(name),
        }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(text) => f.write_str(text),
            Self::Param(name) => write!(f, "{{{name}}}"),
            Self::Rest(name) => write!(f, "{{*{name}}}"),
        }
    }
}

/// The next segment of a path, and the rest unless it was the last.
pub(super) fn split_segment(path: &str) -> (&str, Option<&str>) {
    match path.split_once('/') {
        Some((segment, after)) => (segment, Some(after)),
        None => (path, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pattern_covers_the_paths_it_says() {
        let cases = [
            ("/", "/", true),
            ("/", "/a", false),
            ("/pets", "/pets", true),
            ("/pets", "/pets/", false),
            ("/pets/", "/pets", false),
            ("/pets/{id}", "/pets/1", true),
            ("/pets/{id}", "/pets/", false),
            ("/pets/{id}", "/pets/1/", false),
            ("/pets/{id}/", "/pets/1/", true),
            ("/files/{*rest}", "/files", true),
            ("/files/{*rest}", "/files/", true),
            ("/files/{*rest}", "/files/a/b/", true),
            ("/files/{*rest}", "/filesystem", false),
            ("/{*rest}", "/", true),
            ("/a/{x}/c", "/a/b/c", true),
            ("/a", "a", false),
        ];
        for (pattern, path, expected) in cases {
            let pattern: PathPattern = pattern.parse().unwrap();
            assert_eq!(pattern.params(path).is_some(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_that_no_path_can_meet_is_a_fault() {
        let not_normal = |normal: &str| PathPatternError::NotNormal { normal: normal.into() };
        let bad = |text: &str| PathPatternError::BadParam(text.into());
        let foreign = |text: &str| PathPatternError::Foreign(text.into());
        let cases = [
            ("/pets/*", foreign("*")),
            ("/v*", foreign("v*")),
            ("/pets/*rest", foreign("*rest")),
            ("/pets/:id/name", foreign(":id")),
            ("", PathPatternError::NotAbsolute),
            ("pets", PathPatternError::NotAbsolute),
            ("/pets?a", PathPatternError::Query),
            ("/a//{id}", not_normal("/a/{id}")),
            ("/%7Euser/{id}/../b", not_normal("/~user/b")),
            ("/%c3%a9/{*rest}", not_normal("/%C3%A9/{*rest}")),
            ("/a;b", PathPatternError::Path(PathError::PathParameter)),
            ("/caf\u{e9}", PathPatternError::Path(PathError::ForbiddenByte)),
            ("/{id}.json", bad("{id}.json")),
            ("/{}", bad("{}")),
            ("/{*}", bad("{*}")),
            ("/{Id}", bad("{Id}")),
            ("/{1a}", bad("{1a}")),
            ("/{a}{b}", bad("{a}{b}")),
            ("/{a", bad("{a")),
            ("/{a}/{b}/{a}", PathPatternError::DuplicateParam("a".into())),
            ("/{*a}/b", PathPatternError::RestNotLast("a".into())),
            ("/{*a}/", PathPatternError::RestNotLast("a".into())),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<PathPattern>(), Err(expected), "{text}");
        }
        let segments = |count| "/a".repeat(count).parse::<PathPattern>();
        assert!(segments(64).is_ok());
        assert_eq!(segments(65), Err(PathPatternError::TooManySegments));
        let params = |count| (0..count).map(|n| format!("/{{p{n}}}")).collect::<String>().parse::<PathPattern>();
        assert!(params(16).is_ok());
        assert_eq!(params(17), Err(PathPatternError::TooManyParams));
    }

    #[test]
    fn the_advice_of_a_fault_is_itself_a_pattern() {
        let advice = |text: &str| match text.parse::<PathPattern>() {
            Err(PathPatternError::NotNormal { normal }) => normal.parse::<PathPattern>().map(|_| ()),
            other => panic!("{other:?}"),
        };
        assert_eq!(advice("/a//{id}/./%41/%7b/{*rest}"), Ok(()));
    }

    proptest! {
        #[test]
        fn no_text_can_make_it_panic(text in "/?[/{}*a%2eE.;\u{e9}?]{0,12}", path in ".{0,12}") {
            if let Ok(pattern) = text.parse::<PathPattern>() {
                let _ = pattern.params(&path).map(|params| params.iter().count());
            }
        }
    }
}
