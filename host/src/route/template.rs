//! Paths that are put together from the parameters of another: where a redirect leads, what an upstream is asked for.

use std::fmt;
use std::str::FromStr;

use super::params::Params;
use super::pattern::{PathPattern, Segment};
use crate::exchange::path::{PathError, Target};

/// A path such as `/v2/pets/{id}` or `/new/{*rest}?from=old`.
///
/// `{id}` may stand anywhere in path and query. `{*rest}` fills its segment of the path; where it took nothing, not
/// even a slash, the slash before it goes too, so that `/old` leads to `/new` as `/old/` leads to `/new/`. Values keep
/// the escapes of the path they come from; in a query, what would separate pairs there is escaped as well. What comes
/// of it has passed the path rule again.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Template {
    text: Box<str>,
    path: Box<[Segment]>,
    query: Option<Box<[Segment]>>,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TemplateError {
    #[error("`{0}` is no parameter, which is written as in `match.path`: `{{id}}` or `{{*rest}}`")]
    BadParam(String),
    #[error("`{0}` stands alone between two slashes")]
    RestNotAlone(String),
    #[error("parameters stand in it more than {} times", PathPattern::MAX_PARAMS)]
    TooManyParams,
    #[error("no request has a path like this; write `{normal}`")]
    NotNormal { normal: String },
    #[error(transparent)]
    Path(PathError),
}

impl Template {
    /// A parameter that paths of `pattern` do not have, if there is one.
    pub(crate) fn foreign(&self, pattern: &PathPattern) -> Option<String> {
        self.params().find(|param| !pattern.segments().contains(param)).map(ToString::to_string)
    }

    /// Fill in the parameters of a path, and put `query` behind what the template has itself. Fails where that is too
    /// long.
    pub(crate) fn render(&self, params: Params<'_>, query: Option<&str>) -> Result<Target, PathError> {
        let mut text = String::with_capacity(2 * self.text.len() + query.map_or(0, str::len));
        for segment in &self.path {
            match (segment, segment.name().and_then(|name| params.written(name))) {
                (Segment::Literal(literal), _) => text.push_str(literal),
                (Segment::Param(_) | Segment::Rest(_), Some(value)) => text.push_str(value),
                (Segment::Param(_) | Segment::Rest(_), None) => drop(text.pop()),
            }
        }
        if text.is_empty() {
            text.push('/');
        }
        let own = self.query.as_deref();
        if own.is_some() || query.is_some() {
            text.push('?');
        }
        for segment in own.unwrap_or_default() {
            match segment {
                Segment::Literal(literal) => text.push_str(literal),
                Segment::Param(name) | Segment::Rest(name) => {
                    push_query(&mut text, params.written(name).unwrap_or_default());
                }
            }
        }
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            text.push_str(if own.is_some_and(|own| !own.is_empty()) { "&" } else { "" });
            text.push_str(query);
        }
        Target::parse(text)
    }

    fn params(&self) -> impl Iterator<Item = &Segment> {
        let segments = self.path.iter().chain(self.query.as_deref().unwrap_or_default());
        segments.filter(|segment| segment.name().is_some())
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        check_form(text)?;
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        for part in path.split('/').filter(|part| part.contains("{*")) {
            if !part.starts_with('{') || part.find('}') != Some(part.len() - 1) {
                return Err(TemplateError::RestNotAlone(part.to_owned()));
            }
        }
        let template = Self { text: text.into(), path: segments(path)?, query: query.map(segments).transpose()? };
        if template.params().count() > PathPattern::MAX_PARAMS {
            return Err(TemplateError::TooManyParams);
        }
        Ok(template)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({self})")
    }
}

/// Whether the path rule leaves the template as it is; braces take part as characters nobody writes.
fn check_form(text: &str) -> Result<(), TemplateError> {
    const OPEN: &str = "%EE%80%80";
    const CLOSE: &str = "%EE%80%81";
    let escaped = text.replace('{', OPEN).replace('}', CLOSE);
    let target = Target::parse(&escaped).map_err(TemplateError::Path)?;
    if target.as_str() == escaped {
        return Ok(());
    }
    Err(TemplateError::NotNormal { normal: target.as_str().replace(OPEN, "{").replace(CLOSE, "}") })
}

