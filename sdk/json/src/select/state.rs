//! Where in a selection a value stands.

/// A state of the automaton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State(u16);

impl State {
    /// The state as it is carried.
    pub const fn to_bits(self) -> u16 {
        self.0
    }

    /// The state that was carried as these bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}
