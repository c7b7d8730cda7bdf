//! Owns `[alert.NAME]`: what of the requests is watched, from where on it is told of, and to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::Method;

use super::egress::{Egress, PathRule, ServicePath, check_asked};
use super::fault::{At, Faults, Place};
use super::kinds::{Integer, List, Placed, Spelled, Spelling, Text, Time};
use super::section::section;
use super::units;
use crate::near::{advice, nearest};
use crate::report::Filter;

/// Most alerts; each is looked at several times a second.
const MOST: usize = 100;
/// Requests in the window below which an alert says nothing, where nothing is said.
const ENOUGH: u32 = 20;
const DAY: u64 = 86_400_000;

/// Something that is told of as long as it holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Alert {
    pub when: When,
    pub over: Duration,
    /// As they are written.
    pub conditions: Vec<String>,
    pub filter: Filter,
    /// Which of those are errors, where it is not what reports count as such.
    pub errors: Option<Filter>,
    pub at_least: u64,
    /// It holds for so long before it fires.
    pub pending: Duration,
    /// It does not hold for so long before it is resolved.
    pub keep_firing: Duration,
    pub repeat: Duration,
    pub notify: Vec<Receiver>,
}

/// Who is told: a target below the URL of `[egress.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Receiver {
    pub service: String,
    pub target: String,
}

/// `error-rate > 5%`
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct When {
    pub measure: Measure,
    pub is_above: bool,
    /// In percent, milliseconds, or requests per minute.
    threshold: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    ErrorRate,
    P50,
    P90,
    P99,
    Requests,
}

section! {
    /// An alert: where `when` holds of the requests of the last `over`, the services in `notify` are told, and told again when it
    /// does not hold any more. It needs `[analytics]`, and may change while the gateway runs. What it counts is in memory:
    /// after a start, and where something of its table changed, it begins anew.
    pub(super) struct RawAlert = "[alert.NAME]" {
        /// What is told of. `error-rate`: which part of them are errors. `p50`, `p90`, `p99`: the time they took. `requests`: how
        /// many there are in a minute.
        required when: Placed<Spelling<When>>,
        /// Of which time requests are looked at, the last.
        default over: Time<60_000, DAY> = Duration::from_secs(300),
        /// Of which requests, as `lockgate report --where` has them: `["api=orders", "consumer=shop"]`; all of them hold. When absent, of all. With `error-rate` it may not leave errors alone, or none, so that it always holds or never.
        repeated conditions "where": List<Placed<Text>>,
        /// Which of those are errors, likewise: `["status=5xx"]`. When absent, what ended badly, had no answer, or one of 400 and
        /// above, as reports have it. It has a meaning with `error-rate` only.
        repeated errors: List<Placed<Text>>,
        /// Requests in that time below which it says nothing; 20 when absent. It has no meaning with `requests`.
        optional at_least: Placed<Integer<1, 1_000_000>>,
        /// How long it has to hold before it is told of.
        default pending "for": Time<0, DAY> = Duration::ZERO,
        /// How long it must not hold any more before that is told.
        default keep_firing_for: Time<0, DAY> = Duration::from_secs(60),
        /// After which time it is told again, as long as it lasts.
        default repeat: Time<60_000, 604_800_000> = Duration::from_secs(4 * 3_600),
        /// Who is told, with POST: `egress:NAME` asks for the one path that [egress.NAME] permits, `egress:NAME/PATH` for that below its
        /// URL. When absent, it is in the log, in `/metrics` and in `lockgate alerts`.
        repeated notify: List<Placed<Spelling<Said>>>,
    }
}

/// All alerts without fault.
pub(super) fn resolve(
    raw: BTreeMap<String, RawAlert>,
    has_analytics: bool,
    services: (&BTreeMap<String, Egress>, &BTreeSet<String>),
    faults: &mut Faults,
) -> BTreeMap<String, Alert> {
    if let Some(first) = raw.values().next().filter(|_| !has_analytics) {
        let reason = "watches requests, and none is kept account of";
        faults.push(first.place.fault(reason, "add the table [analytics], though it be empty"));
    }
    if let Some(beyond) = raw.values().nth(MOST) {
        let reason = format!("is one of {} alerts, and there may be {MOST}", raw.len());
        faults.push(beyond.place.fault(reason, "remove some, or watch several APIs by one"));
    }
    raw.into_iter().filter_map(|(name, raw)| Some((name, raw.resolve(services, faults)?))).collect()
}

