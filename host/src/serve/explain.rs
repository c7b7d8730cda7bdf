//! How an answer came about, said in a field of its head to holders of a debug token.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

use crate::exchange::hygiene::DEBUG_FIELD;
use crate::exchange::sole;
use crate::keys::DebugKey;
use crate::telemetry::account::{Account, Call, Try};
use crate::telemetry::counted::Count;
use crate::telemetry::metrics::Label;
use crate::telemetry::{Outcome, RequestId};

/// Where the token stands. The field is removed from every request, whatever it holds.
const ASKED: HeaderName = HeaderName::from_static(DEBUG_FIELD);
const EXPLAIN: HeaderName = HeaderName::from_static("lockgate-explain");
/// Longest explanation: well below what clients take as a field.
const MAX_BYTES: usize = 4096;

/// Whether a request asks for an explanation, and may.
pub(super) fn is_due(key: &DebugKey, headers: &HeaderMap) -> bool {
    // To look at the names there are costs less than to ask for one that is hardly ever there.
    if !headers.keys().any(|name| *name == ASKED) {
        return false;
    }
    sole(headers, ASKED).is_some_and(|token| key.admits(token.as_bytes(), SystemTime::now()))
}

/// What an explanation says besides the account. No field, path or setting of anybody's.
pub(super) struct Told<'a> {
    pub(super) id: &'a RequestId,
    pub(super) generation: u64,
    /// API and route; none where no route matched.
    pub(super) route: Option<(&'a str, &'a str)>,
    pub(super) class: &'static str,
    pub(super) blame: Outcome,
    pub(super) head: Duration,
    pub(super) upstream: Option<Duration>,
    pub(super) policies: Duration,
    pub(super) gateway: Duration,
    /// What policies counted until there was a head.
    pub(super) counts: Vec<Count>,
}

#[derive(Serialize)]
struct Explanation<'a> {
    id: String,
    generation: u64,
    api: Option<&'a str>,
    route: Option<&'a str>,
    class: &'static str,
    blame: Option<&'static str>,
    policies: &'a [Value<'a>],
    split: Option<Arm<'a>>,
    tries: &'a [Value<'a>],
    counts: &'a [Count],
    left_out: usize,
    head_us: u128,
    upstream_us: Option<u128>,
    policy_us: u128,
    gateway_us: u128,
}

