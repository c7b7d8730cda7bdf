//! Which finished requests are asked about where each is looked at by itself, as it ends.

use std::sync::Arc;

use super::super::finished::{Called, Finished};
use super::super::rollup::Axis;
use super::condition::{self, Condition, Value, halves};
use super::dimension::Dimension;
use super::fault::QueryFault;
use super::time::span;
use crate::telemetry::metrics::Label;

/// What has to hold of a request. Unlike a question about sums it may ask about operation and consumer together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(super) conditions: Vec<Condition>,
    /// That hold of one and the same call of a policy.
    pub(super) of_calls: Vec<Condition>,
    /// It took longer than this, in microseconds.
    pub(super) slower: Option<u64>,
}

impl Filter {
    /// Of conditions as `--where` has them, and perhaps of a time such as `500ms`; all faults at once.
    pub(crate) fn parse(conditions: &[String], slower: Option<&str>) -> Result<Self, Vec<QueryFault>> {
        let mut faults = Vec::new();
        let conditions = condition::parse(conditions, &mut faults);
        let read = slower.map(|text| {
            let us = microseconds(text);
            if us.is_none() {
                faults.push(QueryFault::new("slower", format!("{text:?} is no time"), "write `500ms`, `2s` or `1m`"));
            }
            us
        });
        let (of_calls, conditions) = conditions.into_iter().partition(|it| it.dimension.axes() == [Axis::Policy]);
        if faults.is_empty() { Ok(Self { conditions, of_calls, slower: read.flatten() }) } else { Err(faults) }
    }

    pub(crate) fn admits(&self, finished: &Finished) -> bool {
        let is_said = |call: &Called| self.of_calls.iter().all(|it| it.holds_of_call(call));
        self.slower.is_none_or(|us| finished.total_us > us)
            && self.conditions.iter().all(|it| it.holds_of(finished))
            && (self.of_calls.is_empty() || finished.calls.iter().any(is_said))
    }
}

impl Condition {
    fn holds_of_call(&self, call: &Called) -> bool {
        let said = match self.dimension {
            Dimension::Hook => call.hook.name(),
            Dimension::Verdict => call.outcome.name(),
            _ => &call.policy,
        };
        self.values.iter().any(|value| matches!(value, Value::Name(name) if name == said))
    }

    /// As it holds of what the store has of the request.
    fn holds_of(&self, finished: &Finished) -> bool {
        let code = finished.status.unwrap_or_default();
        self.values.iter().any(|value| match (value, self.dimension) {
            (Value::Number(number), Dimension::Status) => code / 100 == *number,
            (Value::Number(number), Dimension::Blame) => finished.outcome.index() == usize::from(*number),
            (Value::Number(number), _) => code == *number,
            (Value::Name(name), dimension) => is_called(name, dimension, finished),
        })
    }
}

/// Whether this is its name, alone or within what it is of: `petstore/getPet`. Either may have a `/` of its own.
fn is_called(name: &str, dimension: Dimension, finished: &Finished) -> bool {
    let own = named(dimension, finished);
    let within = |parent| {
        let parent = named(parent, finished);
        halves(name).any(|(of, name)| of == parent && name == own)
    };
    own == name || dimension.parent().is_some_and(within)
}

/// Empty where there is none.
fn named(dimension: Dimension, finished: &Finished) -> &str {
    fn text(name: Option<&Arc<str>>) -> &str {
        name.map(|name| &**name).unwrap_or_default()
    }
    match dimension {
        Dimension::Api => text(finished.api()),
        Dimension::Version => text(finished.version()),
        Dimension::Operation => text(finished.name()),
        Dimension::Consumer => text(finished.consumer.as_ref()),
        Dimension::Application => text(finished.application.as_ref()),
        Dimension::Class => finished.class,
        Dimension::Status | Dimension::Code | Dimension::Blame => "",
        Dimension::Policy | Dimension::Hook | Dimension::Verdict => "",
    }
}

