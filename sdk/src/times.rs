//! Times that stand in configurations of many policies, as types that cannot be wrong.
//!
//! ```
//! use lockgate_sdk::times::{Leeway, Span};
//! use serde::Deserialize;
//!
//! #[derive(Deserialize)]
//! struct Config {
//!     max_age: Span<1, 3600>,
//!     #[serde(default)]
//!     leeway: Leeway,
//! }
//!
//! let config: Config = serde_json::from_str(r#"{"max_age":"5m"}"#).unwrap();
//! assert_eq!(config.max_age.seconds(), 300);
//! assert_eq!(config.leeway.ms(), 30_000);
//! ```

use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::fmt;

/// Units and their seconds, the longest first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)];

/// A time such as `"30m"`, of at least `LEAST` and at most `MOST` seconds: a whole number of `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span<const LEAST: u64, const MOST: u64> {
    seconds: u64,
}

impl<const LEAST: u64, const MOST: u64> Span<LEAST, MOST> {
    /// What is meant where nothing is said. It does not compile out of bounds:
    ///
    /// ```compile_fail
    /// let _ = lockgate_sdk::times::Span::<60, 3600>::of::<59>();
    /// ```
    pub const fn of<const SECONDS: u64>() -> Self {
        const { assert!(LEAST <= SECONDS && SECONDS <= MOST) };
        Self { seconds: SECONDS }
    }

    /// In seconds.
    pub const fn seconds(self) -> u64 {
        self.seconds
    }

    /// In milliseconds.
    pub const fn ms(self) -> u64 {
        self.seconds.saturating_mul(1000)
    }

    fn parse(text: &str) -> Option<Self> {
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
        let (_, of_unit) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let seconds = number.checked_mul(of_unit)?;
        (LEAST..=MOST).contains(&seconds).then_some(Self { seconds })
    }
}

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Span<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Written)
    }
}

/// What reads a [`Span`], and says how one is written where there is anything else.
struct Written<const LEAST: u64, const MOST: u64>;

impl<const LEAST: u64, const MOST: u64> Visitor<'_> for Written<LEAST, MOST> {
    type Value = Span<LEAST, MOST>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (written(LEAST), written(MOST));
        write!(f, r#"a time in quotes such as "30s", "5m", "8h" or "7d", from "{least}" to "{most}""#)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Span::parse(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// In the longest unit of which it is a whole number.
fn written(seconds: u64) -> String {
    let whole = UNITS.into_iter().find(|(_, of_unit)| seconds >= *of_unit && seconds.is_multiple_of(*of_unit));
    let (unit, of_unit) = whole.unwrap_or(("s", 1));
    format!("{}{unit}", seconds / of_unit)
}

/// By how much clocks may differ: 30 seconds unless something else is said, at most five minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Leeway(Span<0, 300>);

impl Leeway {
    /// In milliseconds.
    pub const fn ms(self) -> u64 {
        self.0.ms()
    }
}

impl Default for Leeway {
    fn default() -> Self {
        Self(Span::of::<30>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, from_value, json};

    fn span(written: Value) -> Result<u64, String> {
        from_value::<Span<60, 86_400>>(written).map(Span::seconds).map_err(|error| error.to_string())
    }

    #[test]
    fn times_are_numbers_with_a_unit_within_their_bounds() {
        for (text, seconds) in [("90s", 90), ("1m", 60), ("8h", 28_800), ("1d", 86_400), ("0090s", 90)] {
            assert_eq!(span(json!(text)), Ok(seconds), "{text}");
        }
        for text in [
            "",
            "s",
            "90",
            "59s",
            "86401s",
            "2d",
            "1.5h",
            "-1h",
            "+1h",
            "90 s",
            "1h30m",
            "90S",
            "90000ms",
            "1\u{ff4d}",
            "99999999999999999999d",
            // 2^57 + 1: what does not fit into 64 bits would be a day.
            "144115188075855873d",
        ] {
            assert!(span(json!(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn whoever_writes_something_else_is_told_how_times_are_written() {
        let advice = r#"expected a time in quotes such as "30s", "5m", "8h" or "7d", from "1m" to "1d""#;
        for (value, found) in [
            (json!(300), "invalid type: integer `300`"),
            (json!(-1), "invalid type: integer `-1`"),
            (json!(1.5), "invalid type: floating point `1.5`"),
            (json!("2d"), r#"invalid value: string "2d""#),
            (json!(null), "invalid type: null"),
        ] {
            assert_eq!(span(value), Err(format!("{found}, {advice}")));
        }
    }

    #[test]
    fn bounds_are_written_in_the_longest_unit_that_fits() {
        for (seconds, text) in [(0, "0s"), (1, "1s"), (90, "90s"), (300, "5m"), (3600, "1h"), (2_592_000, "30d")] {
            assert_eq!(written(seconds), text);
        }
    }

    #[test]
    fn clocks_differ_by_five_minutes_at_most() {
        assert_eq!(Leeway::default().ms(), 30_000);
        let leeway = |text: &str| from_value::<Leeway>(json!(text)).map(Leeway::ms).ok();
        assert_eq!([leeway("0s"), leeway("5m"), leeway("301s")], [Some(0), Some(300_000), None]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(seconds: u64) {
            type Any = Span<0, { u64::MAX }>;
            prop_assert_eq!(Any::parse(&written(seconds)).map(Any::seconds), Some(seconds));
        }

        #[test]
        fn no_text_is_a_time_out_of_bounds(text in "[0-9]{0,21}[smhd]?|.{0,8}") {
            if let Some(time) = Span::<60, 86_400>::parse(&text) {
                prop_assert!((60..=86_400).contains(&time.seconds()));
                prop_assert!(text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['s', 'm', 'h', 'd']));
            }
        }
    }
}
