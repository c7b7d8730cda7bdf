//! Owns which media types are read how.

/// How a body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// One JSON value, or what may be one.
    Json,
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
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" | "text/json" | "application/*" | "*/*" => Self::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/json-lines"
            | "application/x-jsonlines"
            | "application/json-seq" => Self::Sequence,
            "text/event-stream" => Self::Events,
            "application/x-www-form-urlencoded" => Self::Form,
            other if other.ends_with("+json") => Self::Json,
            other if other.ends_with("+json-seq") => Self::Sequence,
            _ => Self::Other,
        }
    }
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
            ("*/*", Media::Json),
            ("application/x-ndjson", Media::Sequence),
            ("application/geo+json-seq", Media::Sequence),
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
