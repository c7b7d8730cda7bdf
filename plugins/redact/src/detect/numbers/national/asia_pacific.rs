//! Numbers of Asia and the Pacific.

use super::super::check::{are_digits, decimal, is_yymmdd, value, weighted};
use super::super::{Kind, Number};

pub(super) const NUMBERS: &[Number] = &[
    Number { kind: Kind::InPan, spellings: &["##########"], is: is_pan },
    Number {
        kind: Kind::InGstin,
        spellings: &["###############", "## ##### #### ## ##", "##-#####-####-##-##"],
        is: is_gstin,
    },
    Number { kind: Kind::KrRrn, spellings: &["######-#######"], is: is_rrn },
    Number { kind: Kind::KrRrn, spellings: &["#############"], is: is_checked_rrn },
    Number { kind: Kind::SgNric, spellings: &["#########"], is: is_nric },
    Number { kind: Kind::TrTckn, spellings: &["###########"], is: is_tckn },
    Number { kind: Kind::ThTnin, spellings: &["#############", "#-####-#####-##-#"], is: is_tnin },
    Number { kind: Kind::AuAbn, spellings: &["###########", "## ### ### ###"], is: is_abn },
    Number { kind: Kind::InAadhaar, spellings: &["############", "#### #### ####", "####-####-####"], is: is_aadhaar },
    Number { kind: Kind::AuMedicare, spellings: &["##########", "#### ##### #", "####-#####-#"], is: is_medicare },
    Number { kind: Kind::AuTfn, spellings: &["#########", "### ### ###", "###-###-###"], is: is_tfn },
    Number { kind: Kind::AuAcn, spellings: &["#########", "### ### ###", "###-###-###"], is: is_acn },
];

fn is_tfn(digits: &[u8]) -> bool {
    are_digits(digits) && weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

fn is_acn(digits: &[u8]) -> bool {
    are_digits(digits) && weighted(digits, &[8, 7, 6, 5, 4, 3, 2, 1, 1]).is_multiple_of(10)
}

fn is_abn(digits: &[u8]) -> bool {
    // One is taken from the first digit, whose weight is 10.
    are_digits(digits)
        && digits.first() != Some(&b'0')
        && (weighted(digits, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]) - 10).is_multiple_of(89)
}

fn is_medicare(digits: &[u8]) -> bool {
    are_digits(digits)
        && matches!(digits, [b'2'..=b'6', .., check, _] if weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == value(*check))
}

/// The check digit is that of Verhoeff.
fn is_aadhaar(digits: &[u8]) -> bool {
    matches!(digits.first(), Some(b'2'..=b'9')) && are_digits(digits) && verhoeff(digits)
}

fn verhoeff(digits: &[u8]) -> bool {
    /// What a place does to a digit; applied once more for each place further left.
    const PERMUTED: [u32; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    let permute = |digit: u32| PERMUTED.get(digit as usize).copied().unwrap_or_default();
    let permuted = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, byte)| (0..place % 8).fold(value(*byte), |digit, _| permute(digit)));
    permuted.fold(0, dihedral) == 0
}

/// Two turns or flips of a pentagon after each other: 0 to 4 turn it, 5 to 9 flip it.
fn dihedral(a: u32, b: u32) -> u32 {
    match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => 5 + (a + b) % 5,
        (false, true) => 5 + (a - b) % 5,
        (false, false) => (5 + a - b) % 5,
    }
}

/// Three letters, the class of the taxpayer, a letter, four digits, a letter.
fn is_pan(letters: &[u8]) -> bool {
    matches!(
        letters,
        [a, b, c, b'A' | b'B' | b'C' | b'F' | b'G' | b'H' | b'J' | b'L' | b'P' | b'T', d, digits @ .., e]
            if [a, b, c, d, e].iter().all(|letter| letter.is_ascii_uppercase()) && are_digits(digits)
    )
}

/// State, the shape of a taxpayer's number, and `Z` before the check digit.
fn is_gstin(letters: &[u8]) -> bool {
    let Some((state, [a, b, c, d, e, digits @ .., f, number, b'Z', check])) = letters.split_at_checked(2) else {
        return false;
    };
    are_digits(state)
        && (1..=37).contains(&decimal(state))
        && [a, b, c, d, e, f].iter().all(|letter| letter.is_ascii_uppercase())
        && are_digits(digits)
        && *number != b'0'
        && check.is_ascii_alphanumeric()
}

