//! All that a rewriter knows between two pieces, and how it is carried from one to the next.

use super::level::{Level, Nest};
use super::lex::Number;
use super::{DEEPEST, frame::Line};
use crate::select::State;

/// Most bytes [`Position::encode`] writes.
pub const LARGEST: usize = 3584;

/// Where a rewriter stands in a body. No text of the body is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the value of each document.
    pub(crate) root: State,
    /// Of the value that comes next; meant in the steps `Colon` and `Value` alone.
    pub(crate) at: State,
    /// Bytes read before.
    pub(crate) offset: u64,
    pub(crate) step: Step,
    pub(crate) mode: Mode,
    pub(crate) inside: Inside,
    /// Whether a comma was taken away that the next member or item brings along, if it stays.
    pub(crate) is_owed: bool,
    pub(crate) line: Line,
    /// Whether an event has said a word that is no JSON.
    pub(crate) has_word: bool,
    pub(crate) levels: Vec<Level>,
    pub(crate) nest: Nest,
}

macro_rules! codes {
    ($(#[doc = $doc:literal] $name:ident { $($(#[doc = $each:literal])+ $case:ident,)+ })+) => { $(
        #[doc = $doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum $name {
            $($(#[doc = $each])+ $case,)+
        }

        impl $name {
            const ALL: &'static [Self] = &[$(Self::$case),+];

            pub(crate) fn code(self) -> u8 {
                self as u8
            }

            pub(crate) fn from_code(code: u8) -> Option<Self> {
                Self::ALL.get(usize::from(code)).copied()
            }
        }
    )+ };
}
pub(crate) use codes;

codes! {
    /// What may come next.
    Step {
        /// A value.
        Value,
        /// The first item of an array, or its end.
        FirstItem,
        /// An item, after a comma.
        NextItem,
        /// The first name of an object, or its end.
        FirstName,
        /// A name, after a comma.
        NextName,
        /// `:`
        Colon,
        /// A comma or the end of the container.
        After,
        /// Nothing: the document is complete.
        End,
    }
    /// What is done with what is read.
    Mode {
        /// The guide is asked.
        Asking,
        /// A value passes that nobody is asked about.
        Passing,
        /// A value is dropped.
        Dropping,
    }
}

/// A token that goes on in the next piece; only of those nobody is asked about, which need not be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    Nothing,
    Text,
    Number(Number),
}

impl Inside {
    fn code(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Text => 1,
            Self::Number(number) => 2 + number as u8,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Nothing),
            1 => Some(Self::Text),
            _ => Number::ALL.get(usize::from(code) - 2).copied().map(Self::Number),
        }
    }
}

const FIXED: usize = 20;
// The deepest nesting has room: a level of a nest takes less than one of the others.
const _: () = assert!(FIXED + DEEPEST as usize * Level::MOST_BYTES + 3 <= LARGEST);

impl Position {
    /// The beginning of a body in which the value of each document has this state.
    pub fn start(root: State) -> Self {
        Self {
            root,
            at: root,
            offset: 0,
            step: Step::Value,
            mode: Mode::Asking,
            inside: Inside::Nothing,
            is_owed: false,
            line: Line::First,
            has_word: false,
            levels: Vec::new(),
            nest: Nest::default(),
        }
    }

    /// The position as bytes, at most [`LARGEST`].
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FIXED + Level::MOST_BYTES * self.levels.len() + Nest::MOST_BYTES);
        out.extend(self.root.to_bits().to_le_bytes());
        out.extend(self.at.to_bits().to_le_bytes());
        out.extend(self.offset.to_le_bytes());
        out.extend([self.step.code(), self.mode.code(), self.inside.code(), self.line.code()]);
        out.extend([u8::from(self.is_owed), u8::from(self.has_word)]);
        out.extend((self.levels.len() as u16).to_le_bytes());
        for level in &self.levels {
            level.encode(&mut out);
        }
        self.nest.encode(&mut out);
        out
    }

    /// The position that was carried as these bytes; none for what [`encode`](Self::encode) does not write.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (fixed, mut rest) = bytes.split_first_chunk::<FIXED>()?;
        let [r0, r1, a0, a1, offset @ .., step, mode, inside, line, is_owed, has_word, l0, l1] = *fixed;
        let count = u16::from_le_bytes([l0, l1]);
        let levels = (0..count).map(|_| Level::decode(&mut rest)).collect::<Option<Vec<_>>>()?;
        let nest = Nest::decode(rest)?;
        (levels.len() + usize::from(nest.depth()) <= usize::from(DEEPEST)).then_some(())?;
        Some(Self {
            root: State::from_bits(u16::from_le_bytes([r0, r1])),
            at: State::from_bits(u16::from_le_bytes([a0, a1])),
            offset: u64::from_le_bytes(offset),
            step: Step::from_code(step)?,
            mode: Mode::from_code(mode)?,
            inside: Inside::from_code(inside)?,
            is_owed: is_owed != 0,
            line: Line::from_code(line)?,
            has_word: has_word != 0,
            levels,
            nest,
        })
    }

    /// Every state in it, for a guide to check that it knows them.
    pub fn states(&self) -> impl Iterator<Item = State> + '_ {
        [self.root, self.at].into_iter().chain(self.levels.iter().map(|level| level.state))
    }

    /// Whether nothing of a document has come but white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.step == Step::Value && self.mode == Mode::Asking && self.levels.is_empty()
    }

    /// Whether a document has come whole.
    pub(crate) fn is_complete(&self) -> bool {
        self.step == Step::End
    }

    /// Expect the next document.
    pub(crate) fn restart(&mut self) {
        self.at = self.root;
        self.step = Step::Value;
    }

    /// A value has come whole.
    #[inline]
    pub(crate) fn complete(&mut self) {
        self.step = if self.levels.is_empty() { Step::End } else { Step::After };
    }
}