#[derive(Serialize, Clone, Copy)]
struct Arm<'a> {
    upstream: &'a str,
    by: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Call { policy: &'a str, hook: &'static str, verdict: &'static str, us: u128 },
    Try { upstream: &'a str, target: &'a str, status: Option<u16>, class: Option<&'static str>, us: u128 },
}

/// Put the explanation into the head of an answer.
pub(super) fn explain(headers: &mut HeaderMap, account: &Account, told: &Told<'_>) {
    let (calls, tries) = (account.calls(), account.tries());
    let (mut policies, mut tries): (Vec<_>, Vec<_>) =
        (calls.iter().map(call).collect(), tries.iter().map(tried).collect());
    let choice = account.choice();
    let split = choice.as_ref().map(|chosen| Arm { upstream: &chosen.upstream, by: chosen.by });
    let (mut counts, mut left_out) = (&*told.counts, account.left_out());
    let text = loop {
        let text = text(told, &policies, split, &tries, counts, left_out);
        if text.len() <= MAX_BYTES || (policies.is_empty() && tries.is_empty() && counts.is_empty()) {
            break text;
        }
        if counts.len() > policies.len().max(tries.len()) {
            left_out += counts.len().div_ceil(2);
            counts = &counts[..counts.len() / 2];
            continue;
        }
        let longer = if policies.len() >= tries.len() { &mut policies } else { &mut tries };
        left_out += longer.len().div_ceil(2);
        longer.truncate(longer.len() / 2);
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(EXPLAIN, value);
    }
}

fn text(
    told: &Told<'_>,
    policies: &[Value<'_>],
    split: Option<Arm<'_>>,
    tries: &[Value<'_>],
    counts: &[Count],
    left_out: usize,
) -> String {
    let explanation = Explanation {
        id: told.id.to_string(),
        generation: told.generation,
        api: told.route.map(|(api, _)| api),
        route: told.route.map(|(_, route)| route),
        class: told.class,
        blame: (told.blame != Outcome::Ok).then(|| told.blame.name()),
        policies,
        split,
        tries,
        counts,
        left_out,
        head_us: told.head.as_micros(),
        upstream_us: told.upstream.map(|time| time.as_micros()),
        policy_us: told.policies.as_micros(),
        gateway_us: told.gateway.as_micros(),
    };
    // Plain strings and numbers always serialise. A control character that JSON has as it is, a field has not.
    serde_json::to_string(&explanation).unwrap_or_default().replace('\u{7f}', "\\u007f")
}

fn call(call: &Call) -> Value<'_> {
    let (hook, verdict) = (call.hook.name(), call.outcome.name());
    Value::Call { policy: &call.policy, hook, verdict, us: call.took.as_micros() }
}

fn tried(tried: &Try) -> Value<'_> {
    let (status, class) = (tried.end.ok().map(|status| status.as_u16()), tried.end.err());
    Value::Try { upstream: &tried.upstream, target: &tried.target, status, class, us: tried.took.as_micros() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Blame;
    use crate::telemetry::account::Spent;
    use crate::telemetry::counted::Counted;
    use crate::telemetry::metrics::{CallOutcome, Hook};

    /// A request that could not be sent on, with far more counted than there is room for.
    fn told(id: &RequestId) -> Told<'_> {
        let counted = Counted::default();
        for n in 0..16 {
            counted.add(&"p".into(), "n", 1, vec![("l", &format!("{}{n:02}", "\u{7f}".repeat(100)))]);
        }
        Told {
            id,
            generation: 3,
            route: Some(("a", "r")),
            class: "upstream_connect",
            blame: Blame::Upstream.into(),
            head: Duration::from_micros(100),
            upstream: None,
            policies: Duration::ZERO,
            gateway: Duration::ZERO,
            counts: counted.counts(None),
        }
    }

    #[test]
    fn what_was_counted_stays_within_the_bound_where_there_is_nothing_else() {
        let id = RequestId::Number(1);
        let (mut headers, told) = (HeaderMap::new(), told(&id));
        explain(&mut headers, &Account::default(), &told);
        let text = headers["lockgate-explain"].to_str().unwrap();
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        let said: serde_json::Value = serde_json::from_str(text).unwrap();
        let kept = said["counts"].as_array().unwrap().len();
        assert!(kept > 1 && kept < told.counts.len(), "{said}");
        assert_eq!(said["left_out"], told.counts.len() - kept);
    }

    #[test]
    fn an_explanation_stays_within_its_bound_and_says_what_it_leaves_out() {
        let (account, begun) = (Account::default(), std::time::Instant::now());
        for _ in 0..40 {
            let (policy, took) = ("p".repeat(300).into(), Duration::from_micros(7));
            account.called(Call {
                policy,
                hook: Hook::Request,
                outcome: CallOutcome::Edit,
                begun,
                took,
                spent: Spent::default(),
            });
        }
        let (target, took) = ("http://a:1".to_owned(), Duration::from_micros(9));
        let end = Err("upstream_connect");
        account.tried(Try { upstream: "a/main".into(), target, end, span: None, begun, took });
        let id = RequestId::Number(1);
        let told = told(&id);
        let mut headers = HeaderMap::new();
        explain(&mut headers, &account, &told);
        let text = headers["lockgate-explain"].to_str().unwrap();
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        let said: serde_json::Value = serde_json::from_str(text).unwrap();
        let kept = said["policies"].as_array().unwrap().len();
        let counts = said["counts"].as_array().unwrap();
        assert!(!counts.is_empty() && counts[0]["labels"]["l"].as_str().unwrap().starts_with('\u{7f}'), "{said}");
        assert_eq!(said["left_out"], 40 - kept + told.counts.len() - counts.len());
        assert_eq!(said["policies"][0]["verdict"], "edit");
        assert_eq!(said["tries"][0]["class"], "upstream_connect");
        assert_eq!((&said["generation"], &said["blame"]), (&3.into(), &"upstream".into()));
    }
}
