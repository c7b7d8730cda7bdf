//! Configurations made up: few names, so that they meet those of documents.

use crate::action::{Action, Coarse};
use crate::config::{Config, Detect, Handling, On, Rule, Who};
use crate::made::name;
use crate::path::{Segment, Selector, Step};
use crate::select::Select;
use lockgate_plugin_redact::detect::Kind;
use proptest::prelude::*;

/// For documents that have values at these places, some of which are strings of documents.
pub(crate) fn config(places: Vec<(Vec<Step>, bool)>) -> impl Strategy<Value = Config> {
    words().prop_flat_map(move |words| config_of(&places, &words)).prop_filter("says nothing", |config| {
        !(config.rules.is_empty() && config.allow.is_none() && config.detect.is_empty())
    })
}

fn config_of(places: &[(Vec<Step>, bool)], words: &[&'static str]) -> impl Strategy<Value = Config> + use<> {
    let (embedded, others): (Vec<_>, Vec<_>) = places.iter().cloned().partition(|(_, is_embedded)| *is_embedded);
    let places = |places: Vec<(Vec<Step>, bool)>| places.into_iter().map(|(place, _)| place).collect::<Vec<_>>();
    let (embedded, others) = (places(embedded), places(others));
    let all = [&*embedded, &*others].concat();
    let embedded = if embedded.is_empty() { all.clone() } else { embedded };
    let embedded = prop_oneof![3 => select(embedded), 1 => select(all.clone())];
    let select = || select(all.clone());
    let words = words.to_vec();
    let rule = (
        prop::collection::vec(select(), 1..3),
        handling(words.clone(), prop::sample::select(vec!["personal", "contact"])),
    );
    let rule = rule.prop_map(|(select, handling)| Rule { select, handling });
    let allow = (prop::collection::vec(select(), 0..4), handling(words.clone(), Just("unlisted")));
    let allow = allow.prop_map(|(select, handling)| Rule { select, handling });
    let detect = detect(words);
    let separator = prop::option::of(prop::sample::select(vec![' ', ',']));
    (
        prop_oneof![1 => Just(Vec::new()), 4 => prop::collection::vec(rule, 1..6)],
        prop::option::weighted(0.3, allow),
        prop_oneof![Just(Vec::new()), prop::collection::vec(detect, 1..4)],
        prop_oneof![1 => Just(Vec::new()), 2 => prop::collection::vec(embedded, 1..3)],
        any::<bool>(),
        separator,
    )
        .prop_map(|(rules, allow, detect, embedded, per_consumer, separator)| Config {
            rules,
            allow,
            detect,
            embedded,
            per_consumer,
            separator,
        })
}

/// Only detectors, and perhaps that items are strings of documents.
pub(crate) fn detecting() -> impl Strategy<Value = Config> {
    // Those that are about the whole of a text, or all.
    let words = prop_oneof![
        Just(vec!["block", "null"]),
        prop::sample::subsequence(vec!["block", "remove", "null", "mask", "hash", "partial"], 1..4),
    ];
    let detect = words.prop_flat_map(|words| prop::collection::vec(detect(words), 1..5));
    (detect, any::<bool>()).prop_map(|(detect, is_embedded)| {
        let every = Segment { descends: false, selectors: vec![Selector::Every] };
        let embedded = if is_embedded { vec![Select::Path(vec![every])] } else { Vec::new() };
        Config { rules: Vec::new(), allow: None, detect, embedded, per_consumer: false, separator: None }
    })
}

fn detect(words: Vec<&'static str>) -> impl Strategy<Value = Detect> {
    let kinds = vec![Kind::Email, Kind::Iban, Kind::PaymentCard, Kind::IpAddress, Kind::Phone];
    let kinds = prop::sample::subsequence(kinds, 1..3);
    (kinds, handling(words, Just("detected"))).prop_map(|(kinds, handling)| Detect { kinds, handling })
}

/// Attributes of whoever asks.
pub(crate) fn who() -> impl Strategy<Value = Who> {
    let role = prop::sample::select(vec!["", "admin", "clerk", "a clerk", "clerk,admin", "clerks"]);
    let consumer = prop::sample::select(vec!["one", "other"]);
    (prop::option::of(role.clone()), prop::option::of(role), prop::option::of(consumer)).prop_map(
        |(role, team, consumer)| {
            let all = [("auth.role", role), ("auth.team", team), ("auth.consumer", consumer)];
            all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        },
    )
}

fn handling(words: Vec<&'static str>, class: impl Strategy<Value = &'static str>) -> impl Strategy<Value = Handling> {
    let values = prop::collection::vec(prop::sample::select(vec!["admin", "clerk", "cl*", "*", "one"]), 1..3);
    let attribute = prop::sample::subsequence(vec!["auth.role", "auth.team", "auth.consumer"], 1..3);
    let unless = (attribute, values)
        .prop_map(|(names, values)| names.into_iter().map(|name| (name, values.clone())).collect::<Vec<_>>());
    let unless = prop_oneof![2 => Just(Vec::new()), 1 => unless];
    let on = prop_oneof![1 => Just(On::Request), 8 => Just(On::Response), 3 => Just(On::Both)];
    (on, action(words), class, unless).prop_map(|(on, action, class, unless)| Handling { on, action, class, unless })
}

/// The words of actions that one configuration uses: the fewer there are, the more they meet.
fn words() -> impl Strategy<Value = Vec<&'static str>> {
    let all = vec!["remove", "null", "mask", "hash", "pseudonym", "truncate", "truncate", "partial"];
    let words = prop::sample::subsequence(all, 1..=8);
    (words, prop::bool::weighted(0.25)).prop_map(|(words, blocks)| [words, vec!["block"; blocks.into()]].concat())
}

