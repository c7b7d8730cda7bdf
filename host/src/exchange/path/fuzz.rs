//! The path rule against the same rule written for people: step by step, with no thought of speed.

use http::uri::PathAndQuery;

use super::{MAX_LEN, Scan, Target};

/// Applies the rule to the input as it is.
pub fn path_rule(data: &[u8]) {
    let found = Target::parse(data);
    let text = found.as_ref().map(|target| target.as_str().to_owned()).ok();
    assert_eq!(text, model(data), "{:?}", found.err());
    if let Ok(target) = &found {
        check(target);
    }
    if let Ok(parsed) = PathAndQuery::try_from(data) {
        // `http` leaves out fragments, and what then is empty is no other target than `/`.
        let text = |target: Target| target.as_str().to_owned();
        assert_eq!(Target::try_from(&parsed).map(text), Target::parse(parsed.as_str()).map(text), "{parsed}");
    }
}

/// What everybody behind the rule counts on.
fn check(target: &Target) {
    assert_eq!(Target::parse(target.as_str()).as_ref(), Ok(target), "the rule changes its own result");
    assert!(Scan::read(target.as_str().as_bytes()).is_ok_and(|scan| scan.normal));
    let path = target.path();
    assert!(path.starts_with('/') && !path.contains("//") && path.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{path}");
    assert!(!path.contains(['\\', ';', '#', '"', '<', '>', '{', '}']), "{path}");
    for escape in path.split('%').skip(1) {
        let code = escape.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let code = code.unwrap_or_default();
        assert!(!code.is_ascii_control() && code != b'/' && code != b'\\', "{path}");
        assert!(!code.is_ascii_alphanumeric() && !b"-._~".contains(&code), "{path}");
    }
}

/// The normal form by the table above, if there is one.
fn model(input: &[u8]) -> Option<String> {
    if input.len() > MAX_LEN {
        return None;
    }
    let text = std::str::from_utf8(input).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic()))?;
    let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
    if !path.starts_with('/') || path.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}', '#', ';']) {
        return None;
    }
    if query.is_some_and(|query| query.contains(['"', '<', '>', '#'])) {
        return None;
    }
    let mut pieces = path.split('%');
    let (mut written, mut meant) = (pieces.next()?.to_owned(), Vec::from(path.split('%').next()?));
    for piece in pieces {
        let digits = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        let code = u8::from_str_radix(digits, 16).ok()?;
        if code.is_ascii_control() || matches!(code, b'/' | b'\\') {
            return None;
        }
        match char::from(code) {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' | '_' | '~' => written.push(char::from(code)),
            _ => written.push_str(&format!("%{code:02X}")),
        }
        written.push_str(&piece[2..]);
        meant.push(code);
        meant.extend(piece[2..].bytes());
    }
    std::str::from_utf8(&meant).ok()?;
    while written.contains("//") {
        written = written.replace("//", "/");
    }
    let path = without_dots(&written)?;
    Some(query.map_or(path.clone(), |query| format!("{path}?{query}")))
}

/// RFC 3986 section 5.2.4, but that nothing climbs above the root.
fn without_dots(path: &str) -> Option<String> {
    let mut open: Vec<&str> = Vec::new();
    let segments: Vec<_> = path.split('/').skip(1).collect();
    for segment in &segments {
        match *segment {
            "." => {}
            ".." => drop(open.pop()?),
            segment => open.push(segment),
        }
    }
    let is_open = matches!(segments.last(), Some(&"." | &".."));
    Some(format!("/{}{}", open.join("/"), if is_open && !open.is_empty() { "/" } else { "" }))
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_a_path_the_rule_does_what_its_table_says() {
        play("path_rule", super::path_rule, 500_000);
    }
}
