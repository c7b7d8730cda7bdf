//! Documents made up: every kind of escape and white space, names that come twice, numbers without end.

use crate::written::{Letters, Made, WORD, letters};
use proptest::prelude::*;

pub(crate) fn made() -> impl Strategy<Value = Made> {
    let bare = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("false".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][-+]?[0-9]{1,2})?",
        "-?[1-9][0-9]{20,60}\\.[0-9]{20,60}e\\+[0-9]{20}",
    ];
    let leaf = prop_oneof![
        3 => bare.prop_map(Made::Bare),
        4 => text(14).prop_map(marked),
        // About as long as what is still looked at, and without escapes.
        1 => "[a-z]{36,44}".prop_map(|text| Made::Bare(format!("\"{text}\""))),
        1 => "[\\[{\"][xyz]{0,2}".prop_map(|broken| marked(letters(&broken))),
    ];
    leaf.prop_recursive(7, 60, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..6).prop_map(Made::Array),
            6 => prop::collection::vec((name(), inner.clone()), 0..6).prop_map(Made::Object),
            1 => inner.clone().prop_map(|inner| Made::Embedded(Box::new(inner), "")),
        ]
    })
}

/// With a word at the end by which it is known.
fn marked(text: Letters) -> Made {
    Made::Text([text, vec![u32::from(WORD)]].concat())
}

fn name() -> impl Strategy<Value = Letters> {
    prop_oneof!["[ab]".prop_map(|name| letters(&name)), text(5)]
}

fn text(most: usize) -> impl Strategy<Value = Letters> {
    let unit = prop_oneof![
        8 => (0x20_u32..0x7f).prop_map(|unit| if unit == u32::from(WORD) { 0x20 } else { unit }),
        1 => 0_u32..0x20,
        1 => Just(u32::from('"')),
        1 => Just(u32::from('\\')),
        1 => 0x80_u32..0x800,
        1 => 0xd7f0_u32..0xe010,
        1 => 0x1_0000_u32..0x11_0000,
    ];
    prop::collection::vec(unit, 0..most)
}
