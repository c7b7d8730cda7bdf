//! What filters say of each other whatever requests come, as far as their conditions tell.

use super::super::finished::is_error;
use super::condition::{Condition, Value};
use super::dimension::Dimension;
use super::filter::Filter;

/// All that a request may have; 0 is that it has none.
fn codes() -> impl Iterator<Item = u16> {
    std::iter::once(0).chain(100..1_000)
}

impl Filter {
    /// It admits nothing: a status and a code that no request has together.
    pub(crate) fn is_void(&self) -> bool {
        self.excludes(self)
    }

    /// Nothing that it admits is admitted by the other.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        let mut pairs = self.conditions.iter().flat_map(|one| other.conditions.iter().map(move |other| (one, other)));
        pairs.any(|(one, other)| one.excludes(other))
    }

    /// All that it admits is admitted by the other.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        let is_implied = |wanted: &Condition| self.conditions.iter().any(|it| it.is_within(wanted));
        other.of_calls.is_empty() && other.slower.is_none() && other.conditions.iter().all(is_implied)
    }

    /// All that it admits are what reports call errors.
    pub(crate) fn has_errors_only(&self) -> bool {
        self.conditions.iter().any(Condition::has_errors_only)
    }
}

impl Condition {
    fn excludes(&self, other: &Self) -> bool {
        match (self.is_of_codes(), other.is_of_codes()) {
            (true, true) => !codes().any(|code| self.has_code(code) && other.has_code(code)),
            _ => self.is_like(other) && !self.values.iter().any(|value| other.values.contains(value)),
        }
    }

    fn is_within(&self, other: &Self) -> bool {
        match (self.is_of_codes(), other.is_of_codes()) {
            (true, true) => codes().all(|code| !self.has_code(code) || other.has_code(code)),
            _ => self.dimension == other.dimension && self.values.iter().all(|value| other.values.contains(value)),
        }
    }

    /// Whether equal values mean the same and others do not: a name within another thing may be written in two ways.
    fn is_like(&self, other: &Self) -> bool {
        self.dimension == other.dimension && self.dimension.parent().is_none()
    }

    fn is_of_codes(&self) -> bool {
        matches!(self.dimension, Dimension::Status | Dimension::Code)
    }

    fn has_code(&self, code: u16) -> bool {
        let of = if self.dimension == Dimension::Status { code / 100 } else { code };
        self.values.contains(&Value::Number(of))
    }

    fn has_errors_only(&self) -> bool {
        match self.dimension {
            Dimension::Status | Dimension::Code => {
                let status = |code: u16| Some(code).filter(|code| *code > 0);
                codes().all(|code| !self.has_code(code) || is_error(status(code), true))
            }
            Dimension::Blame => !self.values.contains(&Value::Number(0)),
            Dimension::Class => !self.values.contains(&Value::Name("ok".to_owned())),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(conditions: &str) -> Filter {
        let conditions: Vec<_> = conditions.split_whitespace().map(str::to_owned).collect();
        Filter::parse(&conditions, None).unwrap()
    }

    #[test]
    fn what_excludes_each_other_is_known_where_it_is_certain() {
        for (one, other, excludes) in [
            ("status=2xx", "status=5xx", true),
            ("status=2xx,5xx", "status=5xx", false),
            ("status=5xx", "code=404", true),
            ("status=5xx", "code=404,503", false),
            ("status=__none__", "code=__none__", false),
            ("api=orders status=2xx", "status=4xx,5xx", true),
            ("blame=upstream", "blame=client,policy", true),
            ("consumer=shop", "consumer=depot", true),
            ("api=orders", "consumer=depot", false),
            ("operation=getPet", "operation=petstore/getPet", false),
            ("policy=jwt", "policy=cors", false),
            ("", "status=5xx", false),
        ] {
            assert_eq!(filter(one).excludes(&filter(other)), excludes, "{one} {other}");
        }
        assert!(filter("status=5xx code=404").is_void() && !filter("status=5xx code=503 api=orders").is_void());
    }

    #[test]
    fn what_is_within_another_is_known_where_it_is_certain() {
        for (one, other, within) in [
            ("status=5xx", "status=4xx,5xx", true),
            ("status=4xx,5xx", "status=5xx", false),
            ("code=503", "status=5xx", true),
            ("status=5xx", "code=503", false),
            ("api=orders blame=upstream", "blame=upstream,gateway", true),
            ("blame=upstream", "blame=upstream api=orders", false),
            ("policy=jwt", "policy=jwt", false),
            ("", "status=5xx", false),
        ] {
            assert_eq!(filter(one).is_within(&filter(other)), within, "{one} {other}");
        }
    }

    #[test]
    fn all_are_errors_where_no_status_or_blame_but_those_of_errors_is_asked_for() {
        for (conditions, only) in [
            ("status=4xx,5xx", true),
            ("code=404", true),
            ("status=__none__", true),
            ("blame=upstream,client", true),
            ("class=upstream_timeout_idle", true),
            ("class=ok", false),
            ("api=orders status=5xx", true),
            ("status=3xx,5xx", false),
            ("blame=ok,upstream", false),
            ("api=orders", false),
            ("", false),
        ] {
            assert_eq!(filter(conditions).has_errors_only(), only, "{conditions}");
        }
    }
}
