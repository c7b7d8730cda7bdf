//! Numbers of Finland, Norway and Sweden. Denmark's have no check digit any more.

use super::super::check::{are_digits, decimal, is_day, is_ddmmyy, luhn, weighted};
use super::super::{Kind, Number};

pub(super) const NUMBERS: &[Number] = &[
    Number { kind: Kind::FiHetu, spellings: &["######-####"], is: is_hetu },
    Number { kind: Kind::FiHetu, spellings: &["###########"], is: is_later_hetu },
    Number { kind: Kind::SePersonnummer, spellings: &["######-####", "##########"], is: is_personnummer },
    Number { kind: Kind::SePersonnummer, spellings: &["########-####", "############"], is: is_long_personnummer },
    Number { kind: Kind::NoFodselsnummer, spellings: &["###########", "###### #####"], is: is_fodselsnummer },
];

/// Date of birth, serial number, check letter.
fn is_hetu(letters: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let Some((check, digits)) = letters.split_last() else { return false };
    let place = (decimal(digits) % 31) as usize;
    are_digits(digits) && is_ddmmyy(digits) && CHECKS.get(place) == Some(check)
}

/// With a letter instead of the dash, for those born since 2000 and where dashes have run out.
fn is_later_hetu(letters: &[u8]) -> bool {
    let [a, b, c, d, e, f, b'A'..=b'F' | b'U'..=b'Y', g, h, i, check] = letters else { return false };
    is_hetu(&[*a, *b, *c, *d, *e, *f, *g, *h, *i, *check])
}

/// Date of birth, 60 being added to the day for those who are not registered, and the check digit of Luhn.
fn is_personnummer(digits: &[u8]) -> bool {
    let [_, _, m, n, d, e, ..] = digits else { return false };
    let day = if *d >= b'6' { decimal(&[*d, *e]).wrapping_sub(60) } else { decimal(&[*d, *e]) };
    are_digits(digits) && is_day(day, decimal(&[*m, *n])) && luhn(digits)
}

/// With the century.
fn is_long_personnummer(digits: &[u8]) -> bool {
    matches!(digits, [b'1', b'9', short @ ..] | [b'2', b'0', short @ ..] if is_personnummer(short))
}

/// Date of birth, 40 being added to the day for those who are not registered, and two check digits.
fn is_fodselsnummer(digits: &[u8]) -> bool {
    let [d, e, m, n, ..] = digits else { return false };
    let day = if *d >= b'4' { decimal(&[*d, *e]).wrapping_sub(40) } else { decimal(&[*d, *e]) };
    are_digits(digits)
        && is_day(day, decimal(&[*m, *n]))
        && weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{found, not_found};
    use crate::detect::Kind;

    #[test]
    fn numbers_of_finland() {
        found(Kind::FiHetu, &["131052-308T", "131052A308T", "131052Y308T"]);
        not_found(Kind::FiHetu, &["131052-308U", "321052-3082", "131352-3087", "131052G308T"]);
    }

    #[test]
    fn numbers_of_norway() {
        found(Kind::NoFodselsnummer, &["15108695088", "151086 95088"]);
        not_found(Kind::NoFodselsnummer, &["15108695089", "15138610079", "32108610033", "72108610027"]);
    }

    #[test]
    fn numbers_of_sweden() {
        found(Kind::SePersonnummer, &["811218-9876", "8112189876", "19811218-9876", "198112189876", "701063-2391"]);
        not_found(Kind::SePersonnummer, &["811218-9877", "811318-9875", "18811218-9876", "811232-9878", "811299-9878"]);
    }
}
