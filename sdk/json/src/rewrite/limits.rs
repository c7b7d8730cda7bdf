//! How much a rewriter takes, and keeps.

/// Deepest nesting a [`Position`](super::Position) has room for.
pub const DEEPEST: u16 = 500;
/// Longest name or value that is looked at.
pub const LONGEST: u16 = 24 * 1024;
/// White space after a comma that is held with it; where more follows, the comma moves behind it.
pub(crate) const WHITE: usize = 1024;

/// What a rewriter refuses as too much, and what it looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub(crate) depth: u16,
    pub(crate) name: u16,
    pub(crate) value: u16,
}

/// Which limit a document is beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Nesting of objects and arrays.
    Depth,
    /// Bytes of the name of a member.
    Name,
}

impl Limits {
    /// `depth` is the deepest nesting, up to [`DEEPEST`]. `name` and `value` are the most bytes, up to [`LONGEST`], of a name
    /// and of a string or number that is looked at, as they stand between the quotation marks. What nobody looks at may be
    /// of any length. None where one of them is beyond what there is room for.
    pub const fn new(depth: u16, name: u16, value: u16) -> Option<Self> {
        if depth > DEEPEST || name > LONGEST || value > LONGEST {
            return None;
        }
        Some(Self { depth, name, value })
    }

    /// The most bytes that are ever held: a comma, white space, and a name or value up to the byte that shows it as too
    /// long.
    pub const fn held(&self) -> usize {
        let longest = if self.name > self.value { self.name } else { self.value };
        1 + WHITE + 2 + longest as usize
    }
}

impl Default for Limits {
    /// A depth of 128, names of 1 KiB, values of 16 KiB.
    fn default() -> Self {
        Self { depth: 128, name: 1024, value: 16 * 1024 }
    }
}
