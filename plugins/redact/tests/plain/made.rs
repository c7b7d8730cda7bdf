//! Documents made up, and written down in one of the ways there are.

use crate::select::Step;
use proptest::prelude::*;
use std::fmt::Write;

/// Stands in a text for a word that is nowhere else.
pub(crate) const WORD: char = '#';

/// A document that is yet to be written down.
#[derive(Clone, Debug)]
pub(crate) enum Made {
    /// A number or literal.
    Bare(String),
    Text(Letters),
    /// A string of a document, or of one to which that is added.
    Embedded(Box<Made>, &'static str),
    Array(Vec<Made>),
    Object(Vec<(Letters, Made)>),
}

/// Characters, and halves of surrogate pairs.
type Letters = Vec<u32>;

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

fn letters(text: &str) -> Letters {
    text.chars().map(u32::from).collect()
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

/// Writes documents down, by chance in one way or another.
pub(crate) struct Writer {
    pub(crate) chance: u64,
    /// Most of white space between two tokens, and what that is.
    pub(crate) spaces: u64,
    pub(crate) white: &'static [char],
    /// The words that were written.
    pub(crate) words: Vec<String>,
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
            Made::Text(letters) => self.string(letters, 5, out),
            Made::Embedded(inner, more) => {
                let inner = self.document(inner) + more;
                // Escapes of escapes are long.
                self.string(&letters(&inner), 50, out);
            }
            Made::Array(items) => self.list("[", items, "]", out, Self::value),
            Made::Object(members) => self.list("{", members, "}", out, |writer, (name, made), out| {
                writer.string(name, 5, out);
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

    /// One of so many letters is escaped though it need not be.
    fn string(&mut self, letters: &[u32], seldom: u64, out: &mut String) {
        out.push('"');
        for letter in letters {
            if *letter == u32::from(WORD) {
                for letter in self.word().chars() {
                    self.letter(letter.into(), seldom, out);
                }
            } else {
                self.letter(*letter, seldom, out);
            }
        }
        out.push('"');
    }

    /// A word of twelve letters that is nowhere else.
    fn word(&mut self) -> String {
        let number = format!("{:04}", self.words.len());
        let word = number.bytes().map(|digit| char::from(digit - b'0' + b'k')).collect::<String>();
        let word = format!("wo{word}{word}rd");
        self.words.push(word.clone());
        word
    }

    fn letter(&mut self, letter: u32, seldom: u64, out: &mut String) {
        let plain = char::from_u32(letter).filter(|letter| !matches!(letter, '"' | '\\' | ..' '));
        if let Some(plain) = plain.filter(|_| self.draw(seldom) > 0) {
            out.push(plain);
            return;
        }
        let short = ["\"\"", "\\\\", "//", "\u{8}b", "\u{c}f", "\nn", "\rr", "\tt"];
        let short = short.iter().find(|pair| pair.chars().next().map(u32::from) == Some(letter));
        match (short, char::from_u32(letter)) {
            (Some(pair), _) if self.draw(2) == 0 => write!(out, "\\{}", &pair[1..]).unwrap(),
            (_, Some(letter)) => letter.encode_utf16(&mut [0; 2]).iter().for_each(|half| self.escaped(*half, out)),
            (_, None) => self.escaped(u16::try_from(letter).unwrap(), out),
        }
    }

    fn escaped(&mut self, unit: u16, out: &mut String) {
        let is_upper = self.draw(2) == 0;
        if is_upper { write!(out, "\\u{unit:04X}") } else { write!(out, "\\u{unit:04x}") }.unwrap();
    }

    fn white(&mut self, out: &mut String) {
        for _ in 0..self.draw(self.spaces + 1) {
            let letter = self.white[self.draw(self.white.len() as u64) as usize];
            out.push(letter);
        }
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.chance >> 33) % below
    }
}

/// A text with whatever looks like an escape undone, in a string or not, as often as a text may be in another.
pub(crate) fn undone(text: &str) -> String {
    let once = |text: String| {
        let mut parts = text.split('\\');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.strip_prefix('u').and_then(|rest| rest.split_at_checked(4));
            let letter = |digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?);
            match digits.and_then(|(digits, rest)| Some((letter(digits)?, rest))) {
                Some((letter, rest)) => out.extend([&letter.to_string(), rest]),
                None => out.push_str(part),
            }
        }
        out
    };
    (0..8).fold(text.to_owned(), |text, _| once(text))
}
