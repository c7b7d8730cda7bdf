//! The operator's configuration of `rate-limit`, and the faults that only its whole shows.

use crate::by::By;
use lockgate_sdk::ConfigError;
use lockgate_sdk::limiter::{Allowance, Rule};
use serde::Deserialize;

/// After so long what is held is given back though nobody did: the gateway that held it has ended.
const LAPSES_MS: u64 = 5 * 60 * 1000;
/// Units that one request can hold.
const MAX_HELD: u32 = 64;
/// As many as can be asked about at once.
const MAX_LIMITS: usize = 16;
const MAX_BY: usize = 8;
const MAX_NAME: usize = 64;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const LONGEST_MS: u64 = 366 * DAY_MS;
/// Amount and period together: what is counted has to be exact in every store.
const EXACT: u64 = 1 << 52;

/// What the operator wrote; `README.md` explains each key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    #[serde(default = "calls")]
    pub(crate) limiter: String,
    limits: Vec<RawLimit>,
    #[serde(default)]
    pub(crate) unavailable: Unavailable,
    #[serde(default)]
    pub(crate) fields: Told,
}

/// What happens while a shared store does not answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Unavailable {
    /// Each gateway counts by itself.
    #[default]
    Local,
    /// Requests pass.
    Open,
    /// The policy could not decide.
    Closed,
}

/// Which answers say how much is left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Told {
    #[default]
    Always,
    Refused,
    Never,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimit {
    #[serde(default = "default_name")]
    name: String,
    amount: u32,
    per: Option<Period>,
    #[serde(default)]
    algorithm: Option<Algorithm>,
    burst: Option<u32>,
    #[serde(default)]
    by: Vec<By>,
    #[serde(default = "one")]
    cost: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Algorithm {
    Bucket,
    Fixed,
    Sliding,
    Concurrent,
}

/// How long an amount is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Period {
    Ms(u64),
    Month,
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || "must be a time such as `10s`, `1m`, `1h` or `1d`, at most 366 days, or `month`".to_owned();
        let unit = match text.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => DAY_MS,
            _ if text == "month" => return Ok(Self::Month),
            _ => return Err(wrong()),
        };
        let number: u64 = text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().map_err(|_| wrong())?;
        let ms = number.checked_mul(unit).filter(|ms| (1..=LONGEST_MS).contains(ms));
        ms.map(Self::Ms).ok_or_else(wrong)
    }
}

/// One limit, ready to be asked about.
#[derive(Debug)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) rule: Rule,
    pub(crate) by: Vec<By>,
    pub(crate) cost: u32,
}

impl RawLimit {
    fn rule(&self) -> Rule {
        let period_ms = match (self.per, self.algorithm) {
            (Some(Period::Ms(period_ms)), _) => period_ms,
            (Some(Period::Month), _) => return Rule::Monthly(self.amount),
            (None, _) => LAPSES_MS,
        };
        let allowance = Allowance { amount: self.amount, period_ms };
        match self.algorithm {
            Some(Algorithm::Concurrent) => Rule::Concurrent((self.amount, period_ms)),
            Some(Algorithm::Bucket) => Rule::Bucket((allowance, self.burst.unwrap_or(self.amount))),
            Some(Algorithm::Fixed) => Rule::FixedWindow(allowance),
            Some(Algorithm::Sliding) | None => Rule::SlidingWindow(allowance),
        }
    }

    fn faults(&self, mut fault: impl FnMut(&str, String)) {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        if self.name.is_empty() || self.name.len() > MAX_NAME || !self.name.bytes().all(is_name) {
            fault("name", format!("must be 1 to {MAX_NAME} of a-z, 0-9, `_` and `-`"));
        }
        if self.amount == 0 {
            fault("amount", "must be at least 1".to_owned());
        }
        if self.by.len() > MAX_BY {
            fault("by", format!("must hold at most {MAX_BY} entries"));
        }
        match (self.per, self.algorithm) {
            (None, Some(Algorithm::Concurrent)) => {}
            (None, _) => fault("per", "is missing: write a time such as `1m`, or `month`".to_owned()),
            (Some(Period::Month), Some(Algorithm::Bucket | Algorithm::Sliding | Algorithm::Concurrent)) => {
                fault("algorithm", "a month begins anew, so it is `fixed`; leave this out".to_owned());
            }
            (_, Some(Algorithm::Bucket)) => {}
            _ if self.burst.is_some() => fault("burst", "belongs to `algorithm = \"bucket\"`".to_owned()),
            _ => {}
        }
        if self.burst == Some(0) {
            fault("burst", "must be at least 1".to_owned());
        }
        let most = self.amount.max(self.burst.unwrap_or_default());
        if let Some(Period::Ms(period)) = self.per
            && u64::from(most).checked_mul(period).is_none_or(|product| product > EXACT)
        {
            fault("amount", "is too much for so long a time: times the milliseconds, at most 2^52".to_owned());
        }
        let most = match self.algorithm {
            Some(Algorithm::Bucket) => self.burst.unwrap_or(self.amount),
            _ => self.amount,
        };
        if self.algorithm == Some(Algorithm::Concurrent) && self.cost > MAX_HELD {
            fault("cost", format!("must be at most {MAX_HELD}, for each unit is held"));
        }
        if self.cost == 0 || self.cost > most {
            fault("cost", "must be at least 1, and no more than there is at once".to_owned());
        }
    }
}

