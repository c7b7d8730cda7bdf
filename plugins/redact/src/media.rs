//! Which media types are read, and as what.

use crate::carried::Reading;
use lockgate_sdk::Head;

/// Those of JSON. Beyond them forms and texts are read, where something is looked for in them.
pub(crate) const JSON: [(&str, Reading); 9] = [
    ("application/json", Reading::Document),
    ("*+json", Reading::Document),
    ("text/json", Reading::Document),
    ("application/x-ndjson", Reading::Lines),
    ("application/ndjson", Reading::Lines),
    ("application/jsonl", Reading::Lines),
    ("application/json-lines", Reading::Lines),
    ("application/x-jsonlines", Reading::Lines),
    ("text/event-stream", Reading::Events),
];
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const TEXT: &str = "text/*";

/// How a body is read, going by its media type. Types that are not read do not come here.
pub(crate) fn reading(essence: &str) -> Reading {
    match JSON.iter().find(|(pattern, _)| covers(pattern, essence)) {
        Some((_, reading)) => *reading,
        None if essence == FORM => Reading::Form,
        None if covers(TEXT, essence) => Reading::Text,
        None => Reading::Document,
    }
}

/// The media type without its parameters, in lower case; empty where there is none.
pub(crate) fn essence(head: &Head<'_>) -> String {
    let media_type = head.text("content-type").unwrap_or_default();
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a media type is one of those in which nobody can tell where something is. A range says nothing of JSON.
pub(crate) fn is_unread(unread: &[String], essence: &str) -> bool {
    let is_json = JSON.iter().any(|(pattern, _)| covers(pattern, essence));
    unread.iter().any(|unread| unread == essence || !is_json && covers(unread, essence))
}

/// Whether a type is of a range: itself, `type/*`, `*+suffix` or `*/*`.
fn covers(range: &str, essence: &str) -> bool {
    match (range.strip_suffix('*'), range.strip_prefix('*')) {
        (Some("*/"), _) => true,
        (Some(start), _) => essence.starts_with(start),
        (None, Some(end)) => essence.ends_with(end),
        (None, None) => range == essence,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_what_it_is() {
        for (essence, expected) in [
            ("application/json", Reading::Document),
            ("application/problem+json", Reading::Document),
            ("text/json", Reading::Document),
            ("application/jsonl", Reading::Lines),
            ("text/event-stream", Reading::Events),
            ("text/csv", Reading::Text),
            (FORM, Reading::Form),
        ] {
            assert_eq!(reading(essence), expected, "{essence}");
        }
    }

    #[test]
    fn what_is_not_read_is_told_by_type_or_range_and_ranges_say_nothing_of_json() {
        let unread = |range: &str, essence: &str| is_unread(&[range.to_owned()], essence);
        assert!(unread("application/xml", "application/xml") && unread("text/*", "text/csv"));
        assert!(unread("*/*", "image/png") && unread("*/*", ""));
        assert!(unread("text/json", "text/json") && !unread("text/*", "text/json") && !unread("*/*", "a/b+json"));
        assert!(!unread("application/xml", "text/xml"));
    }
}
