//! Owns which media types are read how.

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// One JSON value.
    Json,
    /// JSON or events, or what nobody can tell: a range of media types.
    Range,
    /// JSON values one after the other.
    Sequence,
    /// Events whose payload may be JSON.
    Events,
    /// Pairs of names and values.
    Form,
    /// Anything else: nobody can tell what stands where.
    Other,
}

impl Media {
    /// Of a media type or a range of them, as it stands in a document.
    pub(super) fn of(text: &str) -> Self {
        match essence(text).as_str() {
            "application/json" | "text/json" => Self::Json,
            "application/*" | "text/*" | "*/*" => Self::Range,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines"
            | "application/x-jsonlines" => Self::Sequence,
            "text/event-stream" => Self::Events,
            "application/x-www-form-urlencoded" => Self::Form,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// A media type without its parameters, in small letters (RFC 9110 section 8.3.1).
pub(super) fn essence(text: &str) -> String {
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_known_by_what_they_hold() {
        for (text, media) in [
            ("application/json", Media::Json),
            ("Application/JSON; charset=utf-8", Media::Json),
            ("application/problem+json", Media::Json),
            ("*/*", Media::Range),
            ("application/*; q=0.5", Media::Range),
            ("text/*", Media::Range),
            ("image/*", Media::Other),
            ("application/x-ndjson", Media::Sequence),
            ("application/json-lines", Media::Sequence),
            ("application/json-seq", Media::Other),
            ("application/geo+json-seq", Media::Other),
            ("text/event-stream", Media::Events),
            ("application/x-www-form-urlencoded", Media::Form),
            ("multipart/form-data", Media::Other),
            ("application/xml", Media::Other),
            ("text/plain", Media::Other),
            ("", Media::Other),
        ] {
            assert_eq!(Media::of(text), media, "{text}");
        }
    }
}
