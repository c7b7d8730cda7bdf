//! Where the members of an object lead, by their name.

use super::State;
use super::graph::NameId;

/// The names that all tables share.
#[derive(Clone, Debug)]
pub(super) struct Names {
    text: Box<str>,
    /// Where each name ends, and the next begins.
    ends: Box<[u32]>,
}

impl Names {
    pub(super) fn new(names: &[Box<str>]) -> Self {
        let mut text = String::with_capacity(names.iter().map(|name| name.len()).sum());
        let mut ends = Vec::with_capacity(names.len());
        for name in names {
            text.push_str(name);
            ends.push(u32::try_from(text.len()).unwrap_or(u32::MAX));
        }
        Self { text: text.into(), ends: ends.into() }
    }

    fn get(&self, name: NameId) -> Option<&str> {
        let at = usize::from(name);
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.text.get(start as usize..*self.ends.get(at)? as usize)
    }

    fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&*self.ends)
    }
}

/// All tables of names, each a part of one list of slots, in which a name is looked for from where its hash points to.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    names: Names,
    tables: Box<[Table]>,
    slots: Box<[Slot]>,
}

/// The names of one state.
#[derive(Clone, Copy, Debug)]
struct Table {
    /// Which lengths and which first bytes its names have.
    filter: u64,
    /// Its slots: from here on, a power of two and never all taken.
    start: u32,
    mask: u16,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// What of the hash does not say where it is.
    mark: u16,
    name: NameId,
    to: State,
}

/// The name of a slot that is free.
const FREE: NameId = NameId::MAX;

impl Tables {
    pub(super) fn new(names: &[Box<str>], edges: &[Box<[(NameId, State)]>]) -> Self {
        let names = Names::new(names);
        let mut slots = Vec::new();
        let tables = edges.iter().map(|edges| Table::new(&names, edges, &mut slots)).collect();
        Self { names, tables, slots: slots.into() }
    }

    /// Where the member leads by its name; none if the table does not have it.
    #[inline]
    pub(super) fn to(&self, table: u16, name: &str) -> Option<State> {
        let table = self.tables.get(usize::from(table))?;
        let wanted = filter(name);
        if table.filter & wanted != wanted {
            return None;
        }
        self.found(table, name)
    }

    fn found(&self, table: &Table, name: &str) -> Option<State> {
        let slots = self.slots.get(table.start as usize..)?.get(..=usize::from(table.mask))?;
        let hash = Hash::of(name);
        let mut at = hash.slot & table.mask;
        loop {
            let slot = slots.get(usize::from(at))?;
            if slot.name == FREE {
                return None;
            }
            if slot.mark == hash.mark && self.names.get(slot.name) == Some(name) {
                return Some(slot.to);
            }
            at = (at + 1) & table.mask;
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.names.bytes() + size_of_val(&*self.tables) + size_of_val(&*self.slots)
    }
}

impl Table {
    fn new(names: &Names, edges: &[(NameId, State)], all: &mut Vec<Slot>) -> Self {
        let start = all.len();
        // At most four of five are taken, so that what is looked for in vain ends soon.
        let size = (edges.len() + edges.len() / 4 + 1).next_power_of_two();
        all.resize(start + size, Slot { mark: 0, name: FREE, to: State::QUIET });
        let mask = u16::try_from(size - 1).unwrap_or(u16::MAX);
        let mut table = Self { filter: 0, start: u32::try_from(start).unwrap_or(u32::MAX), mask };
        for (id, to) in edges {
            let name = names.get(*id).unwrap_or_default();
            table.filter |= filter(name);
            let hash = Hash::of(name);
            let free = (0..size).map(|step| start + (usize::from(hash.slot) + step) % size);
            let free = free.filter_map(|at| all.get(at).map(|slot| (at, slot))).find(|(_, slot)| slot.name == FREE);
            if let Some((at, _)) = free
                && let Some(slot) = all.get_mut(at)
            {
                *slot = Slot { mark: hash.mark, name: *id, to: *to };
            }
        }
        table
    }
}

/// One bit for the length of the name and one for its first byte.
#[inline]
fn filter(name: &str) -> u64 {
    let length = name.len().min(31);
    let first = name.bytes().next().unwrap_or_default() & 31;
    1 << length | 1 << 32 << first
}

/// Where a name is looked for, and by what it is known there. Who sends names cannot make this slow: only the names of
/// the operator are in the tables.
struct Hash {
    slot: u16,
    mark: u16,
}

impl Hash {
    #[inline]
    fn of(name: &str) -> Self {
        // An odd number without a pattern: the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        let (words, rest) = name.as_bytes().as_chunks::<8>();
        let last = rest.iter().fold(name.len() as u64, |last, byte| last << 8 | u64::from(*byte));
        let words = words.iter().map(|word| u64::from_le_bytes(*word)).chain([last]);
        let hash = words.fold(0u64, |hash, word| (hash.rotate_left(29) ^ word).wrapping_mul(SPREAD));
        let [a, b, c, d, ..] = hash.to_be_bytes();
        Self { slot: u16::from_be_bytes([a, b]), mark: u16::from_be_bytes([c, d]) }
    }
}
