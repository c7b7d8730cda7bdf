//! Documents that are yet to be written down, and all the ways there are to write one: for tests of this crate and of those that use it.
#![allow(dead_code, reason = "each test uses what it needs")]
#![allow(clippy::unwrap_used, reason = "a helper fails the test that calls it")]

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
pub(crate) type Letters = Vec<u32>;

pub(crate) fn letters(text: &str) -> Letters {
    text.chars().map(u32::from).collect()
}

/// Writes documents down, by chance in one way or another.
pub(crate) struct Writer {
    chance: u64,
    /// Most of white space between two tokens, and what that is.
    spaces: u64,
    white: &'static [char],
    /// The words that were written.
    pub(crate) words: Vec<String>,
}

/// The white space of JSON.
pub(crate) const WHITE: &[char] = &[' ', '\n', '\t', '\r'];

impl Writer {
    pub(crate) fn new(chance: u64, spaces: u64, white: &'static [char]) -> Self {
        Self { chance, spaces, white, words: Vec::new() }
    }

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
