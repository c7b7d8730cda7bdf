//! What is carried from the head of a message to the pieces of its body.

use lockgate_json::rewrite::Position;
use lockgate_json::select::State;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms<'a> {
    pub(crate) reading: Reading,
    /// The rules that apply to whoever asks, one bit each.
    pub(crate) active: u64,
    /// Where the selection of documents begins.
    pub(crate) root: State,
    /// The route, for what is counted.
    pub(crate) route: &'a str,
    /// Who asks, if that is known.
    pub(crate) consumer: &'a str,
}

/// Longest name that is carried; routes and consumers have shorter ones, of what else would come here, the beginning does.
const LONGEST_NAME: usize = 120;

impl<'a> Terms<'a> {
    /// The bytes, with where the reader of the body stands.
    pub(crate) fn encode(&self, position: &Position) -> Vec<u8> {
        let mut bytes = vec![self.reading as u8];
        bytes.extend(self.active.to_le_bytes());
        bytes.extend(self.root.to_bits().to_le_bytes());
        for name in [self.route, self.consumer] {
            let name = &name[..name.floor_char_boundary(LONGEST_NAME)];
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
            consumer,
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
