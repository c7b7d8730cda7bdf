//! Strings and numbers as paths write them (RFC 9535 sections 2.3.1 and 2.3.5).

use super::PathError;
use super::cursor::Cursor;

/// The largest integer that a path may write, and the smallest but for its sign (RFC 9535 section 2.1).
const LARGEST: i64 = (1 << 53) - 1;

/// The string in quotes that is next, if one is.
pub(super) fn string(cursor: &mut Cursor<'_>) -> Result<Option<String>, PathError> {
    let Some(quote @ ('"' | '\'')) = cursor.peek() else { return Ok(None) };
    cursor.next();
    let mut string = String::new();
    loop {
        let at = cursor.at();
        match cursor.next() {
            Some(c) if c == quote => return Ok(Some(string)),
            Some('\\') => string.push(escaped(cursor, quote)?),
            Some(c) if c >= ' ' => string.push(c),
            Some(_) => {
                cursor.back_to(at);
                return Err(cursor.invalid("a control character in a string is written as an escape"));
            }
            None => return Err(cursor.invalid("the string does not end")),
        }
    }
}

/// The character that an escape stands for; the backslash has been read.
fn escaped(cursor: &mut Cursor<'_>, quote: char) -> Result<char, PathError> {
    let at = cursor.at();
    match cursor.next() {
        Some('b') => Ok('\u{8}'),
        Some('f') => Ok('\u{c}'),
        Some('n') => Ok('\n'),
        Some('r') => Ok('\r'),
        Some('t') => Ok('\t'),
        Some(c @ ('/' | '\\')) => Ok(c),
        Some(c) if c == quote => Ok(c),
        Some('u') => coded(cursor),
        _ => {
            cursor.back_to(at);
            Err(cursor
                .invalid("no such escape; there are \\b \\f \\n \\r \\t \\/ \\\\ \\u and the quote that is around"))
        }
    }
}

/// The character of one or two `\u` escapes.
fn coded(cursor: &mut Cursor<'_>) -> Result<char, PathError> {
    let at = cursor.at();
    let first = unit(cursor)?;
    if let Some(c) = char::from_u32(first) {
        return Ok(c);
    }
    if cursor.eat("\\u") {
        let second = unit(cursor)?;
        if (0xdc00..0xe000).contains(&second) {
            // Beyond all characters if the first is a second half, too.
            let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
            if let Some(c) = char::from_u32(code) {
                return Ok(c);
            }
        }
    }
    cursor.back_to(at);
    Err(cursor.invalid("half of a surrogate pair is no character"))
}

fn unit(cursor: &mut Cursor<'_>) -> Result<u32, PathError> {
    let digits = cursor.rest().get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let Some(unit) = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) else {
        return Err(cursor.invalid("\\u takes four hexadecimal digits"));
    };
    cursor.back_to(cursor.at() + 4);
    Ok(unit)
}

/// The integer that is next, if one is.
pub(super) fn integer(cursor: &mut Cursor<'_>) -> Result<Option<i64>, PathError> {
    let at = cursor.at();
    let is_negative = cursor.eat("-");
    let digits = cursor.take_while(|c| c.is_ascii_digit());
    let fault = match digits {
        "" if !is_negative => return Ok(None),
        "" => "a minus stands in front of a number",
        "0" if is_negative => "zero has no sign here",
        "0" => return Ok(Some(0)),
        _ if digits.starts_with('0') => "a number does not begin with 0",
        _ => match digits.parse::<i64>() {
            Ok(number) if number <= LARGEST => return Ok(Some(if is_negative { -number } else { number })),
            _ => "a number is at most 9007199254740991",
        },
    };
    cursor.back_to(at);
    Err(cursor.invalid(fault))
}

/// Steps over the number of a filter that is next, and tells whether one was.
pub(super) fn number(cursor: &mut Cursor<'_>) -> Result<bool, PathError> {
    let at = cursor.at();
    let is_negative = cursor.eat("-");
    let whole = cursor.take_while(|c| c.is_ascii_digit());
    if whole.is_empty() && !is_negative {
        return Ok(false);
    }
    let is_whole = whole == "0" || (!whole.is_empty() && !whole.starts_with('0'));
    let has_digits = |cursor: &mut Cursor<'_>| !cursor.take_while(|c| c.is_ascii_digit()).is_empty();
    let is_fraction = !cursor.eat(".") || has_digits(cursor);
    let is_exponent = !(cursor.eat("e") || cursor.eat("E")) || {
        let _ = cursor.eat("-") || cursor.eat("+");
        has_digits(cursor)
    };
    if is_whole && is_fraction && is_exponent {
        return Ok(true);
    }
    cursor.back_to(at);
    Err(cursor.invalid("not a number as JSON writes it"))
}
