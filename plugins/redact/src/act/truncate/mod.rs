//! Truncation: the coarser value that a text stands for, where it is read as one.

mod address;
mod date;
mod decimal;

pub use address::Prefixes;
pub use date::Precision;

/// What a text is read as, and how much of that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncate {
    /// A date, or date and time of RFC 3339.
    Date(Precision),
    /// An address of IPv4 or IPv6.
    Address(Prefixes),
    /// A decimal number, such as a coordinate, with so many places behind the point.
    Decimal(usize),
    /// A text, such as a postal code, of so many characters. A text that has no more stays as it is.
    Text(usize),
}

impl Truncate {
    /// The coarser value; where the text cannot be read as what it should be, the mask.
    ///
    /// ```
    /// use lockgate_plugin_redact::act::truncate::{Precision, Prefixes, Truncate};
    ///
    /// let month = Truncate::Date(Precision::Month);
    /// assert_eq!(month.apply("1980-05-17", "***"), "1980-05");
    /// assert_eq!(month.apply("17 May 1980", "***"), "***");
    /// assert_eq!(Truncate::Address(Prefixes::default()).apply("192.0.2.17", "***"), "192.0.2.0");
    /// assert_eq!(Truncate::Decimal(2).apply("52.520008", "***"), "52.52");
    /// assert_eq!(Truncate::Text(4).apply("SW1A 2AA", "***"), "SW1A");
    /// ```
    pub fn apply(&self, text: &str, mask: &str) -> String {
        let truncated = match self {
            Self::Date(precision) => date::truncate(text, *precision).map(str::to_owned),
            Self::Address(prefixes) => address::truncate(text, *prefixes),
            Self::Decimal(places) => decimal::truncate(text, *places).map(str::to_owned),
            Self::Text(characters) => Some(beginning(text, *characters).to_owned()),
        };
        truncated.unwrap_or_else(|| mask.to_owned())
    }
}

/// So many characters of a text, without white space at their end.
fn beginning(text: &str, characters: usize) -> &str {
    let end = text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::{Precision, Prefixes, Truncate};
    use proptest::prelude::*;

    fn any_truncation() -> impl Strategy<Value = Truncate> {
        prop_oneof![
            Just(Truncate::Date(Precision::Year)),
            Just(Truncate::Date(Precision::Month)),
            (1..32_u8, 1..128_u8).prop_map(|(v4, v6)| Truncate::Address(Prefixes::new(v4, v6).unwrap())),
            (0..5_usize).prop_map(Truncate::Decimal),
            (0..9_usize).prop_map(Truncate::Text),
        ]
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            "\\PC{0,20}",
            "[0-9]{4}-[0-1][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-][0-1][0-9]:[0-5][0-9]))?",
            "-?[0-9]{1,4}(\\.[0-9]{1,8})?",
            any::<std::net::IpAddr>().prop_map(|address| address.to_string()),
        ]
    }

    proptest! {
        #[test]
        fn what_was_truncated_stays_as_it_is(truncate in any_truncation(), text in any_text()) {
            let once = truncate.apply(&text, "");
            prop_assert_eq!(truncate.apply(&once, ""), once);
        }

        #[test]
        fn nothing_is_left_but_a_beginning_or_an_address(truncate in any_truncation(), text in any_text()) {
            let truncated = truncate.apply(&text, "");
            prop_assert!(text.starts_with(&truncated) || matches!(truncate, Truncate::Address(_)));
        }
    }

    #[test]
    fn what_cannot_be_read_is_masked_whole() {
        let unreadable =
            [Truncate::Date(Precision::Year), Truncate::Address(Prefixes::default()), Truncate::Decimal(2)];
        for truncate in unreadable {
            assert_eq!(truncate.apply("17 Mill Lane", "***"), "***", "{truncate:?}");
        }
    }

    #[test]
    fn texts_are_counted_in_characters() {
        assert_eq!(Truncate::Text(3).apply("Grüße", "*"), "Grü");
        assert_eq!(Truncate::Text(4).apply("E1 6AN", "*"), "E1 6");
        assert_eq!(Truncate::Text(3).apply("E1 6AN", "*"), "E1", "no white space at the end");
        assert_eq!(Truncate::Text(9).apply("E1", "*"), "E1");
        assert_eq!(Truncate::Text(0).apply("E1", "*"), "");
    }
}
