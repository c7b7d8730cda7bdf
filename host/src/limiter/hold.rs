//! What is taken of limits on how many at once: held by an exchange, and given back when that is over.

use std::fmt;
use std::sync::Arc;

use super::shared::Shared;
use super::table::{Key, Table};

/// Given back when it is dropped.
pub(crate) struct Hold(Held);

enum Held {
    Here { table: Arc<Table>, held: Vec<(Key, u32)> },
    Shared { store: Arc<Shared>, members: Vec<Member> },
}

/// Something in a shared store that stands for one unit that is held: the place, and its name there.
pub(super) type Member = (String, String);

impl Hold {
    pub(super) fn here(table: Arc<Table>, held: Vec<(Key, u32)>) -> Self {
        Self(Held::Here { table, held })
    }

    pub(super) fn shared(store: Arc<Shared>, members: Vec<Member>) -> Self {
        Self(Held::Shared { store, members })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        match &mut self.0 {
            Held::Here { table, held } => table.give_back(held),
            Held::Shared { store, members } => store.give_back(std::mem::take(members)),
        }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Hold")
    }
}
