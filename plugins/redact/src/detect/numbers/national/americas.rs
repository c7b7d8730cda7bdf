//! Numbers of the Americas.

use super::super::check::{are_digits, decimal, weighted};
use super::super::{Kind, Number};

pub(super) const NUMBERS: &[Number] = &[
    // Without separators these are any nine digits.
    Number { kind: Kind::UsSsn, spellings: &["###-##-####", "### ## ####", "###.##.####"], is: is_ssn },
    Number { kind: Kind::UsItin, spellings: &["###-##-####", "### ## ####", "###.##.####"], is: is_itin },
    Number { kind: Kind::BrCpf, spellings: &["###.###.###-##", "###########"], is: is_cpf },
];

fn is_ssn(digits: &[u8]) -> bool {
    let Some((area, group, serial)) = parts(digits) else { return false };
    let is_given_out = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0;
    // Two that were printed in advertisements.
    is_given_out && digits != b"078051120" && digits != b"219099999"
}

fn is_itin(digits: &[u8]) -> bool {
    parts(digits).is_some_and(|(area, group, _)| area >= 900 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99))
}

fn parts(digits: &[u8]) -> Option<(u64, u64, u64)> {
    let (area, rest) = digits.split_at_checked(3)?;
    let (group, serial) = rest.split_at_checked(2)?;
    are_digits(digits).then(|| (decimal(area), decimal(group), decimal(serial)))
}

/// Two check digits, each the sum of what is before it.
fn is_cpf(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; 11] = [11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 0];
    let check = |before: usize| {
        let weights = WEIGHTS.get(10 - before..).unwrap_or_default();
        let head = digits.get(..before).unwrap_or_default();
        10 * weighted(head, weights) % 11 % 10
    };
    are_digits(digits)
        && matches!(digits, [.., a, b] if check(9) == u32::from(a - b'0') && check(10) == u32::from(b - b'0'))
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::{found, not_found};
    use crate::detect::Kind;

    #[test]
    fn social_security_numbers_are_those_that_can_be_given_out() {
        found(Kind::UsSsn, &["078-05-1123", "078 05 1123", "078.05.1123", "899-99-9999"]);
        not_found(
            Kind::UsSsn,
            &[
                "078051123",
                "000-05-1123",
                "666-05-1123",
                "900-05-1123",
                "078-00-1123",
                "078-05-0000",
                "078-05-1120",
                "1-078-05-1123",
                "+078-05-1123",
                "5 078 05 1123.",
                "078 05 1123 5",
                "078-05 1123",
            ],
        );
        found(Kind::UsItin, &["911-70-1234", "999-99-1234"]);
        not_found(Kind::UsItin, &["911-69-1234", "911-89-1234", "811-70-1234"]);
    }

    #[test]
    fn taxpayers_of_brazil_have_two_check_digits() {
        found(Kind::BrCpf, &["529.982.247-25", "52998224725"]);
        not_found(Kind::BrCpf, &["529.982.247-26", "529.982.247-35", "52998224735", "11111111111"]);
    }
}
