//! What a rewriter asks as it goes.

use crate::select::State;

/// Says of each value of a document what is to become of it.
///
/// A guide follows the document by states, of which it alone knows the meaning. What it answers about a state has to be
/// the same at all times: a document is read in pieces, and the same question may be put again.
pub trait Guide {
    /// The state of a member of an object whose state is `at`. Escapes of the name are undone, and what is no character
    /// (a lone surrogate) is U+FFFD.
    fn member(&self, at: State, name: &str) -> State;

    /// The state of an item of an array whose state is `at`. Items that were removed count; the index saturates.
    fn item(&self, at: State, index: u32) -> State;

    /// Whether nothing is to be done with the value or anything below it. It is then read for its grammar alone, without
    /// asking about its members and items.
    fn is_quiet(&self, at: State) -> bool;

    /// Whether every member and item inside a value has its very state and stays, but for members by some names. Where such a
    /// value is an object or array, it is read faster.
    fn is_even(&self, _at: State) -> bool {
        false
    }

    /// What is to become of a value.
    fn treatment(&self, at: State) -> Treatment;

    /// A value has been taken, by [`Treatment::Remove`] or [`Treatment::Null`]: told once of each, to be counted.
    fn took(&mut self, _at: State) {}

    /// What is put in the place of a scalar whose treatment is [`Treatment::Rewrite`], or of one that should be looked at
    /// and is too long for that ([`Scalar::TooLong`]).
    fn rewrite(&mut self, at: State, value: Scalar<'_>) -> Replacement;

    /// Whether texts and numbers nobody selected, and names of members, are looked at. Nothing is quiet then.
    fn inspects(&self) -> bool {
        false
    }

    /// What is put in the place of a text nobody selected, of a number as it stands, or of the name of a member. A name becomes empty where `Null`
    /// is the answer.
    fn inspect(&mut self, _text: &str) -> Replacement {
        Replacement::Keep
    }
}

/// What is to become of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It stays, and so does what is below it unless its own treatment says otherwise.
    Keep,
    /// It goes, with its name and comma. The value of a whole document becomes `null`.
    Remove,
    /// `null` takes its place.
    Null,
    /// [`Guide::rewrite`] says what takes the place of a scalar that is not `null`. Objects and arrays are as under `Keep`.
    Rewrite,
    /// The document is not to go on.
    Block,
    /// A text is JSON itself, an object or an array, and is rewritten as that, its value having this state. One that is
    /// not is given to [`Guide::rewrite`], and so are numbers and booleans. Objects and arrays are as under `Keep`.
    Embedded,
}

/// A value to rewrite; it does not print itself, since it is what nobody is to see.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A string, with its escapes undone; what is no character (a lone surrogate) is U+FFFD.
    Text(&'a str),
    /// A number as it stands.
    Number(&'a str),
    /// A boolean.
    Bool(bool),
    /// A string or number that is longer than [`Limits::value`](super::Limits) and has not been read.
    TooLong,
}

/// What is put in the place of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Nothing: it stays, byte for byte.
    Keep,
    /// `null`.
    Null,
    /// A string of this text.
    Text(String),
    /// A number that is written so, which the guide answers for (RFC 8259 section 6). In the place of a name, a text.
    Number(String),
    /// The document is not to go on.
    Block,
}