impl Config {
    pub(crate) fn faults(&self) -> Vec<ConfigError> {
        let mut faults = Vec::new();
        if self.limiter.is_empty() {
            faults.push(ConfigError::new("limiter", "must name a limiter"));
        }
        if self.limits.is_empty() || self.limits.len() > MAX_LIMITS {
            faults.push(ConfigError::new("limits", format!("must hold 1 to {MAX_LIMITS} limits")));
        }
        for (at, limit) in self.limits.iter().enumerate() {
            limit.faults(|key, message| faults.push(ConfigError::new(format!("limits[{at}].{key}"), message)));
            if self.limits.iter().take(at).any(|earlier| earlier.name == limit.name) {
                faults.push(ConfigError::new(format!("limits[{at}].name"), "is there already; give each its own"));
            }
        }
        faults
    }

    /// What there is to ask about, in the order it is written in.
    pub(crate) fn limits(&self) -> Vec<Limit> {
        let limit =
            |raw: &RawLimit| Limit { name: raw.name.clone(), rule: raw.rule(), by: raw.by.clone(), cost: raw.cost };
        self.limits.iter().map(limit).collect()
    }
}

fn calls() -> String {
    "calls".to_owned()
}

fn default_name() -> String {
    "default".to_owned()
}

fn one() -> u32 {
    1
}

#[cfg(test)]
mod tests {
    use crate::RateLimit;
    use lockgate_sdk::{Policy, testing};

    fn paths(limit: &str) -> Vec<String> {
        match testing::configure::<RateLimit>(&format!(r#"{{"limits":[{limit}]}}"#)) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.into_iter().map(|fault| fault.path).collect(),
        }
    }

    #[test]
    fn limits_are_what_can_be_counted() {
        for limit in [
            r#"{"amount":1,"per":"1ms"}"#,
            r#"{"amount":4294967295,"per":"1s"}"#,
            r#"{"amount":1,"per":"366d","algorithm":"fixed"}"#,
            r#"{"amount":1000000,"per":"month"}"#,
            r#"{"amount":10,"algorithm":"concurrent"}"#,
            r#"{"amount":1,"per":"1s","algorithm":"bucket","burst":50,"cost":50}"#,
            r#"{"amount":1,"per":"1s","by":["client","route","attribute:auth.sub","header:x-a","param:id"]}"#,
        ] {
            assert_eq!(paths(limit), [""; 0], "{limit}");
        }
    }

    #[test]
    fn faulty_limits_are_named() {
        for (limit, path) in [
            (r#"{"amount":0,"per":"1s","cost":0}"#, &["limits[0].amount", "limits[0].cost"][..]),
            (r#"{"amount":1,"per":"0s"}"#, &["limits[0].per"]),
            (r#"{"amount":1,"per":"1"}"#, &["limits[0].per"]),
            (r#"{"amount":1,"per":"-1s"}"#, &["limits[0].per"]),
            (r#"{"amount":1,"per":"367d"}"#, &["limits[0].per"]),
            (r#"{"amount":1,"per":"1y"}"#, &["limits[0].per"]),
            (r#"{"amount":1}"#, &["limits[0].per"]),
            (r#"{"amount":1,"per":"month","algorithm":"concurrent"}"#, &["limits[0].algorithm"]),
            (r#"{"amount":1,"per":"1s","cost":2}"#, &["limits[0].cost"]),
            (r#"{"amount":1,"per":"1s","burst":2}"#, &["limits[0].burst"]),
            (r#"{"amount":1,"per":"1s","algorithm":"bucket","burst":0}"#, &["limits[0].burst", "limits[0].cost"]),
            (r#"{"amount":1,"per":"month","algorithm":"sliding"}"#, &["limits[0].algorithm"]),
            (r#"{"amount":4294967295,"per":"366d"}"#, &["limits[0].amount"]),
            (r#"{"amount":1,"per":"1s","name":"A"}"#, &["limits[0].name"]),
            (r#"{"amount":1,"per":"1s"},{"amount":1,"per":"1m"}"#, &["limits[1].name"]),
            (r#"{"amount":1,"per":"1s","by":["cookie:x"]}"#, &["limits[0].by[0]"]),
            ("", &["limits"]),
        ] {
            assert_eq!(paths(limit), path, "{limit}");
        }
    }

    #[test]
    fn the_interest_is_what_the_configuration_needs() {
        let interest = |more: &str| {
            let config = format!(
                r#"{{"limits":[{{"amount":1,"per":"1s","by":["client","attribute:auth.sub","header:X-A"]}}]{more}}}"#
            );
            testing::configure::<RateLimit>(&config).unwrap_or_else(|faults| panic!("{faults:?}")).interest()
        };
        let whole = interest("");
        assert_eq!(whole.limiters, ["calls"]);
        assert_eq!(whole.request_read, [":client", "x-a"]);
        assert_eq!(whole.attributes_read, ["auth.sub"]);
        assert_eq!(whole.response_write, ["ratelimit", "ratelimit-policy"]);
        assert!(whole.may_respond);
        assert!(interest(r#","fields":"never""#).response_write.is_empty());
    }
}
