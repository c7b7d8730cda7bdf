//! The one path rule: routing, policies and the upstream all see the same path.
//!
//! | in the request target | becomes |
//! |---|---|
//! | longer than [`MAX_LEN`], or not beginning with `/` | refused |
//! | raw control, space, non-ASCII, or any of `"` `<` `>` `\` `^` `` ` `` `{` `\|` `}` `#` in the path | refused |
//! | raw `;` in the path: servers disagree about path parameters (`%3B` stays, as data) | refused |
//! | `%` without two hexadecimal digits | refused |
//! | `%2F`, `%5C`, `%00` to `%1F`, `%7F` | refused |
//! | escapes that do not decode to UTF-8, such as `%FF` | refused |
//! | an escaped letter, digit, `-`, `.`, `_` or `~` | the character itself |
//! | any other escape | kept, with upper-case digits |
//! | a run of `/` | one `/`, before dot segments are looked at |
//! | the segments `.` and `..`, also when escaped | removed as in RFC 3986 section 5.2.4 |
//! | `..` above the root | refused |
//! | raw control, space, non-ASCII, `"`, `<`, `>` or `#` in the query | refused |
//! | anything else in the query | untouched |
//!
//! The result of the rule is its own normal form: applying it twice changes nothing more.

#[cfg(any(test, feature = "fuzz"))]
pub(crate) mod fuzz;

use std::fmt;

use bytes::Bytes;
use http::uri::PathAndQuery;

/// Longest request target, path and query together, in bytes.
pub(crate) const MAX_LEN: usize = 16 * 1024;

/// A path in normal form and an optional query. Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Target(PathAndQuery);

/// Why a request target was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("the request target is longer than {MAX_LEN} bytes")]
    TooLong,
    #[error("the path does not begin with `/`")]
    NotAbsolute,
    #[error("the path holds a character that must be percent-encoded")]
    ForbiddenByte,
    #[error("the path holds a path parameter (`;`)")]
    PathParameter,
    #[error("the path holds `%` without two hexadecimal digits")]
    BadEscape,
    #[error("the path holds an encoded slash, backslash or control character")]
    ForbiddenEscape,
    #[error("the decoded path is not UTF-8")]
    NotUtf8,
    #[error("the path climbs above the root")]
    AboveRoot,
    #[error("the query holds a character that must be percent-encoded")]
    BadQuery,
}

impl Target {
    /// Apply the rule to a path with an optional query. Copies the input once.
    pub(crate) fn parse(path_and_query: impl AsRef<[u8]>) -> Result<Self, PathError> {
        let input = path_and_query.as_ref();
        let scan = Scan::read(input)?;
        let bytes = if scan.normal { Bytes::copy_from_slice(input) } else { rewrite(input, scan.path_end)? };
        Self::from_normal(bytes)
    }

    /// The path, in normal form.
    pub(crate) fn path(&self) -> &str {
        self.0.path()
    }

    /// What follows the first `?`, as the client wrote it.
    pub(crate) fn query(&self) -> Option<&str> {
        self.0.query()
    }

    /// Path and query as they go on the wire.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The target as part of a [`http::Uri`].
    pub(crate) fn into_path_and_query(self) -> PathAndQuery {
        self.0
    }

    fn from_normal(bytes: Bytes) -> Result<Self, PathError> {
        // Cannot fail: the rule allows less than `http` does.
        PathAndQuery::from_maybe_shared(bytes).map(Self).map_err(|_| PathError::BadQuery)
    }
}

/// Takes over the bytes of a target already in normal form: one scan, no allocation.
impl TryFrom<&PathAndQuery> for Target {
    type Error = PathError;

    fn try_from(target: &PathAndQuery) -> Result<Self, PathError> {
        let input = target.as_str().as_bytes();
        let scan = Scan::read(input)?;
        if scan.normal {
            return Ok(Self(target.clone()));
        }
        rewrite(input, scan.path_end).and_then(Self::from_normal)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Leaves the query out: it may hold personal data.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Target").field(&self.path()).finish()
    }
}

/// What one look at the raw target showed; the path up to `path_end` obeys the rule, except that it may still climb
/// above the root.
struct Scan {
    path_end: usize,
    normal: bool,
}