impl RawAlert {
    fn resolve(self, services: (&BTreeMap<String, Egress>, &BTreeSet<String>), faults: &mut Faults) -> Option<Alert> {
        let filter = parsed(&self.conditions, &self.place.below("where"), faults);
        let errors = parsed(&self.errors, &self.place.below("errors"), faults);
        let notify = receivers(self.notify, services, faults);
        let when = self.when?.value;
        if let Some(At { place, .. }) = self.at_least.as_ref().filter(|_| when.measure == Measure::Requests) {
            faults.push(place.fault("has no meaning here", "remove it; how many there are is what is watched"));
        }
        if let Some(At { place, .. }) = self.errors.first().filter(|_| when.measure != Measure::ErrorRate) {
            faults.push(place.fault("has no meaning here", "remove `errors`, or watch the `error-rate`"));
        }
        let errors = errors.filter(|_| !self.errors.is_empty());
        if let Some(filter) = &filter {
            faults.extend(
                settled(when, filter, errors.as_ref()).map(|(reason, advice)| self.place.fault(reason, advice)),
            );
        }
        let at_least = match when.measure {
            Measure::Requests => 0,
            _ => self.at_least.map_or(ENOUGH, |it| it.value).into(),
        };
        Some(Alert {
            when,
            over: self.over,
            conditions: self.conditions.into_iter().map(|it| it.value).collect(),
            filter: filter?,
            errors,
            at_least,
            pending: self.pending,
            keep_firing: self.keep_firing_for,
            repeat: self.repeat,
            notify,
        })
    }
}

/// Why it is known of any requests whether it holds, and what to do about that.
fn settled(when: When, filter: &Filter, errors: Option<&Filter>) -> Option<(String, &'static str)> {
    if filter.is_void() {
        let reason = "`where` asks for a status and a code that no request has together";
        return Some((reason.to_owned(), "leave one of them out"));
    }
    let (are_all, is_none) = match errors {
        Some(errors) => (filter.is_within(errors), errors.is_void() || errors.excludes(filter)),
        None => (filter.has_errors_only(), false),
    };
    let (which, rate) = match (are_all, is_none) {
        _ if when.measure != Measure::ErrorRate => return None,
        (true, _) => ("all", 1.0),
        (_, true) => ("none", 0.0),
        (false, false) => return None,
    };
    let how = if when.holds_of(rate) { "always" } else { "never" };
    let reason = format!("{which} of the requests of `where` are errors, so that `{when}` {how} holds");
    Some((reason, "have `where` say which requests are counted, and `errors` which of those are errors"))
}

/// The conditions together; what is wrong with one is said where that stands.
fn parsed(written: &[At<String>], place: &Place, faults: &mut Faults) -> Option<Filter> {
    let known = faults.len();
    for At { value, place } in written {
        let wrong = Filter::parse(std::slice::from_ref(value), None).err().unwrap_or_default();
        faults.extend(wrong.into_iter().map(|fault| place.fault(fault.reason, fault.advice)));
    }
    let all: Vec<_> = written.iter().map(|it| it.value.clone()).collect();
    let wrong = match Filter::parse(&all, None) {
        Ok(filter) => return Some(filter),
        Err(wrong) => wrong,
    };
    if faults.len() == known {
        faults.extend(wrong.into_iter().map(|fault| place.fault(fault.reason, fault.advice)));
    }
    None
}

fn receivers(
    said: Vec<At<Said>>,
    (services, names): (&BTreeMap<String, Egress>, &BTreeSet<String>),
    faults: &mut Faults,
) -> Vec<Receiver> {
    let mut receivers = Vec::new();
    for At { value: Said { service, path }, place } in said {
        if !names.contains(&service) {
            let known = advice(&service, names.iter().map(String::as_str), "declare it as [egress.NAME]");
            faults.push(place.fault(format!("names the service `{service}`, which is not declared"), known));
            continue;
        }
        // Of one that is faulty there are faults already.
        let Some(Egress { terms, .. }) = services.get(&service) else { continue };
        let only = match &terms.paths[..] {
            [PathRule::Exact(path)] => Some(path.clone()),
            _ => None,
        };
        let Some(target) = path.map(ServicePath::into_text).or(only) else {
            let advice = format!("write which, `egress:{service}/PATH`");
            faults.push(place.fault("names a service that may be asked for more than one path", advice));
            continue;
        };
        check_asked(terms, &Method::POST, &target, &place, faults);
        let receiver = Receiver { service, target };
        if receivers.contains(&receiver) {
            faults.push(place.fault("is named twice", "remove it"));
        }
        receivers.push(receiver);
    }
    receivers
}

/// `egress:pager` or `egress:pager/hooks/1`
#[derive(Debug)]
pub(super) struct Said {
    service: String,
    path: Option<ServicePath>,
}

