//! Numbers of Europe but for the Nordic countries.

use super::super::check::{are_digits, decimal, is_day, remainder, value, weighted};
use super::super::{Kind, Number};

pub(super) const NUMBERS: &[Number] = &[
    Number { kind: Kind::ItCodiceFiscale, spellings: &["################"], is: is_codice_fiscale },
    Number {
        kind: Kind::FrNir,
        spellings: &["###############", "############# ##", "# ## ## ## ### ### ##"],
        is: is_nir,
    },
    Number { kind: Kind::ChAhv, spellings: &["###.####.####.##", "#############"], is: is_ahv },
    Number { kind: Kind::UkNino, spellings: &["#########", "## ## ## ## #", "## ###### #"], is: is_nino },
    Number { kind: Kind::EsNie, spellings: &["#########", "########-#", "#-#######-#"], is: is_nie },
    Number { kind: Kind::EsDni, spellings: &["#########", "########-#"], is: is_dni },
    Number { kind: Kind::DeTaxId, spellings: &["###########", "## ### ### ###"], is: is_tax_id },
    Number { kind: Kind::BeNrn, spellings: &["##.##.##-###.##", "###########"], is: is_nrn },
    Number { kind: Kind::PlPesel, spellings: &["###########"], is: is_pesel },
    Number { kind: Kind::UkNhs, spellings: &["### ### ####", "###-###-####", "##########"], is: is_nhs },
    Number { kind: Kind::NlBsn, spellings: &["#########"], is: is_bsn },
    Number { kind: Kind::DeIdCard, spellings: &["#########"], is: is_id_card },
];

/// Check digit of ISO 7064 (mod 11, 10). Of the ten before it one stands twice or thrice in what is given out; a number
/// where none does is read too: examples have it, and random numbers hardly ever.
fn is_tax_id(digits: &[u8]) -> bool {
    let Some((check, number)) = digits.split_last().filter(|_| are_digits(digits)) else { return false };
    let mut counts = [0; 10];
    for digit in number {
        if let Some(count) = counts.get_mut(value(*digit) as usize) {
            *count += 1;
        }
    }
    let repeated = counts.iter().filter(|count| **count > 1).count();
    let product = number.iter().fold(10, |product, digit| match (value(*digit) + product) % 10 {
        0 => 20 % 11,
        sum => 2 * sum % 11,
    });
    number.first() != Some(&b'0')
        && repeated <= 1
        && counts.iter().all(|count| *count <= 3)
        && (11 - product) % 10 == value(*check)
}

/// Consonants and digits, the last of which is the sum of those before it, times 7, 3 and 1 in turn.
fn is_id_card(letters: &[u8]) -> bool {
    let [first, .., check] = letters else { return false };
    let is_used = |letter: &u8| letter.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(letter);
    first.is_ascii_uppercase()
        && letters.iter().all(is_used)
        && check.is_ascii_digit()
        && weighted(letters, &[7, 3, 1, 7, 3, 1, 7, 3]) % 10 == value(*check)
}

/// Sex, year and month of birth, place, and what is missing to a multiple of 97. Corsica's places have a letter.
fn is_nir(letters: &[u8]) -> bool {
    let Some((number, key)) = letters.split_at_checked(13) else { return false };
    let mut number: [u8; 13] = match number.try_into() {
        Ok(number) => number,
        Err(_) => return false,
    };
    let corsican = match number {
        [_, _, _, _, _, b'2', letter @ (b'A' | b'B'), ..] => {
            number[5] = b'1';
            number[6] = if letter == b'A' { b'9' } else { b'8' };
            true
        }
        _ => false,
    };
    let is_month = number.get(3..5).map(decimal).is_some_and(|month| matches!(month, 1..=12 | 20 | 30..=42 | 50..=99));
    let is_sex = matches!(number[0], b'1'..=b'4' | b'7' | b'8');
    (corsican || are_digits(letters))
        && are_digits(&number)
        && are_digits(key)
        && is_month
        && is_sex
        && 97 - u64::from(remainder(number.iter(), 97)) == decimal(key)
}

/// 756 and the check digit of article numbers.
fn is_ahv(digits: &[u8]) -> bool {
    digits.starts_with(b"756")
        && are_digits(digits)
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

const DNI_CHECKS: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

fn is_dni(letters: &[u8]) -> bool {
    let Some((check, digits)) = letters.split_last() else { return false };
    are_digits(digits) && DNI_CHECKS.get((decimal(digits) % 23) as usize) == Some(check)
}

/// The same with a letter instead of the first digit.
fn is_nie(letters: &[u8]) -> bool {
    let [first, digits @ .., check] = letters else { return false };
    let first = match first {
        b'X' => 0,
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => return false,
    };
    are_digits(digits) && DNI_CHECKS.get(((first + decimal(digits)) % 23) as usize) == Some(check)
}

/// Letters of surname and name, year, month and day of birth, place, check letter. Letters may stand for digits, so that
/// no two persons have the same.
fn is_codice_fiscale(letters: &[u8]) -> bool {
    /// `L` is letter, `D` a digit or its letter, `M` the month.
    const SHAPE: &[u8; 16] = b"LLLLLLDDMDDLDDDL";
    /// What letters and digits count at odd places.
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let is_shaped = SHAPE.iter().zip(letters).all(|(shape, letter)| match shape {
        b'L' => letter.is_ascii_uppercase(),
        b'M' => b"ABCDEHLMPRST".contains(letter),
        _ => letter.is_ascii_digit() || b"LMNPQRSTUV".contains(letter),
    });
    let Some((check, counted)) = letters.split_last().filter(|_| is_shaped) else { return false };
    let sum: u32 = counted
        .iter()
        .enumerate()
        .map(|(place, letter)| {
            let number = if letter.is_ascii_digit() { value(*letter) } else { value(*letter) - 10 };
            if place % 2 == 0 { ODD.get(number as usize).copied().unwrap_or_default() } else { number }
        })
        .sum();
    sum % 26 + 10 == value(*check)
}

fn is_nhs(digits: &[u8]) -> bool {
    let sum = weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2]);
    are_digits(digits) && digits.last().is_some_and(|check| (11 - sum % 11) % 11 == value(*check))
}