impl Scan {
    fn read(input: &[u8]) -> Result<Self, PathError> {
        if input.len() > MAX_LEN {
            return Err(PathError::TooLong);
        }
        if input.first() != Some(&b'/') {
            return Err(PathError::NotAbsolute);
        }
        let mut normal = true;
        let mut segment = 1;
        let mut at = 1;
        while let Some(&byte) = input.get(at) {
            match CLASSES[usize::from(byte)] {
                Class::Plain => at += 1,
                Class::Slash => {
                    normal &= !matches!(&input[segment..at], b"" | b"." | b"..");
                    at += 1;
                    segment = at;
                }
                Class::Percent => {
                    let escape = Escape::read(input, at)?;
                    normal &= escape.normal;
                    at += escape.len;
                }
                Class::Question => break,
                Class::Semicolon => return Err(PathError::PathParameter),
                Class::Forbidden => return Err(PathError::ForbiddenByte),
            }
        }
        normal &= !matches!(&input[segment..at], b"." | b"..");
        let fits_query = |byte: &u8| matches!(byte, 0x21 | 0x24..=0x3B | 0x3D | 0x3F..=0x7E);
        if !input[at..].iter().all(fits_query) {
            return Err(PathError::BadQuery);
        }
        let path_end = at;
        Ok(Self { path_end, normal })
    }
}

/// One escaped character: three bytes per byte of its UTF-8 form.
struct Escape {
    len: usize,
    normal: bool,
}

impl Escape {
    fn read(input: &[u8], at: usize) -> Result<Self, PathError> {
        let first = decode(input, at).ok_or(PathError::BadEscape)?;
        let width = match first {
            0x00..=0x1F | 0x7F | b'/' | b'\\' => return Err(PathError::ForbiddenEscape),
            0x20..=0x7E => 1,
            0xC2..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF4 => 4,
            _ => return Err(PathError::NotUtf8),
        };
        let mut character = [first, 0, 0, 0];
        for (index, byte) in character[..width].iter_mut().enumerate().skip(1) {
            *byte = decode(input, at + 3 * index).ok_or(PathError::NotUtf8)?;
        }
        if std::str::from_utf8(&character[..width]).is_err() {
            return Err(PathError::NotUtf8);
        }
        let len = 3 * width;
        let upper = !input[at..at + len].iter().any(u8::is_ascii_lowercase);
        let normal = upper && !is_unreserved(first);
        Ok(Self { len, normal })
    }
}

/// The byte written as `%XX` at `at`.
fn decode(input: &[u8], at: usize) -> Option<u8> {
    let &[b'%', high, low] = input.get(at..at + 3)? else {
        return None;
    };
    Some(hex_digit(high)? << 4 | hex_digit(low)?)
}