impl FromStr for Said {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = text.strip_prefix("egress:").ok_or("it does not begin with `egress:`")?;
        let (service, path) = named.find('/').map_or((named, None), |at| (&named[..at], Some(&named[at..])));
        if service.is_empty() {
            return Err("it names no service".to_owned());
        }
        let path =
            path.map(str::parse).transpose().map_err(|error: <ServicePath as FromStr>::Err| error.to_string())?;
        Ok(Self { service: service.to_owned(), path })
    }
}

impl Spelled for Said {
    const SPELLING: &'static str = "a service, \"egress:pager\", perhaps with a path, \"egress:pager/hooks/1\"";
}

impl When {
    /// As values are measured: a part of 1, microseconds, or requests per minute.
    pub(crate) fn limit(self) -> f64 {
        match self.measure {
            Measure::ErrorRate => self.threshold / 100.0,
            Measure::P50 | Measure::P90 | Measure::P99 => self.threshold * 1e3,
            Measure::Requests => self.threshold,
        }
    }

    pub(crate) fn holds_of(self, value: f64) -> bool {
        if self.is_above { value > self.limit() } else { value < self.limit() }
    }

    /// The threshold with its unit.
    pub(crate) fn threshold(self) -> String {
        match self.measure {
            Measure::ErrorRate => format!("{}%", self.threshold),
            Measure::P50 | Measure::P90 | Measure::P99 => units::show_millis(self.threshold as u64),
            Measure::Requests => self.threshold.to_string(),
        }
    }
}

impl Measure {
    const ALL: [Self; 5] = [Self::ErrorRate, Self::P50, Self::P90, Self::P99, Self::Requests];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ErrorRate => "error-rate",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::Requests => "requests",
        }
    }

    /// Of how many requests the time is the longest, where it is about time.
    pub(crate) fn quantile(self) -> Option<f64> {
        match self {
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P99 => Some(0.99),
            Self::ErrorRate | Self::Requests => None,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.is_above { '>' } else { '<' };
        write!(out, "{} {sign} {}", self.measure.name(), self.threshold())
    }
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let sign = text.find(['<', '>']).ok_or(WhenError::NoSign)?;
        let (word, rest) = text.split_at(sign);
        let (is_above, number) = (rest.starts_with('>'), rest[1..].trim());
        let word = word.trim();
        let measure = Measure::ALL.into_iter().find(|measure| measure.name() == word);
        let measure = measure.ok_or_else(|| {
            let names = Measure::ALL.map(Measure::name);
            let near = nearest(word, names).map(|near| format!("did you mean `{near}`?"));
            WhenError::Measure(near.unwrap_or_else(|| format!("there are {}", names.join(", "))))
        })?;
        let threshold = match measure {
            Measure::ErrorRate => {
                let percent = number.strip_suffix('%').map(str::trim_end).ok_or(WhenError::Percent)?;
                decimal(percent).filter(|percent| *percent <= 100.0).ok_or(WhenError::Percent)?
            }
            Measure::P50 | Measure::P90 | Measure::P99 => {
                let time = units::parse_duration(number).filter(|time| *time <= Duration::from_millis(DAY));
                time.ok_or(WhenError::Time)?.as_millis() as f64
            }
            Measure::Requests => decimal(number).filter(|number| *number <= 1e9).ok_or(WhenError::Number)?,
        };
        match (measure, is_above) {
            (_, false) if threshold <= 0.0 => Err(WhenError::Never),
            (Measure::ErrorRate, true) if threshold >= 100.0 => Err(WhenError::Never),
            // Each request takes some time.
            (Measure::P50 | Measure::P90 | Measure::P99, true) if threshold <= 0.0 => Err(WhenError::Always),
            _ => Ok(Self { measure, is_above, threshold }),
        }
    }
}

impl Spelled for When {
    const SPELLING: &'static str =
        "a measure, `>` or `<`, and a threshold: \"error-rate > 5%\", \"p99 > 500ms\" or \"requests < 10\"";
}

/// Why a text is nothing that could be watched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WhenError {
    #[error("it has neither `>` nor `<`")]
    NoSign,
    #[error("nothing is measured by its first word; {0}")]
    Measure(String),
    #[error("its threshold is no part of a hundred, `5%`")]
    Percent,
    #[error("its threshold is no time, `500ms`")]
    Time,
    #[error("its threshold is no number of requests in a minute, `10`")]
    Number,
    #[error("it can never hold")]
    Never,
    #[error("it always holds")]
    Always,
}

/// Digits, and perhaps more behind a dot.
fn decimal(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| is_plain)
}
