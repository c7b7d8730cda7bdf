//! Documents made up: every kind of escape and white space, names that come twice, numbers without end.

use proptest::prelude::*;
use std::fmt::Write;

/// Stands about the number of a string, and nowhere else.
pub(crate) const NUMBER: char = '#';

/// A document that is yet to be written down.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    /// A number or literal.
    Bare(String),
    /// A string of these characters, some of which may be half a surrogate pair.
    Text(Vec<u32>),
    /// A string of a document.
    Embedded(Box<Made>),
    Array(Vec<Made>),
    Object(Vec<(Vec<u32>, Made)>),
}

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
        4 => text(30).prop_map(Made::Text),
        1 => "[\\[{\"][xyz]{0,2}".prop_map(|broken| Made::Text(broken.chars().map(u32::from).collect())),
    ];
    leaf.prop_recursive(7, 60, 6, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..6).prop_map(Made::Array),
            6 => prop::collection::vec((name(), inner.clone()), 0..6).prop_map(Made::Object),
            1 => inner.clone().prop_map(|inner| Made::Embedded(Box::new(inner))),
        ]
    })
}

fn name() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof!["[ab]".prop_map(|name| name.chars().map(u32::from).collect()), text(5)]
}

fn text(most: usize) -> impl Strategy<Value = Vec<u32>> {
    let unit = prop_oneof![
        8 => (0x20_u32..0x7f).prop_map(|unit| if unit == u32::from(NUMBER) { 0x20 } else { unit }),
        1 => 0_u32..0x20,
        1 => Just(u32::from('"')),
        1 => Just(u32::from('\\')),
        1 => 0x80_u32..0x800,
        1 => 0xd7f0_u32..0xe010,
        1 => 0x1_0000_u32..0x11_0000,
    ];
    prop::collection::vec(unit, 0..most)
}

/// Writes documents down, by chance in one way or another.
pub(crate) struct Writer {
    pub(crate) chance: u64,
    /// Most spaces between two tokens.
    pub(crate) spaces: u64,
    /// Strings written, each of which ends with its number, so that it can be told from any other.
    pub(crate) count: usize,
}

impl Writer {
    pub(crate) fn document(&mut self, made: &Made) -> String {
        let mut out = String::new();
        self.white(&mut out);
        self.value(made, &mut out);
        self.white(&mut out);
        out
    }

    fn value(&mut self, made: &Made, out: &mut String) {
        match made {
            Made::Bare(raw) => out.push_str(raw),
            Made::Text(units) => self.string(units, true, out),
            Made::Embedded(inner) => {
                let inner = self.document(inner);
                self.string(&inner.chars().map(u32::from).collect::<Vec<_>>(), false, out);
            }
            Made::Array(items) => self.list("[", items, "]", out, Self::value),
            Made::Object(members) => self.list("{", members, "}", out, |writer, (name, made), out| {
                writer.string(name, false, out);
                writer.white(out);
                out.push(':');
                writer.white(out);
                writer.value(made, out);
            }),
        }
    }

    fn list<T>(
        &mut self,
        open: &str,
        all: &[T],
        close: &str,
        out: &mut String,
        one: impl Fn(&mut Self, &T, &mut String),
    ) {
        out.push_str(open);
        for (index, each) in all.iter().enumerate() {
            self.white(out);
            if index > 0 {
                out.push(',');
                self.white(out);
            }
            one(self, each, out);
        }
        self.white(out);
        out.push_str(close);
    }

    fn string(&mut self, units: &[u32], is_numbered: bool, out: &mut String) {
        out.push('"');
        for unit in units {
            let plain = char::from_u32(*unit).filter(|char| !matches!(char, '"' | '\\' | ..' ') && self.draw(4) > 0);
            match plain {
                Some(char) => out.push(char),
                None => self.escaped(*unit, out),
            }
        }
        if is_numbered {
            self.count += 1;
            for digit in format!("{NUMBER}{}{NUMBER}", self.count).chars() {
                if self.draw(3) == 0 { self.escaped(u32::from(digit), out) } else { out.push(digit) }
            }
        }
        out.push('"');
    }

    fn escaped(&mut self, unit: u32, out: &mut String) {
        let short = "\"\"\\\\//\u{8}b\u{c}f\nn\rr\tt".chars().collect::<Vec<_>>();
        let short = short.chunks(2).find(|pair| u32::from(pair[0]) == unit);
        match (short, char::from_u32(unit)) {
            (Some(pair), _) if self.draw(2) == 0 => write!(out, "\\{}", pair[1]).unwrap(),
            (_, Some(char)) => {
                for half in char.encode_utf16(&mut [0; 2]) {
                    if self.draw(2) == 0 { write!(out, "\\u{half:04x}") } else { write!(out, "\\u{half:04X}") }
                        .unwrap();
                }
            }
            (_, None) => write!(out, "\\u{unit:04x}").unwrap(),
        }
    }

    fn white(&mut self, out: &mut String) {
        for _ in 0..self.draw(self.spaces + 1) {
            out.push([' ', '\n', '\t', '\r'][self.draw(4) as usize]);
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.chance >> 33) % below
    }
}