fn microseconds(text: &str) -> Option<u64> {
    let of = |unit| text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match (of("us"), of("ms")) {
        (Some(digits), _) => digits.parse().ok(),
        (None, Some(digits)) => digits.parse::<u64>().ok()?.checked_mul(1_000),
        (None, None) => span(text)?.checked_mul(1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{NOON, asked, failed, finished, of_api, report};
    use super::*;
    use crate::telemetry::metrics::{CallOutcome, Hook};

    fn filter(conditions: &[&str], slower: Option<&str>) -> Result<Filter, Vec<QueryFault>> {
        let conditions: Vec<_> = conditions.iter().map(|it| (*it).to_owned()).collect();
        Filter::parse(&conditions, slower)
    }

    #[test]
    fn what_a_policy_said_is_asked_of_one_call() {
        let call = |policy: &str, outcome| Called { policy: policy.into(), hook: Hook::Request, outcome, took_us: 1 };
        let calls = vec![call("jwt", CallOutcome::Pass), call("ip", CallOutcome::Respond)];
        let request = Finished { calls, ..finished(NOON) };
        let admits = |conditions: &[&str]| filter(conditions, None).unwrap().admits(&request);
        assert!(admits(&["policy=jwt"]) && admits(&["policy=ip", "verdict=respond"]) && admits(&["hook=request"]));
        assert!(!admits(&["policy=jwt", "verdict=respond"]) && !admits(&["policy=cors"]) && !admits(&["hook=body"]));
    }

    #[test]
    fn a_filter_admits_what_a_report_counts() {
        let folder = tempfile::tempdir().unwrap();
        let mut report = report(folder.path());
        let text = |text: &str| Some(text.into());
        let unknown = Finished { operation: None, consumer: None, application: None, ..finished(NOON) };
        let all = [
            finished(NOON),
            failed(NOON),
            unknown,
            Finished { status: None, ..failed(NOON) },
            Finished { operation: of_api("petstore", "pets/get"), consumer: text("x' OR 1=1 --"), ..finished(NOON) },
            Finished { status: Some(404), operation: of_api("orders", "getPet"), ..finished(NOON) },
            Finished { status: Some(503), consumer: text("CN=a,O=b"), application: None, ..failed(NOON) },
        ];
        report.record_at(&all, NOON);
        report.flush_at(NOON).unwrap();
        for conditions in [
            &[][..],
            &["status=5xx"],
            &["status=5xx,4xx"],
            &["status=__none__"],
            &["code=404,503"],
            &["code=__none__"],
            &["api=petstore"],
            &["api=__none__"],
            &["version=petstore/1.2.0"],
            &["version=1.2.0"],
            &["operation=getPet"],
            &["operation=petstore/getPet"],
            &["operation=orders/getPet"],
            &["operation=pets/get"],
            &["operation=petstore/pets/get"],
            &["operation=__none__"],
            &["consumer=shop", "status=5xx"],
            &["consumer=CN=a\\,O=b"],
            &["consumer=x' OR 1=1 --"],
            &["application=shop/web"],
            &["application=web"],
            &["application=CN=a\\,O=b/__none__"],
            &["class=upstream_closed"],
            &["blame=upstream"],
            &["blame=ok,client"],
            &["api=orders", "blame=upstream"],
        ] {
            let filter = filter(conditions, None).unwrap();
            let admitted = all.iter().filter(|finished| filter.admits(finished)).count() as u64;
            assert_eq!(admitted, asked(&report, "", conditions).total.requests, "{conditions:?}");
        }
    }

    #[test]
    fn of_one_request_operation_and_consumer_and_time_are_known_together() {
        let filter = filter(&["operation=getPet", "consumer=shop"], Some("2ms")).unwrap();
        assert!(!filter.admits(&Finished { total_us: 2_000, ..finished(NOON) }));
        assert!(filter.admits(&Finished { total_us: 2_001, ..finished(NOON) }));
        assert!(!filter.admits(&Finished { total_us: 3_000, consumer: None, ..finished(NOON) }));
    }

    #[test]
    fn all_that_cannot_be_asked_is_said_at_once_with_advice() {
        let faults = filter(&["colour=red", "status=500", "apis=a"], Some("fast")).unwrap_err();
        let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].contains("there are api,") && said[1].contains("write `code=500`"), "{said:?}");
        assert!(said[2].contains("did you mean `api`?") && said[3].contains("write `500ms`"), "{said:?}");
        for (text, us) in [("500ms", Some(500_000)), ("2s", Some(2_000_000)), ("1m", Some(60_000_000))] {
            assert_eq!(microseconds(text), us);
        }
        for text in ["", "ms", "+1ms", "1.5s", "5", "99999999999999999999ms"] {
            assert_eq!(microseconds(text), None, "{text}");
        }
    }
}