/// Literals and the parameters between them.
fn segments(mut text: &str) -> Result<Box<[Segment]>, TemplateError> {
    let mut segments = Vec::new();
    let literal = |text: &str, segments: &mut Vec<Segment>| match text.contains('}') {
        true => Err(TemplateError::BadParam(text.to_owned())),
        false => {
            segments.extend((!text.is_empty()).then(|| Segment::Literal(text.into())));
            Ok(())
        }
    };
    while let Some((before, rest)) = text.split_once('{') {
        literal(before, &mut segments)?;
        let bad = |inner: &str| TemplateError::BadParam(format!("{{{inner}"));
        let (inner, after) = rest.split_once('}').ok_or_else(|| bad(rest))?;
        segments.push(Segment::param(inner).ok_or_else(|| bad(&format!("{inner}}}")))?);
        text = after;
    }
    literal(text, &mut segments)?;
    Ok(segments.into())
}

/// Write what stood in a path into a query, where `&`, `=`, `+` and others mean something.
fn push_query(text: &mut String, value: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~%/:@".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(pattern: &str, path: &str, template: &str, query: Option<&str>) -> String {
        let (pattern, template): (PathPattern, Template) = (pattern.parse().unwrap(), template.parse().unwrap());
        assert_eq!(template.foreign(&pattern), None);
        template.render(pattern.params(path).unwrap(), query).unwrap().as_str().to_owned()
    }

    #[test]
    fn parameters_are_put_where_they_are_named() {
        let cases = [
            ("/pets/{id}", "/pets/7", "/v2/{id}", "/v2/7"),
            ("/{a}/{b}", "/1/2", "/{b}/{a}/{b}", "/2/1/2"),
            ("/pets/{id}", "/pets/7", "/v2/pet-{id}.json", "/v2/pet-7.json"),
            ("/{a}/{b}", "/1/2", "/{a}{b}", "/12"),
            ("/old/{*rest}", "/old/a/b/", "/new/{*rest}", "/new/a/b/"),
            ("/old/{*rest}", "/old/", "/new/{*rest}", "/new/"),
            ("/old/{*rest}", "/old", "/new/{*rest}", "/new"),
            ("/old/{*rest}", "/old", "/{*rest}", "/"),
            ("/old/{*rest}", "/old/x", "/{*rest}", "/x"),
            ("/old/{*rest}", "/old", "/a/{*rest}/b", "/a/b"),
            ("/old/{*rest}", "/old/", "/a/{*rest}/b", "/a/b"),
            ("/old/{*rest}", "/old/x/", "/a/{*rest}/b", "/a/x/b"),
            ("/{*rest}", "/", "/new/{*rest}", "/new/"),
            ("/pets/{id}", "/pets/7", "/find?id={id}&kind=pet", "/find?id=7&kind=pet"),
            ("/old/{*rest}", "/old", "/find?path={*rest}", "/find?path="),
            ("/a", "/a", "/b?", "/b?"),
        ];
        for (pattern, path, template, expected) in cases {
            assert_eq!(rendered(pattern, path, template, None), expected, "{pattern} {path} {template}");
        }
    }

    #[test]
    fn a_value_keeps_its_escapes_and_gains_those_a_query_needs() {
        let path = "/caf%C3%A9%20a+b&c=d$e'f,g(h)!*@:%3B%23";
        assert_eq!(rendered("/{v}", path, "/x/{v}", None), format!("/x{path}"));
        let query = "/?v=caf%C3%A9%20a%2Bb%26c%3Dd%24e%27f%2Cg%28h%29%21%2A@:%3B%23";
        assert_eq!(rendered("/{v}", path, "/?v={v}", None), query);
        assert_eq!(rendered("/{*v}", "/a/b?", "/?v={*v}", None), "/?v=a/b%3F", "what no path has is escaped as well");
    }

    #[test]
    fn the_query_of_the_request_comes_last_and_untouched() {
        let with = |template: &str, query: &str| rendered("/", "/", template, Some(query));
        assert_eq!(with("/b", "x=%zz&y"), "/b?x=%zz&y");
        assert_eq!(with("/b?a=1", "x"), "/b?a=1&x");
        assert_eq!(with("/b?a=1", ""), "/b?a=1");
        assert_eq!(with("/b?", "x"), "/b?x");
        assert_eq!(with("/b", ""), "/b?");
    }

    #[test]
    fn a_template_that_cannot_be_filled_in_is_a_fault() {
        let bad = |text: &str| TemplateError::BadParam(text.into());
        let alone = |text: &str| TemplateError::RestNotAlone(text.into());
        let cases = [
            ("", TemplateError::Path(PathError::NotAbsolute)),
            ("new", TemplateError::Path(PathError::NotAbsolute)),
            ("//evil/{id}", TemplateError::NotNormal { normal: "/evil/{id}".into() }),
            ("/{id}/../%7e/%7b", TemplateError::NotNormal { normal: "/~/%7B".into() }),
            ("/\\evil", TemplateError::Path(PathError::ForbiddenByte)),
            ("/%2F{id}", TemplateError::Path(PathError::ForbiddenEscape)),
            ("/%2{id}", TemplateError::Path(PathError::BadEscape)),
            ("/a#b", TemplateError::Path(PathError::ForbiddenByte)),
            ("/a?b#c", TemplateError::Path(PathError::BadQuery)),
            ("/a\r\nx: y", TemplateError::Path(PathError::ForbiddenByte)),
            ("/{id", bad("{id")),
            ("/id}", bad("/id}")),
            ("/{}", bad("{}")),
            ("/{Id}", bad("{Id}")),
            ("/?{a b}", TemplateError::Path(PathError::BadQuery)),
            ("/{*rest}.html", alone("{*rest}.html")),
            ("/x{*rest}", alone("x{*rest}")),
            ("/{*a}{*b}", alone("{*a}{*b}")),
        ];
        for (text, expected) in cases {
            assert_eq!(text.parse::<Template>(), Err(expected), "{text}");
        }
        assert_eq!("/{a}".repeat(17).parse::<Template>(), Err(TemplateError::TooManyParams));
    }

    #[test]
    fn a_parameter_of_another_pattern_is_foreign_and_so_is_one_of_another_kind() {
        let foreign = |template: &str| {
            let template: Template = template.parse().unwrap();
            template.foreign(&"/pets/{id}/{*rest}".parse().unwrap())
        };
        assert_eq!(foreign("/{id}/{*rest}?a={id}"), None);
        assert_eq!(foreign("/{id}/{name}").as_deref(), Some("{name}"));
        assert_eq!(foreign("/{rest}").as_deref(), Some("{rest}"));
        assert_eq!(foreign("/?a={*id}").as_deref(), Some("{*id}"));
    }

    #[test]
    fn what_grows_too_long_is_refused() {
        let (pattern, template): (PathPattern, Template) = ("/{a}".parse().unwrap(), "/{a}/{a}".parse().unwrap());
        let path = format!("/{}", "a".repeat(10_000));
        assert_eq!(template.render(pattern.params(&path).unwrap(), None), Err(PathError::TooLong));
    }

    proptest! {
        #[test]
        fn whatever_a_client_asks_for_the_outcome_is_a_normal_path_and_never_another_host(
            path in "/([a/.?:@&=+\\\\]|%2[eEfF]|%5[cC]|%0[aAdD]|%[cC]3%[aA]9|//|\\.\\.){0,12}",
            template in prop::sample::select(&["/{*v}", "/x/{*v}", "/{*v}/y", "/?v={*v}", "/a/{*v}/b?c={*v}"][..]),
        ) {
            let (pattern, template): (PathPattern, Template) = ("/{*v}".parse().unwrap(), template.parse().unwrap());
            if let Ok(routed) = Target::parse(&path) {
                let target = template.render(pattern.params(routed.path()).unwrap(), routed.query()).unwrap();
                let text = target.as_str();
                prop_assert!(text.starts_with('/') && !text.starts_with("//") && !text.starts_with("/\\"), "{}", text);
                prop_assert_eq!(Target::parse(text), Ok(target.clone()));
            }
        }

        #[test]
        fn no_text_can_make_it_panic(text in "/?[/{}*a%2eE.;?=&]{0,14}", path in "/[a/]{0,6}") {
            let pattern: PathPattern = "/{*a}".parse().unwrap();
            if let (Ok(template), Some(params)) = (text.parse::<Template>(), pattern.params(&path)) {
                let _ = template.foreign(&pattern);
                let _ = template.render(params, Some("a"));
            }
        }
    }
}
