//! Where in a selection a value stands.

/// Where in a selection a value stands: cheap to copy, and small enough to be carried from one call to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct State(u16);

impl State {
    /// Where nothing is selected, neither here nor inside.
    pub const QUIET: Self = Self(0);

    /// The state as bits to carry.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The state carried as `bits`. Whether the selection knows it is for `Selection::contains` to say.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}
