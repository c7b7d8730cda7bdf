//! Documents made up.

use crate::path::Step;
use crate::written::{Letters, Made, WORD, letters};
use proptest::prelude::*;

impl Made {
    /// Where its values are, and whether each is a string of a document.
    pub(crate) fn places(&self) -> Vec<(Vec<Step>, bool)> {
        let inside: Vec<(Vec<Step>, &Made)> = match self {
            Self::Bare(_) | Self::Text(_) => Vec::new(),
            Self::Embedded(inner, _) => vec![(Vec::new(), inner)],
            Self::Array(items) => items.iter().enumerate().map(|(at, item)| (vec![Step::Item(at)], item)).collect(),
            Self::Object(members) => {
                members.iter().map(|(name, member)| (vec![Step::Member(read(name))], member)).collect()
            }
        };
        let below = inside.into_iter().flat_map(|(step, made)| {
            made.places().into_iter().map(move |(place, is_embedded)| ([step.clone(), place].concat(), is_embedded))
        });
        [(Vec::new(), matches!(self, Self::Embedded(..)))].into_iter().chain(below).collect()
    }
}

fn read(letters: &[u32]) -> String {
    letters.iter().map(|letter| char::from_u32(*letter).unwrap_or('\u{fffd}')).collect()
}

/// Names that documents and paths have in common.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        12 => prop::sample::select(vec!["a", "b", "c", "email"]),
        2 => prop::sample::select(vec!["0", "1", "", "x y", "\u{e9}\u{1f600}", "a/b~", "$", "it's", "q\"\\"]),
    ]
    .prop_map(str::to_owned)
}

pub(crate) fn made() -> impl Strategy<Value = Made> {
    let embedded = |inner: BoxedStrategy<Made>| {
        let more = prop_oneof![4 => Just(""), 1 => prop::sample::select(vec!["x", "}", " 1"])];
        // About as often as is still read.
        let again = prop_oneof![4 => Just(0), 1 => 1..6];
        (inner, more, again).prop_map(|(inner, more, again)| {
            (0..again).fold(Made::Embedded(Box::new(inner), more), |inner, _| Made::Embedded(Box::new(inner), ""))
        })
    };
    let list = move |inner: BoxedStrategy<Made>| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..5).prop_map(Made::Array),
            6 => prop::collection::vec((member(), inner.clone()), 0..5).prop_map(Made::Object),
            2 => embedded(inner),
        ]
    };
    let inner = leaf().prop_recursive(5, 40, 5, move |inner| list(inner.boxed()));
    let members = prop::collection::vec((member(), inner.clone()), 1..5).prop_map(Made::Object);
    let items = prop::collection::vec(inner.clone(), 1..5).prop_map(Made::Array);
    let shallow = prop_oneof![1 => inner, 8 => members, 4 => items];
    let around = prop::collection::vec(prop::option::of(member()), 20..110);
    let deep = (shallow.clone(), around, leaf()).prop_map(|(made, around, other)| {
        around.into_iter().fold(made, |made, name| match name {
            Some(name) => Made::Object(vec![(name, made)]),
            None => Made::Array(vec![made, other.clone()]),
        })
    });
    prop_oneof![30 => shallow, 1 => deep]
}

fn leaf() -> impl Strategy<Value = Made> {
    let bare = prop_oneof![
        2 => prop::sample::select(vec!["null", "true", "false", "1980", "4111111111111111", "-0", "0.0", "12e5"])
            .prop_map(str::to_owned),
        1 => "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,6})?([eE][-+]?[0-9]{1,2})?",
        1 => "-?[1-9][0-9]{20,60}\\.[0-9]{20,60}e\\+[0-9]{20}",
    ];
    // What can be made coarser, what is found, and what overlaps with that.
    let known = prop::sample::select(vec![
        "#",
        "# mail #@shop.example!",
        "#@shop.example",
        "4111 1111 1111 1111 #",
        "192.0.2.17 #@shop.example",
        "#@shop.example, 4111111111111111, 192.0.2.17",
        "4111111111111111@example.com, #",
        "NO93 8601 1117 947, 192.0.2.17 (#)",
        "no93 8601 1117 947@example.org",
        "192.0.2.17",
        "2001:db8:1:2::17",
        "::ffff:192.0.2.17",
        "1980-05-17",
        "1980-13",
        "2026-01-14T09:26:53Z",
        "59.911491",
        "0155 Oslo",
        "true",
        "{",
        "[1,]",
    ]);
    prop_oneof![
        3 => bare.prop_map(Made::Bare),
        7 => known.prop_map(|text| Made::Text(letters(text))),
        1 => any_letters(30).prop_map(Made::Text),
        1 => any_letters(8).prop_map(|text| Made::Text([letters("#@shop.example "), text].concat())),
    ]
}

/// Documents with little more than what can be found, in texts, numbers and strings of documents.
pub(crate) fn findable() -> impl Strategy<Value = Made> {
    let pieces = ["#@shop.example", "4111111111111111", "NO9386011117947", "192.0.2.17", "word"];
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 1..5);
    let between = prop::sample::select(vec![" ", ", ", "", "@"]);
    let text = (pieces, between).prop_map(|(pieces, between)| Made::Text(letters(&pieces.join(between))));
    let number = Just(Made::Bare("4111111111111111".to_owned()));
    let scalar = prop_oneof![4 => text, 1 => number];
    let more = prop_oneof![Just(""), Just("x")];
    let embedded = (prop::collection::vec(scalar.clone(), 0..3), more)
        .prop_map(|(items, more)| Made::Embedded(Box::new(Made::Array(items)), more));
    prop::collection::vec(prop_oneof![2 => scalar, 1 => embedded], 1..4).prop_map(Made::Array)
}

/// Documents with values about as long as what is still looked at.
pub(crate) fn long() -> impl Strategy<Value = Made> {
    let value = (16_380_usize..16_390, 0..4).prop_map(|(length, what)| {
        Made::Bare(match what {
            0 => "7".repeat(length),
            1 => format!("\"{}\"", "x".repeat(length)),
            2 => format!("\"[{}]\"", "1".repeat(length - 2)),
            // Two bytes as it is written, one undone.
            _ => format!("\"{}{}\"", "\\/".repeat(100), "x".repeat(length - 200)),
        })
    });
    let members = (name(), name(), value).prop_map(|(outer, name, value)| {
        let inner = Made::Object(vec![(letters(&name), value.clone())]);
        Made::Object(vec![(letters(&outer), value), (letters(&name), inner)])
    });
    members.prop_map(|made| Made::Array(vec![made]))
}

fn member() -> impl Strategy<Value = Letters> {
    prop_oneof![
        20 => name().prop_map(|name| letters(&name)),
        1 => Just(letters("of #@shop.example")),
        1 => any_letters(5),
    ]
}

/// Without what belongs to the character before it.
fn any_letters(most: usize) -> impl Strategy<Value = Letters> {
    let letter = prop_oneof![
        8 => (0x20_u32..0x7f).prop_map(|letter| if letter == u32::from(WORD) { 0x20 } else { letter }),
        1 => 0_u32..0x20,
        1 => Just(u32::from('\\')),
        1 => 0x80_u32..0x300,
        1 => 0xd7f0_u32..0xe010,
        1 => 0x1_f600_u32..0x1_f650,
        1 => 0x2_0000_u32..0x11_0000,
    ];
    prop::collection::vec(letter, 0..most)
}
