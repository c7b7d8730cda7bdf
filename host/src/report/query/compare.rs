//! The same a week before: what has changed since.

use rusqlite::Connection;

use super::super::span::Unit;
use super::Query;
use super::answer::{second, total};
use super::sum::Figures;

const WEEK: u64 = 7 * 86_400;

/// Figures of a span and of the same span a week before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Compared {
    /// Of the span in this week, which has no part of an hour, or of a day where hours are not kept.
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) now: Figures,
    pub(crate) before: Figures,
}

/// None where nothing is known of the week before.
pub(crate) fn compare(connection: &Connection, query: &Query) -> rusqlite::Result<Option<Compared>> {
    let Some(now) = whole(query) else { return Ok(None) };
    let before = Query { from: now.from - WEEK, to: now.to - WEEK, ..now.clone() };
    let figures =
        |query: &Query| Ok::<_, rusqlite::Error>(Figures::of(&total(connection, query)?, query.to - query.from));
    let compared =
        Compared { from: second(now.from), to: second(now.to), before: figures(&before)?, now: figures(&now)? };
    Ok(Some(compared).filter(|compared| compared.before.requests > 0))
}

/// What of a question is over, as whole units that are still kept of the week before. A unit that is not over would be
/// compared with one that is.
fn whole(query: &Query) -> Option<Query> {
    let oldest = query.from.checked_sub(WEEK)?;
    let unit = [Unit::Hour, Unit::Day].into_iter().find(|unit| query.now.saturating_sub(oldest) <= unit.kept())?;
    let (from, to) = (unit.start(query.from), unit.start(query.to.min(query.now)));
    (from < to).then(|| Query { from, to, unit, step: to - from, ..query.clone() })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::super::tests::{NOON, failed, finished, report};
    use super::super::Asked;
    use super::*;

    /// What is told half past an hour.
    fn compared(days_ago: &[u64], from: &str, conditions: &[&str]) -> Option<Compared> {
        let state = tempfile::tempdir().unwrap();
        let mut report = report(state.path());
        let now = NOON + 1_800;
        for days in days_ago {
            let second = NOON - 60 - days * 86_400;
            let many = 1 + usize::try_from(*days).unwrap();
            report.record_at(&vec![finished(second); many], now);
            // Of the hour that is not over.
            report.record_at(&[failed(NOON - days * 86_400)], now);
        }
        report.flush_at(now).unwrap();
        let conditions = conditions.iter().map(|it| (*it).to_owned()).collect();
        let asked = Asked { from: Some(from.to_owned()), conditions, ..Asked::default() };
        let query = Query::parse(&asked, UNIX_EPOCH + Duration::from_secs(now)).unwrap();
        compare(report.store.connection().unwrap(), &query).unwrap()
    }

    #[test]
    fn hours_that_are_over_are_compared_with_those_a_week_before() {
        for from in ["-1h", "-24h"] {
            let told = compared(&[0, 7], from, &[]).unwrap();
            assert_eq!((told.now.requests, told.before.requests), (1, 8), "{from}");
            assert_eq!(told.to, "2027-01-15T12:00:00Z");
        }
        let told = compared(&[0, 7], "-1h", &[]).unwrap();
        assert_eq!(told.from, "2027-01-15T11:00:00Z");
        assert_eq!(told.now.total_us, told.before.total_us);
    }

    #[test]
    fn nothing_is_compared_with_nothing() {
        assert_eq!(compared(&[0], "-24h", &[]), None);
        assert_eq!(compared(&[0, 7], "-20m", &[]), None, "no hour is over");
        assert_eq!(compared(&[0, 7], "-24h", &["consumer=depot"]), None);
        assert!(compared(&[0, 7], "-24h", &["consumer=shop"]).is_some());
    }

    #[test]
    fn days_are_compared_where_hours_are_not_kept_any_more() {
        let told = compared(&[1, 80], "-89d", &[]).unwrap();
        assert_eq!((told.from.as_str(), told.to.as_str()), ("2026-10-18T00:00:00Z", "2027-01-15T00:00:00Z"));
        assert_eq!((told.now.requests, told.before.requests), (2 + 81 + 2, 81 + 1));
    }
}
