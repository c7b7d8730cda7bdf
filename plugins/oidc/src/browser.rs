//! What a browser says of the request it makes: whether a page is to be shown, and who asked for it (Fetch metadata).

use crate::url::Origin;
use lockgate_sdk::Head;

/// The fields this looks at.
pub(crate) const FIELDS: [&str; 5] = ["accept", "origin", "sec-fetch-mode", "sec-fetch-site", "sec-websocket-key"];

/// Whether the answer is a page somebody looks at.
pub(crate) fn shows_page(head: &Head<'_>) -> bool {
    match head.get("sec-fetch-mode") {
        Some(_) => head.text("sec-fetch-mode") == Some("navigate"),
        None => head.all("accept").any(|accept| accept.split(|&byte| byte == b',').any(is_html)),
    }
}

/// Whether it is a page that can be asked for again, so that a visitor may come back to it.
pub(crate) fn visits_page(head: &Head<'_>) -> bool {
    matches!(head.method(), Some("GET" | "HEAD")) && shows_page(head)
}

/// Whether the request may change something, or begin a talk that may, which no page of another origin may have made.
pub(crate) fn may_change(head: &Head<'_>) -> bool {
    !matches!(head.method(), Some("GET" | "HEAD" | "OPTIONS")) || head.get("sec-websocket-key").is_some()
}

/// Whether a page of ours made the request, or the visitor alone; what says nothing of that is neither.
pub(crate) fn is_from_here(head: &Head<'_>, url: &Origin) -> bool {
    match head.get("sec-fetch-site") {
        Some(_) => matches!(head.text("sec-fetch-site"), Some("same-origin" | "none")),
        None => head.text("origin") == Some(url.as_str()),
    }
}

fn is_html(range: &[u8]) -> bool {
    let media_type = range.split(|&byte| byte == b';').next().unwrap_or_default();
    media_type.trim_ascii().eq_ignore_ascii_case(b"text/html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_sdk::testing::Facts;

    fn facts(fields: &[(&str, &str)]) -> Facts {
        fields.iter().fold(Facts::request(), |facts, (name, value)| facts.field(name, value))
    }

    #[test]
    fn a_page_is_what_the_browser_navigates_to() {
        let cases: [(&[(&str, &str)], bool); 8] = [
            (&[("sec-fetch-mode", "navigate")], true),
            (&[("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
            (&[("sec-fetch-mode", "navigate"), ("sec-fetch-mode", "navigate")], false),
            (&[("accept", "text/html,application/xhtml+xml;q=0.9")], true),
            (&[("accept", "*/*, Text/HTML ;q=0.5")], true),
            (&[("accept", "*/*")], false),
            (&[("accept", "text/html5")], false),
            (&[], false),
        ];
        for (fields, page) in cases {
            assert_eq!(shows_page(&facts(fields).build().head()), page, "{fields:?}");
        }
        for (method, page) in [("GET", true), ("HEAD", true), ("POST", false)] {
            let facts = facts(&[("sec-fetch-mode", "navigate")]).method(method).build();
            assert_eq!(visits_page(&facts.head()), page, "{method}");
        }
    }

    #[test]
    fn a_request_is_from_here_where_the_browser_says_so() {
        let cases: [(&[(&str, &str)], bool); 10] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://shop")], false),
            (&[("sec-fetch-site", "none"), ("sec-fetch-site", "none")], false),
            (&[("origin", "https://shop")], true),
            (&[("origin", "https://shop"), ("origin", "https://shop")], false),
            (&[("origin", "https://shop.evil")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ];
        let url = Origin::try_from("https://shop".to_owned()).unwrap();
        for (fields, here) in cases {
            assert_eq!(is_from_here(&facts(fields).build().head(), &url), here, "{fields:?}");
        }
    }

    #[test]
    fn what_may_change_something_is_known_by_its_method_or_its_upgrade() {
        for (method, changes) in [("GET", false), ("HEAD", false), ("OPTIONS", false), ("POST", true), ("FOO", true)] {
            assert_eq!(may_change(&Facts::request().method(method).build().head()), changes, "{method}");
        }
        assert!(may_change(&facts(&[("sec-websocket-key", "x")]).method("GET").build().head()));
    }
}
