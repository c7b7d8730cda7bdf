//! What is carried from the head of a message to the pieces of its body.

use crate::act::token;
use lockgate_json::rewrite::Position;
use lockgate_json::select::State;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// How a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// One JSON document.
    Document,
    /// JSON documents on lines.
    Lines,
    /// JSON documents in server-sent events.
    Events,
    /// Fields of a form.
    Form,
    /// Text without a structure.
    Text,
}

/// What holds for a body from its head to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Terms<'a> {
    pub(crate) reading: Reading,
    /// The rules that apply to whoever asks, one bit each.
    pub(crate) active: u64,
    /// Where the selection of documents begins.
    pub(crate) root: State,
    /// The route, for what is counted.
    pub(crate) route: &'a str,
    /// Who asks, if that is known.
    pub(crate) consumer: Cow<'a, str>,
}

/// Longest name of a consumer that is carried; those of routes have at most 128. With where a reader stands, that is all
/// there is room for.
const LONGEST_NAME: usize = 240;

impl<'a> Terms<'a> {
    /// Who asks, as it is carried: one with a longer name goes by the digest of it.
    pub(crate) fn consumer(name: &'a str) -> Cow<'a, str> {
        match name.len() <= LONGEST_NAME {
            true => name.into(),
            false => token::hash(&Sha256::digest(name).into()).into(),
        }
    }

    /// The bytes, with where the reader of the body stands.
    pub(crate) fn encode(&self, position: &Position) -> Vec<u8> {
        let mut bytes = vec![self.reading as u8];
        bytes.extend(self.active.to_le_bytes());
        bytes.extend(self.root.to_bits().to_le_bytes());
        for name in [self.route, &self.consumer] {
            bytes.push(name.len() as u8);
            bytes.extend(name.as_bytes());
        }
        bytes.extend(position.encode());
        bytes
    }

    /// What [`encode`](Self::encode) wrote; none for anything else.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<(Self, Position)> {
        let (reading, bytes) = bytes.split_first()?;
        let (active, bytes) = bytes.split_first_chunk()?;
        let (root, bytes) = bytes.split_first_chunk()?;
        let (route, bytes) = name(bytes)?;
        let (consumer, bytes) = name(bytes)?;
        let terms = Self {
            reading: Reading::ALL.into_iter().find(|other| *other as u8 == *reading)?,
            active: u64::from_le_bytes(*active),
            root: State::from_bits(u16::from_le_bytes(*root)),
            route,
            consumer: consumer.into(),
        };
        Some((terms, Position::decode(bytes)?))
    }
}

fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, bytes) = bytes.split_first()?;
    let (name, bytes) = bytes.split_at_checked((*length).into())?;
    Some((str::from_utf8(name).ok()?, bytes))
}

impl Reading {
    const ALL: [Self; 5] = [Self::Document, Self::Lines, Self::Events, Self::Form, Self::Text];
}

#[cfg(test)]
mod tests {
    use super::*;
    use lockgate_json::rewrite::LARGEST;

    const NAME: &str = "n";

    fn terms(name: &str) -> Terms<'_> {
        let (reading, active, root) = (Reading::Events, 1 << 63 | 5, State::from_bits(u16::MAX));
        Terms { reading, active, root, route: name, consumer: name.into() }
    }

    #[test]
    fn what_is_carried_comes_back() {
        let position = Position::start(State::from_bits(7));
        for name in ["", NAME, &NAME.repeat(LONGEST_NAME)] {
            let bytes = terms(name).encode(&position);
            assert_eq!(Terms::decode(&bytes), Some((terms(name), position.clone())));
            assert_eq!(Terms::decode(&bytes[..bytes.len() - 1]), None);
        }
        assert_eq!(Terms::decode(b""), None);
        assert_eq!(Terms::decode(&[9; 64]), None);
    }

    #[test]
    fn the_longest_names_leave_room_for_the_largest_position() {
        let longest = NAME.repeat(LONGEST_NAME);
        let position = Position::start(State::from_bits(7));
        let carried = terms(&longest).encode(&position).len() - position.encode().len();
        assert!(carried + LARGEST <= 4096, "{carried}");
        assert_eq!(Terms::consumer(&longest), longest);
        let (one, other) = (NAME.repeat(LONGEST_NAME + 1), NAME.repeat(LONGEST_NAME + 2));
        assert!(Terms::consumer(&one).len() < 32 && Terms::consumer(&one) != Terms::consumer(&other));
    }
}