/// Two letters out of those that are used, six digits, and `A` to `D`.
fn is_nino(letters: &[u8]) -> bool {
    let [first, second, digits @ .., b'A'..=b'D'] = letters else { return false };
    let is_used = |letter: &u8| letter.is_ascii_uppercase() && !b"DFIQUV".contains(letter);
    let is_prefix = is_used(first) && is_used(second) && *second != b'O';
    let is_kept_free = [b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[*first, *second]);
    is_prefix && !is_kept_free && are_digits(digits)
}

/// Date of birth, with a hint at the century in the month, and a check digit.
fn is_pesel(digits: &[u8]) -> bool {
    let [_, _, m, n, d, e, ..] = digits else { return false };
    are_digits(digits)
        && is_day(decimal(&[*d, *e]), decimal(&[*m, *n]) % 20)
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn is_bsn(digits: &[u8]) -> bool {
    // The last digit counts minus one, which is ten modulo eleven.
    are_digits(digits) && weighted(digits, &[9, 8, 7, 6, 5, 4, 3, 2, 10]).is_multiple_of(11)
}

/// Date of birth, serial number, and what is missing to a multiple of 97; 2 is put before it for those born since 2000.
fn is_nrn(digits: &[u8]) -> bool {
    let Some((number, key)) = digits.split_at_checked(9).filter(|_| are_digits(digits)) else { return false };
    let [_, _, m, n, d, e, ..] = number else { return false };
    let is_checked =
        [0, 2_000_000_000].into_iter().any(|century| 97 - (century + decimal(number)) % 97 == decimal(key));
    is_day(decimal(&[*d, *e]), decimal(&[*m, *n])) && is_checked
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{found, not_found};
    use crate::detect::Kind;

    #[test]
    fn numbers_of_germany() {
        found(Kind::DeTaxId, &["86095742719", "86 095 742 719", "65929970489", "12345678903"]);
        not_found(Kind::DeTaxId, &["86095742718", "11112345678", "02476291358", "11111111111", "11223456787"]);
        found(Kind::DeIdCard, &["L01X00T44", "C01234565"]);
        not_found(Kind::DeIdCard, &["L01X00T47", "T220001290", "123456789", "A01X00T44"]);
    }

    #[test]
    fn numbers_of_france_belgium_switzerland_and_the_netherlands() {
        found(Kind::FrNir, &["255081416802538", "2 55 08 14 168 025 38", "2550814168025 38", "184062A00000172"]);
        not_found(Kind::FrNir, &["255081416802539", "955081416802576", "255131416802521"]);
        found(Kind::ChAhv, &["756.9217.0769.85", "7569217076985"]);
        not_found(Kind::ChAhv, &["756.9217.0769.84", "7559217076986"]);
        found(Kind::BeNrn, &["85.07.30-033.28", "85073003328", "17073003384"]);
        not_found(Kind::BeNrn, &["85.07.30-033.29", "85133003370"]);
        found(Kind::NlBsn, &["111222333"]);
        not_found(Kind::NlBsn, &["111222334", "123456789"]);
    }

    #[test]
    fn numbers_of_spain_and_italy() {
        found(Kind::EsDni, &["12345678Z", "12345678-Z", "12345678z"]);
        not_found(Kind::EsDni, &["12345678A", "123456789"]);
        found(Kind::EsNie, &["Z8078221M", "Y8063915-Z", "X-9613851-N", "x9613851n"]);
        not_found(Kind::EsNie, &["Y8063915Q", "W8063915Q"]);
        found(Kind::ItCodiceFiscale, &["RSSMRA85T10A562S", "rssmra85t10a562s"]);
        not_found(Kind::ItCodiceFiscale, &["RSSMRA85T10A562T", "RSSMRA85Z10A562B", "1SSMRA85T10A562K"]);
    }

    #[test]
    fn numbers_of_poland_and_the_united_kingdom() {
        found(Kind::PlPesel, &["44051401359", "02070803628"]);
        not_found(Kind::PlPesel, &["44051401358", "44131401350", "44053201353"]);
        found(Kind::UkNhs, &["401-023-2137", "221 395 1837", "0032698674"]);
        not_found(Kind::UkNhs, &["401-023-2138", "0032698675"]);
        found(Kind::UkNino, &["AB123456C", "AB 12 34 56 C", "AB 123456 C", "ab123456c"]);
        not_found(Kind::UkNino, &["GB123456C", "DB123456C", "AO123456C", "AB123456E", "AB12345C", "XAB123456C"]);
    }
}
