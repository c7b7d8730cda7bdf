//! Configurations, and how they are written.

use crate::action::{Action, Coarse};
use crate::select::Select;
use lockgate_plugin_redact::detect::Kind;
use lockgate_sdk::Direction;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) rules: Vec<Rule>,
    pub(crate) allow: Option<Rule>,
    pub(crate) detect: Vec<Detect>,
    pub(crate) embedded: Vec<Select>,
    pub(crate) per_consumer: bool,
    pub(crate) separator: Option<char>,
}

/// What becomes of what is selected; of `allow`, what becomes of all else.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) select: Vec<Select>,
    pub(crate) handling: Handling,
}

#[derive(Clone, Debug)]
pub(crate) struct Detect {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) handling: Handling,
}

#[derive(Clone, Debug)]
pub(crate) struct Handling {
    pub(crate) on: On,
    pub(crate) action: Action,
    pub(crate) class: &'static str,
    pub(crate) unless: Vec<(&'static str, Vec<&'static str>)>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Request,
    Response,
    Both,
}

/// What policies before this one wrote.
pub(crate) type Who = Vec<(&'static str, &'static str)>;

impl Handling {
    /// Whether it is for messages of this direction, and for whoever asks.
    pub(crate) fn applies(&self, direction: Direction, who: &Who, separator: Option<char>) -> bool {
        let is_on = match self.on {
            On::Request => direction == Direction::Request,
            On::Response => direction == Direction::Response,
            On::Both => true,
        };
        let has = |(name, values): &(&str, Vec<&str>)| {
            let held = who.iter().find(|(other, _)| other == name).map_or("", |(_, held)| held);
            let each: Vec<&str> = separator.map_or(vec![held], |separator| held.split(separator).collect());
            let is = |held: &str, value: &str| match value.strip_suffix('*') {
                Some(beginning) => held.starts_with(beginning),
                None => held == value,
            };
            each.iter().any(|held| !held.is_empty() && values.iter().any(|value| is(held, value)))
        };
        is_on && (self.unless.is_empty() || !self.unless.iter().all(has))
    }

    fn written(&self) -> Map<String, Value> {
        let mut written = Map::new();
        written.insert("action".to_owned(), action(&self.action));
        match self.on {
            On::Request => written.insert("on".to_owned(), "request".into()),
            On::Response => None,
            On::Both => written.insert("on".to_owned(), "both".into()),
        };
        if !self.unless.is_empty() {
            let unless = self.unless.iter().map(|(name, values)| ((*name).to_owned(), json!(values))).collect();
            written.insert("unless".to_owned(), Value::Object(unless));
        }
        written
    }
}

impl Config {
    pub(crate) fn written(&self) -> String {
        let mut written = json!({
            "pseudonyms": { "key": "pseudonyms", "per_consumer": self.per_consumer },
            "rules": self.rules.iter().map(Rule::written).collect::<Vec<_>>(),
            "detect": self.detect.iter().map(Detect::written).collect::<Vec<_>>(),
            "embedded": selected(&self.embedded),
        });
        if let Some(allow) = &self.allow {
            let mut handling = allow.handling.written();
            handling.insert("select".to_owned(), selected(&allow.select));
            written["allow"] = handling.into();
        }
        if let Some(separator) = self.separator {
            written["separator"] = if separator == ' ' { "space" } else { "comma" }.into();
        }
        written.to_string()
    }
}

impl Rule {
    fn written(&self) -> Value {
        let mut written = self.handling.written();
        written.insert("select".to_owned(), selected(&self.select));
        if self.handling.class != "personal" {
            written.insert("class".to_owned(), self.handling.class.into());
        }
        written.into()
    }
}

impl Detect {
    fn written(&self) -> Value {
        let mut written = self.handling.written();
        written.insert("kinds".to_owned(), self.kinds.iter().map(|kind| kind.name()).collect());
        written.into()
    }
}

fn selected(select: &[Select]) -> Value {
    select.iter().map(Select::written).collect()
}

fn action(action: &Action) -> Value {
    match action {
        Action::Truncate(Coarse::Year) => json!({ "truncate": "year" }),
        Action::Truncate(Coarse::Month) => json!({ "truncate": "month" }),
        Action::Truncate(Coarse::Address { v4, v6 }) => json!({ "truncate": { "address": { "v4": v4, "v6": v6 } } }),
        Action::Truncate(Coarse::Decimal(places)) => json!({ "truncate": { "decimal": places } }),
        Action::Truncate(Coarse::Text(letters)) => json!({ "truncate": { "text": letters } }),
        Action::Partial { first, last, keep_domain } => {
            json!({ "partial": { "first": first, "last": last, "keep_domain": keep_domain } })
        }
        other => other.word().into(),
    }
}
