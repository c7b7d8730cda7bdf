//! Whether a proof was made for the URI of a request (RFC 9449 section 4.3, number 9).

use fluent_uri::Uri;

/// Whether `htu` names scheme, authority and path of the request, query and fragment aside.
///
/// `origin` is scheme and authority with `://` between them, `path` begins with `/`. Both sides are brought into the normal form of RFC
/// 3986, sections 6.2.2 and 6.2.3.
pub(super) fn is_for(htu: &str, origin: &str, path: &str) -> bool {
    let bare = htu.split(['?', '#']).next().unwrap_or_default();
    if bare.strip_prefix(origin) == Some(path) {
        return true;
    }
    let (claimed, asked) = (normal(bare), normal(&format!("{origin}{path}")));
    claimed.is_some() && claimed == asked
}

/// The normal form of an absolute URI that has an authority.
fn normal(uri: &str) -> Option<String> {
    let uri = Uri::parse(uri).ok()?.normalize();
    uri.authority()?;
    let text = uri.as_str();
    Some(if uri.path().is_empty() { format!("{text}/") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_ways_to_write_a_uri_are_the_same() {
        for htu in [
            "https://api.example.com/pets/~ann",
            "https://api.example.com/pets/~ann?a=1",
            "https://api.example.com/pets/~ann#x",
            "HTTPS://API.Example.com/pets/~ann",
            "https://api.example.com:443/pets/~ann",
            "https://api.example.com:/pets/~ann",
            "https://api.example.com/pets/%7Eann",
            "https://api.example.com/pets/%7eann",
            "https://api.example.com/x/../pets/./~ann",
        ] {
            assert!(is_for(htu, "https://api.example.com", "/pets/~ann"), "{htu}");
        }
        assert!(is_for("https://api.example.com", "https://api.example.com", "/"));
        assert!(is_for("https://api.example.com?a", "https://API.example.com:443", "/"));
        assert!(is_for("http://a:80/%2f", "http://a", "/%2F"));
        assert!(is_for("https://[::1]/", "https://[0:0::1]", "/"));
    }

    #[test]
    fn another_uri_is_another() {
        for htu in [
            "",
            "/pets",
            "//api.example.com/pets",
            "api.example.com/pets",
            "http://api.example.com/pets",
            "https://api.example.com/pets/",
            "https://api.example.com/Pets",
            "https://api.example.com//pets",
            "https://api.example.com/pets%2F",
            "https://api.example.com:8443/pets",
            "https://api.example.com:80/pets",
            "https://user@api.example.com/pets",
            "https://api.example.com.evil.example/pets",
            "https://api.example.com@evil.example/pets",
            "https://api.example.com\\@evil.example/pets",
            "https:/api.example.com/pets",
            "https:api.example.com/pets",
            " https://api.example.com/pets",
            "https://api.example.com/pets\n",
            "https://api.example.com/p%65ts%",
            "urn:x",
        ] {
            assert!(!is_for(htu, "https://api.example.com", "/pets"), "{htu}");
        }
    }

    #[test]
    fn two_that_are_no_uris_are_not_the_same() {
        assert!(!is_for("no uri", "https://a b", "/pets"));
        assert!(!is_for("https://a c/pets", "https://a b", "/pets"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_is_compared_without_panic(htu in ".{0,60}", authority in "[a-z0-9.:@\\[\\]-]{0,20}") {
            let _ = is_for(&htu, &format!("https://{authority}"), "/a");
        }

        #[test]
        fn a_letter_that_is_escaped_is_the_same(path in "/[a-zA-Z0-9._~-]{1,12}", at in any::<prop::sample::Index>()) {
            let at = 1 + at.index(path.len() - 1);
            let escaped = format!("https://a{}%{:02x}{}", &path[..at], path.as_bytes()[at], &path[at + 1..]);
            prop_assert!(is_for(&escaped, "https://a", &path), "{}", escaped);
        }

        #[test]
        fn a_uri_is_for_itself_and_for_no_other_path(path in "/[a-z/]{0,12}", other in "/[a-z/]{0,12}") {
            let htu = format!("https://a{path}");
            prop_assert!(is_for(&htu, "https://a", &path));
            prop_assert_eq!(is_for(&htu, "https://a", &other), path == other);
        }
    }
}