/// Date of birth, and a digit for century and sex. Since 2020 there is no check digit.
fn is_rrn(digits: &[u8]) -> bool {
    are_digits(digits) && is_yymmdd(digits) && matches!(digits.get(6), Some(b'1'..=b'8'))
}

/// In one word, only with the check digit of earlier years.
fn is_checked_rrn(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    is_rrn(digits) && digits.last().is_some_and(|check| (11 - sum % 11) % 10 == value(*check))
}

fn is_nric(letters: &[u8]) -> bool {
    let [series, digits @ .., check] = letters else { return false };
    let (offset, checks) = match series {
        b'S' => (0, b"JZIHGFEDCBA"),
        b'T' => (4, b"JZIHGFEDCBA"),
        b'F' => (0, b"XWUTRQPNMLK"),
        b'G' => (4, b"XWUTRQPNMLK"),
        b'M' => (3, b"XWUTRQPNJLK"),
        _ => return false,
    };
    let sum = offset + weighted(digits, &[2, 7, 6, 5, 4, 3, 2]);
    are_digits(digits) && checks.get(sum as usize % 11) == Some(check)
}

/// Kind of person, one of the provinces, and a check digit.
fn is_tnin(digits: &[u8]) -> bool {
    let Some(province) = digits.get(1..3).filter(|_| are_digits(digits)).map(decimal) else { return false };
    let is_province = matches!(province, 10..=27 | 30..=49 | 50..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96);
    let sum = weighted(digits, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    is_province
        && matches!(digits.first(), Some(b'1'..=b'8'))
        && digits.last().is_some_and(|check| (11 - sum % 11) % 10 == value(*check))
}

/// Two check digits: of the odd and even places, and of all before.
fn is_tckn(digits: &[u8]) -> bool {
    let [b'1'..=b'9', .., first, second] = digits else { return false };
    let odd = weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    are_digits(digits)
        && (7 * odd + 9 * even) % 10 == value(*first)
        && (odd + even + value(*first)) % 10 == value(*second)
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{found, not_found};
    use crate::detect::Kind;

    #[test]
    fn numbers_of_australia() {
        found(Kind::AuTfn, &["876543210", "876 543 210"]);
        not_found(Kind::AuTfn, &["876543211", "876 543 211", "1 876 543 210"]);
        found(Kind::AuAcn, &["005 499 981", "005499981"]);
        not_found(Kind::AuAcn, &["005 499 982"]);
        found(Kind::AuAbn, &["51 824 753 556", "51824753556"]);
        not_found(Kind::AuAbn, &["51 824 753 564", "51824753557"]);
        found(Kind::AuMedicare, &["2123456701", "2123 45670 1"]);
        not_found(Kind::AuMedicare, &["2123456711", "7123456751"]);
    }

    #[test]
    fn numbers_of_india() {
        found(Kind::InAadhaar, &["2341 2341 2346", "234123412346"]);
        not_found(Kind::InAadhaar, &["2341 2341 2347", "2341 2341 3246", "1341 2341 2342"]);
        found(Kind::InPan, &["AAAPL1234C"]);
        not_found(Kind::InPan, &["AAADL1234C", "AAAPL12345", "AaAPL1234C"]);
        found(Kind::InGstin, &["27AAPFU0939F1ZV", "27-AAPFU-0939-F1-ZV"]);
        not_found(Kind::InGstin, &["27AAPFU0939F1YV", "38AAPFU0939F1ZV", "27AAPFU0939F0ZV"]);
    }

    #[test]
    fn numbers_of_korea_singapore_thailand_and_turkey() {
        found(Kind::KrRrn, &["800101-1234567", "8001011234560"]);
        not_found(Kind::KrRrn, &["801301-1234567", "800101-9234567", "8001011234567"]);
        found(Kind::SgNric, &["S2740116C", "T7572225C", "F2346401L", "G1122144R", "M4332674T"]);
        not_found(Kind::SgNric, &["S2740116D", "T1234567Z", "A1234567J"]);
        found(Kind::ThTnin, &["1234567890121", "1-2345-67890-12-1"]);
        not_found(Kind::ThTnin, &["1234567890122", "1284567890124"]);
        found(Kind::TrTckn, &["10000000146"]);
        not_found(Kind::TrTckn, &["10000000145", "10000000156", "01234567840"]);
    }
}
