//! Which bodies a policy wants to see, by content type and coding.

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use crate::exchange::coding::Coding;

/// Media types a policy named: `application/json`, `text/*`, `*+json`, `*/*`.
#[derive(Debug)]
pub(super) struct MediaTypes(Vec<Pattern>);

#[derive(Debug)]
enum Pattern {
    Any,
    Exact(String),
    /// With its slash: `text/`.
    Type(String),
    /// With its plus: `+json`.
    Suffix(String),
}

/// What to do with a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// By way of this coding, if any.
    Yes(Option<Coding>),
    /// It goes by unread.
    Pass,
    /// The policy refuses what it cannot read.
    Refuse,
}

impl MediaTypes {
    /// Fails with the first that is no media type.
    pub(super) fn new(types: &[String]) -> Result<Self, String> {
        types.iter().map(|text| Pattern::parse(text).ok_or_else(|| text.clone())).collect::<Result<_, _>>().map(Self)
    }

    /// What to do with the body of a message with these headers, where these types are read.
    pub(super) fn wanted(&self, headers: &HeaderMap, others: Wanted) -> Wanted {
        // A type that peers may read in different ways is nothing a policy can decide by.
        let Some(essence) = essence(headers) else { return Wanted::Refuse };
        match self.cover(essence) {
            true => Coding::of(headers).map_or(Wanted::Refuse, Wanted::Yes),
            false => others,
        }
    }

    fn cover(&self, essence: &str) -> bool {
        self.0.iter().any(|pattern| match pattern {
            Pattern::Any => true,
            Pattern::Exact(text) => text.eq_ignore_ascii_case(essence),
            Pattern::Type(text) => essence.get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text)),
            Pattern::Suffix(text) => essence
                .len()
                .checked_sub(text.len())
                .and_then(|start| essence.get(start..))
                .is_some_and(|end| end.eq_ignore_ascii_case(text)),
        })
    }
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let token = |part: &str| !part.is_empty() && !part.contains(['*', '/', ' ', ';']);
        if text == "*/*" {
            return Some(Self::Any);
        }
        if let Some(suffix) = text.strip_prefix('*') {
            return (suffix.starts_with('+') && token(suffix)).then(|| Self::Suffix(suffix.to_owned()));
        }
        let (kind, subtype) = text.split_once('/')?;
        match subtype {
            "*" if token(kind) => Some(Self::Type(format!("{kind}/"))),
            _ if token(kind) && token(subtype) => Some(Self::Exact(text.to_owned())),
            _ => None,
        }
    }
}

/// The media type without its parameters, empty where there is none. None where there are several fields, or one that
/// is no text.
fn essence(headers: &HeaderMap) -> Option<&str> {
    let mut fields = headers.get_all(CONTENT_TYPE).iter();
    let Some(field) = fields.next() else { return Some("") };
    if fields.next().is_some() {
        return None;
    }
    let essence = field.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default();
    std::str::from_utf8(essence).ok().map(str::trim).filter(|essence| !essence.contains(','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_cover_what_they_say() {
        let types = |text: &str| MediaTypes::new(&[text.to_owned()]).unwrap();
        for (pattern, essence, covered) in [
            ("application/json", "Application/JSON", true),
            ("application/json", "application/jsonx", false),
            ("text/*", "text/html", true),
            ("text/*", "textual/html", false),
            ("*+json", "application/problem+json", true),
            ("*+json", "application/json", false),
            ("*/*", "", true),
        ] {
            assert_eq!(types(pattern).cover(essence), covered, "{pattern} {essence}");
        }
        assert!(MediaTypes::new(&["json".to_owned()]).is_err());
    }

    #[test]
    fn a_type_is_read_from_one_field_whatever_its_parameters_are() {
        let headers = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, http::HeaderValue::from_bytes(value).unwrap());
            }
            headers
        };
        assert_eq!(essence(&headers(&[])), Some(""));
        assert_eq!(essence(&headers(&[b"application/json; x=\xe9"])), Some("application/json"));
        assert_eq!(essence(&headers(&[b"text/plain", b"application/json"])), None);
        assert_eq!(essence(&headers(&[b"text/plain, application/json"])), None);
        assert_eq!(essence(&headers(&[b"application/json\xe9"])), None);
    }
}
