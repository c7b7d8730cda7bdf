//! Numbers of payment cards: prefix and length of a brand, and the check digit of Luhn.

use super::check::{decimal, luhn};
use super::{Kind, Number};

/// A range of first six digits, and the lengths that numbers in it have.
struct Range(u64, u64, &'static [usize]);

const SIXTEEN: &[usize] = &[16];
const UP_TO_NINETEEN: &[usize] = &[16, 17, 18, 19];
const MAESTRO: &[usize] = &[12, 13, 14, 15, 16, 17, 18, 19];

/// Visa's numbers of thirteen digits are long gone, and look like the article numbers of shops.
const RANGES: [Range; 25] = [
    // Mir, Mastercard.
    Range(220_000, 220_499, UP_TO_NINETEEN),
    Range(222_100, 272_099, SIXTEEN),
    // Diners Club, American Express, JCB.
    Range(300_000, 305_999, &[14, 16]),
    Range(309_500, 309_599, &[14, 16]),
    Range(340_000, 349_999, &[15]),
    Range(352_800, 358_999, UP_TO_NINETEEN),
    Range(360_000, 369_999, &[14, 16]),
    Range(370_000, 379_999, &[15]),
    Range(380_000, 399_999, &[14, 16]),
    // Visa.
    Range(400_000, 499_999, &[16, 19]),
    // Maestro, Verve, RuPay, Mastercard.
    Range(501_800, 501_899, MAESTRO),
    Range(502_000, 502_099, MAESTRO),
    Range(503_800, 503_899, MAESTRO),
    Range(506_099, 506_198, UP_TO_NINETEEN),
    Range(508_000, 508_999, SIXTEEN),
    Range(510_000, 559_999, SIXTEEN),
    Range(589_300, 589_399, MAESTRO),
    // Discover, UnionPay, Maestro, RuPay, Troy.
    Range(601_100, 601_199, UP_TO_NINETEEN),
    Range(620_000, 629_999, UP_TO_NINETEEN),
    Range(630_400, 630_499, MAESTRO),
    Range(644_000, 659_999, UP_TO_NINETEEN),
    Range(675_900, 675_999, MAESTRO),
    Range(676_100, 676_399, MAESTRO),
    Range(810_000, 829_999, UP_TO_NINETEEN),
    Range(979_200, 979_299, SIXTEEN),
];

pub(super) const NUMBERS: &[Number] = &[Number {
    kind: Kind::PaymentCard,
    spellings: &[
        "############",
        "#############",
        "##############",
        "###############",
        "################",
        "#################",
        "##################",
        "###################",
        "#### #### #### ####",
        "####-####-####-####",
        "####.####.####.####",
        "#### #### #### #### ###",
        "####-####-####-####-###",
        "#### ###### #####",
        "####-######-#####",
        "#### ###### ####",
        "####-######-####",
    ],
    is: is_card,
}];

fn is_card(digits: &[u8]) -> bool {
    let Some(prefix) = digits.get(..6).map(decimal) else { return false };
    let is_issued =
        |Range(first, last, lengths): &Range| (first..=last).contains(&&prefix) && lengths.contains(&digits.len());
    RANGES.iter().any(is_issued) && luhn(digits)
}

#[cfg(test)]
mod tests {
    use crate::detect::{Kind, testing::spans};

    #[test]
    fn numbers_that_brands_give_out_for_tests_are_found() {
        for text in [
            "4111111111111111",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "3782 822463 10005",
            "6011111111111117",
            "3530111333300000",
            "30569309025904",
            "3056 930902 5904",
            "6200000000000005",
            "6759649826438453",
            "2200000000000004",
            "6304000000000000",
        ] {
            assert_eq!(spans(&[Kind::PaymentCard], &format!("card {text} 12/27")), [text], "{text}");
        }
    }

    #[test]
    fn numbers_of_no_brand_or_without_the_check_digit_are_none() {
        for text in [
            "4111111111111112",
            "411111111111111",
            "1111111111111117",
            "41111111111111111111",
            "a4111111111111111",
            "4111111111111111.5",
            "0.4111111111111111",
            "4111_1111_1111_1111",
            "4111111111111111-1",
            "4012888888881",
            "4006381333931",
            "1712345678901234",
        ] {
            assert_eq!(spans(&[Kind::PaymentCard], text), Vec::<&str>::new(), "{text}");
        }
    }
}