/// The value of one hexadecimal digit.
pub(crate) fn hex_digit(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// Bring a scanned path into normal form; the query is copied.
fn rewrite(input: &[u8], path_end: usize) -> Result<Bytes, PathError> {
    let (path, query) = input.split_at(path_end);
    let mut out = Vec::with_capacity(input.len());
    let mut segments = path[1..].split(|&byte| byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment.is_empty() && !last {
            continue;
        }
        let start = out.len();
        out.push(b'/');
        unescape(segment, &mut out);
        match &out[start + 1..] {
            b"." => out.truncate(start),
            b".." => {
                let parent = out[..start].iter().rposition(|&byte| byte == b'/');
                out.truncate(parent.ok_or(PathError::AboveRoot)?);
            }
            _ => continue,
        }
        if last {
            out.push(b'/');
        }
    }
    out.extend_from_slice(query);
    Ok(out.into())
}

fn unescape(segment: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = segment.get(at) {
        match decode(segment, at) {
            Some(decoded) if is_unreserved(decoded) => out.push(decoded),
            Some(_) => out.extend(segment[at..at + 3].iter().map(u8::to_ascii_uppercase)),
            None => {
                out.push(byte);
                at += 1;
                continue;
            }
        }
        at += 3;
    }
}

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[derive(Clone, Copy)]
enum Class {
    Plain,
    Slash,
    Percent,
    Question,
    Semicolon,
    Forbidden,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Forbidden; 256];
    let mut byte = 0x21_u8;
    while byte < 0x7F {
        classes[byte as usize] = match byte {
            b'/' => Class::Slash,
            b'%' => Class::Percent,
            b'?' => Class::Question,
            b';' => Class::Semicolon,
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | b'#' => Class::Forbidden,
            _ => Class::Plain,
        };
        byte += 1;
    }
    classes
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn normal(input: &str) -> Result<String, PathError> {
        Target::parse(input).map(|target| target.as_str().to_owned())
    }

    #[test]
    fn every_line_of_the_rule_holds() {
        let cases = [
            ("/", "/"),
            ("/a/b/", "/a/b/"),
            ("//a///b//", "/a/b/"),
            ("/a/./b/../c", "/a/c"),
            ("/a/.", "/a/"),
            ("/a/b/..", "/a/"),
            ("/..%61", "/..a"),
            ("/...", "/..."),
            ("/.well-known/x", "/.well-known/x"),
            ("/a/%2e%2E/b", "/b"),
            ("/a//../b", "/b"),
            ("/%7euser/%41%2d", "/~user/A-"),
            ("/%c3%a9/%3b", "/%C3%A9/%3B"),
            ("/%20%25", "/%20%25"),
            ("/%252e%252e/a", "/%252e%252e/a"),
            ("/a@:!$&'()*+,=[]", "/a@:!$&'()*+,=[]"),
            ("/a?", "/a?"),
            ("/a?b=%zz&c=/../;{|}%2F?", "/a?b=%zz&c=/../;{|}%2F?"),
        ];
        for (input, expected) in cases {
            assert_eq!(normal(input).as_deref(), Ok(expected), "{input}");
        }
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        let cases = [
            ("", PathError::NotAbsolute),
            ("*", PathError::NotAbsolute),
            ("?a", PathError::NotAbsolute),
            ("/a;v=1", PathError::PathParameter),
            ("/..;/a", PathError::PathParameter),
            ("/%", PathError::BadEscape),
            ("/%2", PathError::BadEscape),
            ("/%+1", PathError::BadEscape),
            ("/%%41", PathError::BadEscape),
            ("/a%2fb", PathError::ForbiddenEscape),
            ("/a%5Cb", PathError::ForbiddenEscape),
            ("/a%00", PathError::ForbiddenEscape),
            ("/a%0d%0a", PathError::ForbiddenEscape),
            ("/a%7f", PathError::ForbiddenEscape),
            ("/%FF", PathError::NotUtf8),
            ("/%C3", PathError::NotUtf8),
            ("/%C3a", PathError::NotUtf8),
            ("/%C0%AF", PathError::NotUtf8),
            ("/%ED%A0%80", PathError::NotUtf8),
            ("/..", PathError::AboveRoot),
            ("/a/../%2e%2e/b", PathError::AboveRoot),
            ("/a?b c", PathError::BadQuery),
            ("/a?b#c", PathError::BadQuery),
            ("/a?<", PathError::BadQuery),
            ("/a?\u{e9}", PathError::BadQuery),
        ];
        for (input, expected) in cases {
            assert_eq!(normal(input), Err(expected), "{input}");
        }
        for raw in " \"<>\\^`{|}#\u{7f}\u{e9}\n".chars() {
            let refused = normal(&format!("/a{raw}b"));
            assert_eq!(refused, Err(PathError::ForbiddenByte), "{raw:?}");
        }
    }

    #[test]
    fn the_longest_target_passes_and_one_byte_more_does_not() {
        let longest = format!("/{}", "a".repeat(MAX_LEN - 1));
        assert_eq!(normal(&longest).as_deref(), Ok(longest.as_str()));
        assert_eq!(normal(&format!("{longest}a")), Err(PathError::TooLong));
    }

    #[test]
    fn a_target_in_normal_form_keeps_its_bytes() {
        let original = PathAndQuery::from_maybe_shared(Bytes::from("/a/%C3%A9?b".to_owned())).unwrap();
        let target = Target::try_from(&original).unwrap();
        assert_eq!(target.as_str().as_ptr(), original.as_str().as_ptr());
        let other = PathAndQuery::from_static("/a//b?c");
        assert_eq!(Target::try_from(&other).unwrap().as_str(), "/a/b?c");
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own_normal_form(input in "/([a.%/2eE?-]|%2[eEf]|%[cC]3%[aA]9|%3b|/\\.\\./|/a/){0,12}") {
            if let Ok(target) = Target::parse(&input) {
                prop_assert_eq!(Target::parse(target.as_str()), Ok(target.clone()));
                prop_assert!(Scan::read(target.as_str().as_bytes()).unwrap().normal);
            }
        }

        #[test]
        fn no_bytes_can_make_it_panic(input in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Target::parse(&input);
            let _ = Target::parse([b"/%", input.as_slice()].concat());
        }
    }
}