fn action(words: Vec<&'static str>) -> impl Strategy<Value = Action> {
    let coarse = prop_oneof![
        Just(Coarse::Year),
        Just(Coarse::Month),
        (1_u32..32, 1_u32..128).prop_map(|(v4, v6)| Coarse::Address { v4, v6 }),
        (0_usize..4).prop_map(Coarse::Decimal),
        (0_usize..20).prop_map(Coarse::Text),
    ];
    (prop::sample::select(words), coarse, 0_usize..6, 0_usize..6, any::<bool>()).prop_map(
        |(word, coarse, first, last, keep_domain)| match word {
            "block" => Action::Block,
            "remove" => Action::Remove,
            "null" => Action::Null,
            "mask" => Action::Mask,
            "hash" => Action::Hash,
            "pseudonym" => Action::Pseudonym,
            "truncate" => Action::Truncate(coarse),
            _ => Action::Partial { first, last, keep_domain },
        },
    )
}

/// Mostly what leads to one of the places.
fn select(places: Vec<Vec<Step>>) -> impl Strategy<Value = Select> {
    let place = prop::sample::select(places);
    let near = (place.clone(), prop::collection::vec(any::<u8>(), 8)).prop_map(|(place, chances)| {
        Select::Path(place.iter().zip(chances.into_iter().cycle()).map(|(step, chance)| near(step, chance)).collect())
    });
    let pointer = place.prop_map(|place| {
        let token = |step: &Step| match step {
            Step::Member(name) => name.clone(),
            Step::Item(index) => index.to_string(),
        };
        Select::Pointer(place.iter().map(token).collect())
    });
    prop_oneof![6 => near, 1 => pointer, 5 => anywhere()]
}

/// A segment that leads to a child, and by chance to others.
fn near(step: &Step, chance: u8) -> Segment {
    let number = |index: &usize| i64::try_from(*index).unwrap();
    let selector = match (step, chance % 16) {
        (_, 0..3) => Selector::Every,
        (Step::Member(name), _) => Selector::Name(name.clone()),
        (Step::Item(index), 3..5) => Selector::Slice(Some(number(index)), None, Some(2)),
        (Step::Item(index), 5..7) => Selector::Slice(None, Some(number(index) + 1), None),
        (Step::Item(index), _) => Selector::Index(number(index)),
    };
    let more = chance.is_multiple_of(7).then(|| Selector::Name("a".to_owned()));
    Segment { descends: chance >= 224, selectors: [selector].into_iter().chain(more).collect() }
}

fn anywhere() -> impl Strategy<Value = Select> {
    let token = prop_oneof![3 => name(), 1 => prop::sample::select(vec!["0", "1", "00"]).prop_map(str::to_owned)];
    let is_name = |name: &String| !name.is_empty() && !name.starts_with('$') && !name.contains(['.', '[', '*', '/']);
    prop_oneof![
        6 => prop::collection::vec(segment(), 1..4).prop_map(Select::Path),
        2 => prop::collection::vec(token, 1..4).prop_map(Select::Pointer),
        1 => name().prop_filter("is a name", is_name).prop_map(Select::Name),
    ]
}

fn segment() -> impl Strategy<Value = Segment> {
    let bound = || prop::option::of(0_i64..4);
    let selector = prop_oneof![
        5 => name().prop_map(Selector::Name),
        3 => Just(Selector::Every),
        2 => (0_i64..3).prop_map(Selector::Index),
        2 => (bound(), bound(), prop::option::of(0_i64..3)).prop_map(|(from, to, by)| Selector::Slice(from, to, by)),
    ];
    (prop::bool::weighted(0.25), prop::collection::vec(selector, 1..3))
        .prop_map(|(descends, selectors)| Segment { descends, selectors })
}
