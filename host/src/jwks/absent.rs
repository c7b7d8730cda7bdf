//! What keys were looked for in vain, and which fetch has to tell whether they are there.

use std::collections::{HashMap, VecDeque};

/// Remembered at once: who makes up more makes the gateway ask again, at the pace of its cool-down.
const MOST: usize = 1024;

/// By a hash of the key's id, which is a stranger's word.
#[derive(Default)]
pub(super) struct Absent {
    needs: HashMap<u64, u64>,
    /// The oldest first.
    order: VecDeque<u64>,
}

impl Absent {
    /// The number of the fetch that tells.
    pub(super) fn needs(&self, wanted: u64) -> Option<u64> {
        self.needs.get(&wanted).copied()
    }

    pub(super) fn put(&mut self, wanted: u64, needs: u64) {
        if self.needs.insert(wanted, needs).is_some() {
            return;
        }
        self.order.push_back(wanted);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.needs.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_nothing_grows() {
        let mut absent = Absent::default();
        for wanted in 0..5_000 {
            absent.put(wanted, wanted);
            absent.put(wanted, wanted + 1);
        }
        assert_eq!((absent.needs.len(), absent.order.len()), (MOST, MOST));
        assert_eq!((absent.needs(0), absent.needs(4_999)), (None, Some(5_000)));
    }
}
