//! Finds personal data and secrets in a text, as a safety net below what is selected by its place.
//!
//! What has a check digit or a strict shape is found; names, streets and dates of birth are not, and neither is what
//! somebody writes in order not to be found: digits of other scripts, characters without width, percent-encoding.
//! Each detector is a matcher of its own rather than an expression: most of what is found is known by check digits, and an
//! engine for expressions is nine times as large as all of these. Each looks a bounded number of bytes ahead, or passes over what it has
//! read, so the time is linear in the text. A text without any byte that one could begin with costs a single look.

mod addresses;
mod bytes;
mod email;
mod kind;
mod numbers;
mod secrets;
#[cfg(test)]
mod testing;
mod triggers;

pub use kind::{Kind, Kinds};

use numbers::Numbers;
use triggers::Triggers;

/// Where in a text something was found, in bytes; both ends are boundaries of characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Where it begins.
    pub start: usize,
    /// Where what follows begins.
    pub end: usize,
}

impl Found {
    fn len(&self) -> usize {
        self.end - self.start
    }
}

/// What a hardware address could begin with.
const COLONED: Triggers = Triggers::COLON.or(Triggers::DASH);
/// What the prefix of a key could end with.
const KEYED: Triggers = Triggers::DASH.or(Triggers::UNDERSCORE).or(Triggers::DIGIT);

/// Detectors of some kinds.
#[derive(Debug)]
pub struct Detectors {
    kinds: Kinds,
    numbers: Numbers,
    /// What any of them could begin with.
    begins: Triggers,
    /// No text has anything that is shorter, in bytes.
    shortest: usize,
}

impl Detectors {
    /// Those of the kinds.
    pub fn new(kinds: Kinds) -> Self {
        let numbers = Numbers::new(kinds);
        let begin = |kind, triggers| if kinds.contains(kind) { triggers } else { Triggers::default() };
        let shortest = |kind, bytes| if kinds.contains(kind) { bytes } else { usize::MAX };
        let begins = [
            if numbers.shortest() == usize::MAX { Triggers::default() } else { Triggers::DIGIT },
            begin(Kind::Email, Triggers::AT),
            begin(Kind::IpAddress, Triggers::COLON),
            begin(Kind::MacAddress, COLONED),
            begin(Kind::ApiKey, KEYED.or(Triggers::CAPITAL_I)),
            begin(Kind::Jwt, Triggers::CAPITAL_J),
            begin(Kind::PrivateKey, Triggers::DASH),
        ];
        let lengths = [
            numbers.shortest(),
            shortest(Kind::Email, 3),
            shortest(Kind::IpAddress, 2),
            shortest(Kind::MacAddress, 12),
            shortest(Kind::ApiKey, 8),
            shortest(Kind::Jwt, 8),
            shortest(Kind::PrivateKey, 8),
        ];
        Self {
            kinds,
            begins: begins.into_iter().fold(Triggers::default(), Triggers::or),
            shortest: lengths.into_iter().min().unwrap_or_default(),
            numbers,
        }
    }

    /// Whether a text is worth a closer look: most are not.
    #[inline]
    pub fn may_find(&self, text: &str) -> bool {
        text.len() >= self.shortest && Triggers::of(text.as_bytes()).any(self.begins)
    }

    /// Adds what a text holds, in order and without overlaps. Found things that overlap are joined, so that all that was
    /// found is covered, under the kind of the longest.
    pub fn find(&self, text: &str, found: &mut Vec<Found>) {
        self.find_ranked(text, found, |_| Some(0));
    }

    /// The same with kinds of different rank: what overlaps is of the kind of the lowest, and of equals of the longest.
    /// Kinds without a rank are not looked for.
    pub fn find_ranked(&self, text: &str, found: &mut Vec<Found>, rank: impl Fn(Kind) -> Option<u16>) {
        let bytes = text.as_bytes();
        let triggers = Triggers::of(bytes);
        if !triggers.any(self.begins) {
            return;
        }
        let already = found.len();
        let wants = |kind, begins: Triggers| self.kinds.contains(kind) && triggers.any(begins);
        if wants(Kind::Email, Triggers::AT) {
            email::find(text, found);
        }
        if triggers.any(Triggers::DIGIT) && bytes.len() >= self.numbers.shortest() {
            self.numbers.find(bytes, found);
        }
        if wants(Kind::IpAddress, Triggers::COLON) || wants(Kind::MacAddress, COLONED) {
            addresses::find(self.kinds, bytes, found);
        }
        if wants(Kind::ApiKey, KEYED) {
            secrets::keys(bytes, found);
        }
        if wants(Kind::ApiKey, Triggers::CAPITAL_I) {
            secrets::key_words(bytes, found);
        }
        if wants(Kind::Jwt, Triggers::CAPITAL_J) {
            secrets::tokens(bytes, found);
        }
        if wants(Kind::PrivateKey, Triggers::DASH) {
            secrets::private_keys(bytes, found);
        }
        join(found, already, rank);
    }

    /// The kind of the first thing that a text holds.
    pub fn has(&self, text: &str) -> Option<Kind> {
        let mut found = Vec::new();
        self.find(text, &mut found);
        found.first().map(|first| first.kind)
    }
}

/// Puts what was found since in order, and makes one of what overlaps.
fn join(found: &mut Vec<Found>, since: usize, rank: impl Fn(Kind) -> Option<u16>) {
    let Some(new) = found.get_mut(since..).filter(|new| !new.is_empty()) else { return };
    new.sort_by_key(|hit| hit.start);
    // The best of those that the last one is made of; the surest of equals, which is the first to be looked for.
    let mut best = (0, 0);
    for hit in found.split_off(since) {
        let Some(rank) = rank(hit.kind) else { continue };
        let worth = (rank, usize::MAX - hit.len());
        match found.get_mut(since..).and_then(<[Found]>::last_mut) {
            Some(last) if hit.start < last.end => {
                if worth < best {
                    best = worth;
                    last.kind = hit.kind;
                }
                last.end = last.end.max(hit.end);
            }
            _ => {
                best = worth;
                found.push(hit);
            }
        }
    }
}
