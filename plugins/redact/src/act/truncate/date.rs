//! Dates: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`, and date-times of RFC 3339.

/// What is left of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// `YYYY`.
    Year,
    /// `YYYY-MM`.
    Month,
}

/// The beginning of a date, as it is written: no time zone is taken into account. A date that has no month stays a year.
pub(super) fn truncate(text: &str, precision: Precision) -> Option<&str> {
    let length = match precision {
        Precision::Year => 4,
        Precision::Month => 7,
    };
    is_date(text).then(|| text.get(..length).unwrap_or(text))
}

fn is_date(text: &str) -> bool {
    let Some((year, rest)) = number::<4>(text) else { return false };
    if rest.is_empty() {
        return true;
    }
    let Some((month, rest)) = rest.strip_prefix('-').and_then(number::<2>) else { return false };
    if !(1..=12).contains(&month) {
        return false;
    }
    if rest.is_empty() {
        return true;
    }
    let Some((day, rest)) = rest.strip_prefix('-').and_then(number::<2>) else { return false };
    (1..=days(year, month)).contains(&day)
        && (rest.is_empty() || rest.strip_prefix(['T', 't', ' ']).is_some_and(is_time))
}

/// `full-time` of RFC 3339: with seconds, of which a minute may have 61, and an offset.
fn is_time(text: &str) -> bool {
    let Some((hour, rest)) = number::<2>(text) else { return false };
    let Some((minute, rest)) = rest.strip_prefix(':').and_then(number::<2>) else { return false };
    let Some((second, rest)) = rest.strip_prefix(':').and_then(number::<2>) else { return false };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => {
            let rest = fraction.trim_start_matches(|letter: char| letter.is_ascii_digit());
            if rest.len() == fraction.len() {
                return false;
            }
            rest
        }
        None => rest,
    };
    hour < 24 && minute < 60 && second < 61 && is_offset(offset)
}

fn is_offset(text: &str) -> bool {
    if matches!(text, "Z" | "z") {
        return true;
    }
    let Some((hour, rest)) = text.strip_prefix(['+', '-']).and_then(number::<2>) else { return false };
    let minute = rest.strip_prefix(':').and_then(number::<2>);
    hour < 24 && minute.is_some_and(|(minute, rest)| minute < 60 && rest.is_empty())
}

/// A number of so many digits, and what follows it.
fn number<const DIGITS: usize>(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(DIGITS)?;
    let is_one = digits.bytes().all(|byte| byte.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_one)?, rest))
}

fn days(year: u32, month: u32) -> u32 {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{Precision, truncate};

    #[test]
    fn dates_and_times_lose_what_is_finer() {
        for text in [
            "1980-05",
            "1980-05-17",
            "1980-05-17T08:30:00Z",
            "1980-05-17t08:30:00.123456+02:00",
            "1980-05-17 23:59:60-11:30",
        ] {
            assert_eq!(truncate(text, Precision::Year), Some("1980"), "{text}");
            assert_eq!(truncate(text, Precision::Month), Some("1980-05"), "{text}");
        }
        assert_eq!(truncate("2000-02-29", Precision::Month), Some("2000-02"));
        assert_eq!(truncate("1980", Precision::Month), Some("1980"));
    }

    #[test]
    fn what_is_no_date_is_not_truncated() {
        for text in [
            "",
            "198",
            "19800517",
            "1980-5-17",
            "1980-13-01",
            "1980-00-01",
            "1980-02-30",
            "1900-02-29",
            "1980-05-00",
            "1980-05-17T",
            "1980-05-17T08:30Z",
            "1980-05-17T24:00:00Z",
            "1980-05-17T08:60:00Z",
            "1980-05-17T08:30:61Z",
            "1980-05-17T08:30:00",
            "1980-05-17T08:30:00.Z",
            "1980-05-17T08:30:00+2:00",
            "1980-05-17T08:30:00+02:00x",
            "+198-05-17",
            "1980-05-17x",
            "1980-",
            "１９８０-05",
        ] {
            assert_eq!(truncate(text, Precision::Year), None, "{text}");
        }
    }
}
