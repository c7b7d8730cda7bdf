//! Counts in this process's memory: exact over all its threads, and never more than so many of them.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hold::Hold;
use super::rule::{Count, Rule, Standing};
use super::{Demand, Outcome};

const SHARDS: usize = 16;
/// Counts looked at for the one that makes room for another.
const LOOKED_AT: usize = 8;

/// Where counts are kept.
#[derive(Debug)]
pub(crate) struct Table {
    /// Keyed at random: keys come from clients, who must not be able to make two of them meet, or aim at one shard.
    hashers: [RandomState; 2],
    shards: [Mutex<Shard>; SHARDS],
    most: AtomicUsize,
}

/// What stands for a rule's series and a key: as long as both hashes are secret, no two are alike.
pub(super) type Key = (u64, u64);

#[derive(Debug, Default)]
struct Shard {
    places: HashMap<Key, usize>,
    slots: Vec<Slot>,
    /// Where the search for room goes on.
    hand: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    key: Key,
    count: Count,
    /// From then on it is as good as none.
    end: u64,
}

impl Table {
    /// For at most so many counts, though never fewer than one in each of its parts.
    pub(crate) fn new(most: usize) -> Self {
        let hashers = [RandomState::new(), RandomState::new()];
        Self { hashers, shards: Default::default(), most: AtomicUsize::new(most) }
    }

    /// Fewer than there are removes none; from then on each new one takes the place of another.
    pub(crate) fn set_most(&self, most: usize) {
        self.most.store(most, Relaxed);
    }

    /// Take what is demanded, if there is room for all of it; else nothing.
    pub(crate) fn take(self: &Arc<Self>, now: u64, demands: &[Demand]) -> Outcome {
        let keys: Vec<Key> = demands.iter().map(|demand| self.key(demand)).collect();
        let mut shards = self.lock(&keys);
        let mut settled = Vec::with_capacity(demands.len());
        for (demand, key) in demands.iter().zip(&keys) {
            let count = shards.of(*key).and_then(|shard| shard.get(*key)).unwrap_or_default();
            let count = demand.rule.settle(count, now);
            settled.push((count, demand.rule.stand(count, now, demand.cost)));
        }
        if settled.iter().any(|(_, standing)| !standing.has_room) {
            return Outcome::new(settled.into_iter().map(|(_, standing)| standing).collect());
        }
        let most = self.most.load(Relaxed).div_ceil(SHARDS);
        let stand = |((demand, key), (count, _)): ((&Demand, &Key), (Count, Standing))| {
            let count = demand.rule.take(count, demand.cost);
            if demand.cost > 0
                && let Some(shard) = shards.of(*key)
            {
                shard.put(Slot { key: *key, count, end: demand.rule.end(count) }, now, most);
            }
            Standing { has_room: true, retry: Some(0), ..demand.rule.stand(count, now, 0) }
        };
        let standings = demands.iter().zip(&keys).zip(settled).map(stand).collect();
        drop(shards);
        let held = demands.iter().zip(&keys).filter(|(demand, _)| demand.rule.is_held() && demand.cost > 0);
        let held: Vec<_> = held.map(|(demand, key)| (*key, demand.cost)).collect();
        Outcome::new(standings).holding((!held.is_empty()).then(|| Hold::here(self.clone(), held)))
    }

    /// Give back what was held.
    pub(super) fn give_back(&self, held: &[(Key, u32)]) {
        for (key, cost) in held {
            let Some(shard) = self.shards.get(shard_of(*key)) else { continue };
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(slot) = shard.places.get(key).copied().and_then(|place| shard.slots.get_mut(place)) else {
                continue;
            };
            slot.count = Rule::give_back(slot.count, *cost);
            if slot.count.used == 0 {
                slot.end = 0;
            }
        }
    }

    /// Lock all shards of these keys, always in the same order, so that nobody waits for somebody who waits.
    fn lock(&self, keys: &[Key]) -> Locked<'_> {
        let mut locked = Locked::default();
        for (at, (place, shard)) in locked.0.iter_mut().zip(&self.shards).enumerate() {
            if keys.iter().any(|key| shard_of(*key) == at) {
                *place = Some(shard.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
        locked
    }

    fn key(&self, demand: &Demand) -> Key {
        let [one, other] = &self.hashers;
        let whole = (Rule::series(demand.rule), &*demand.key);
        (one.hash_one(whole), other.hash_one(whole))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().slots.len()).sum()
    }
}

/// Those shards that are wanted.
#[derive(Default)]
struct Locked<'a>([Option<MutexGuard<'a, Shard>>; SHARDS]);

impl Locked<'_> {
    fn of(&mut self, key: Key) -> Option<&mut Shard> {
        self.0.get_mut(shard_of(key)).and_then(Option::as_deref_mut)
    }
}

fn shard_of(key: Key) -> usize {
    key.1 as usize % SHARDS
}

impl Shard {
    fn get(&self, key: Key) -> Option<Count> {
        self.places.get(&key).and_then(|place| self.slots.get(*place)).map(|slot| slot.count)
    }

    fn put(&mut self, slot: Slot, now: u64, most: usize) {
        if let Some(known) = self.places.get(&slot.key).and_then(|place| self.slots.get_mut(*place)) {
            *known = slot;
            return;
        }
        let is_full = self.slots.len() >= most.max(1);
        let place = is_full.then(|| self.room(now)).flatten().unwrap_or(self.slots.len());
        match self.slots.get_mut(place) {
            Some(old) => drop(self.places.remove(&std::mem::replace(old, slot).key)),
            None => self.slots.push(slot),
        }
        self.places.insert(slot.key, place);
    }

    /// The place of a count that is over, or of the one that will be first among some: whoever floods the table with
    /// keys loses those soonest that matter least. None where all of these are held: they are no more than exchanges
    /// under way.
    fn room(&mut self, now: u64) -> Option<usize> {
        let mut best = (u64::MAX, None);
        for _ in 0..LOOKED_AT {
            let at = self.hand % self.slots.len().max(1);
            self.hand = at + 1;
            let end = self.slots.get(at).map_or(0, |slot| slot.end);
            if end <= now {
                return Some(at);
            }
            if end < best.0 {
                best = (end, Some(at));
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600_000;

    fn demand(key: &str, rule: Rule) -> Demand {
        Demand { key: key.as_bytes().into(), rule, cost: 1 }
    }

    fn fixed(amount: u32, period: u64) -> Rule {
        Rule::fixed(amount, period).unwrap()
    }

    #[test]
    fn nothing_is_taken_where_one_of_several_has_no_room() {
        let table = Arc::new(Table::new(1000));
        let (wide, narrow) = (fixed(10, 1000), fixed(1, 1000));
        assert!(table.take(NOW, &[demand("a", wide), demand("b", narrow)]).admits());
        let refused = table.take(NOW, &[demand("a", wide), demand("b", narrow)]);
        assert_eq!(refused.standings.iter().map(|standing| standing.has_room).collect::<Vec<_>>(), [true, false]);
        assert_eq!(table.take(NOW, &[demand("a", wide)]).standings[0].remaining, 8);
    }

    #[test]
    fn the_amount_may_change_and_what_was_counted_stays() {
        let table = Arc::new(Table::new(1000));
        let take = |amount| table.take(NOW, &[demand("a", fixed(amount, 1000))]);
        assert_eq!(take(5).standings[0].remaining, 4);
        assert_eq!(take(3).standings[0].remaining, 1);
        assert!(take(3).admits() && !take(3).admits());
        assert!(take(4).admits());
    }

    #[test]
    fn there_are_never_more_counts_than_may_be_and_the_longest_lasting_stays() {
        let table = Arc::new(Table::new(SHARDS * 4));
        assert!(table.take(NOW, &[demand("quota", Rule::monthly(2).unwrap())]).admits());
        for n in 0..10_000 {
            assert!(table.take(NOW, &[demand(&n.to_string(), fixed(1, 1000))]).admits());
        }
        assert_eq!(table.len(), SHARDS * 4);
        assert_eq!(table.take(NOW, &[demand("quota", Rule::monthly(2).unwrap())]).standings[0].remaining, 0);
    }

    #[test]
    fn what_is_over_makes_room_first() {
        let slot = |key, end| Slot { key: (key, 0), count: Count::default(), end };
        let mut shard = Shard::default();
        for (key, end) in [(1, NOW + 5), (2, NOW + 1), (3, NOW), (4, NOW + 2)] {
            shard.put(slot(key, end), NOW - 1, 4);
        }
        shard.put(slot(5, NOW + 9), NOW, 4);
        shard.put(slot(6, NOW + 9), NOW, 4);
        let there = [1, 2, 3, 4, 5, 6].map(|key| shard.get((key, 0)).is_some());
        assert_eq!(there, [true, false, false, true, true, true], "one that is over, then the next to be");
    }

    #[test]
    fn what_is_held_is_given_back_once_by_whoever_holds_it_last() {
        let table = Arc::new(Table::new(1000));
        let rule = Rule::concurrent(2, 1000).unwrap();
        let take = || table.take(NOW, &[demand("a", rule)]);
        let (first, second) = (take(), take());
        assert!(first.admits() && second.admits() && !take().admits());
        let again = first.clone();
        drop(first);
        assert!(!take().admits());
        drop(again);
        assert!(take().admits(), "and given back at once");
        assert_eq!(take().standings[0].remaining, 0);
        drop(second);
        assert_eq!(table.take(NOW, &[Demand { cost: 0, ..demand("a", rule) }]).standings[0].remaining, 2);
    }

    #[test]
    fn what_is_held_is_not_forgotten_for_others() {
        let table = Arc::new(Table::new(1));
        let rule = Rule::concurrent(1, 1000).unwrap();
        let held: Vec<_> = (0..200).map(|n| table.take(NOW, &[demand(&n.to_string(), rule)])).collect();
        for n in 0..200 {
            assert!(!table.take(NOW, &[demand(&n.to_string(), rule)]).admits(), "{n}");
        }
        drop(held);
        assert!(table.take(NOW, &[demand("7", rule)]).admits());
    }

    #[test]
    fn no_unit_is_given_twice_to_threads_that_ask_at_once() {
        let table = Arc::new(Table::new(1000));
        let admitted = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (table, admitted) = (&table, &admitted);
                scope.spawn(move || {
                    let (a, b) = (demand("a", fixed(1_000, 60_000)), demand("b", fixed(100_000, 60_000)));
                    // Some ask in the other order: nobody waits for ever.
                    let demands = if thread % 2 == 0 { [a, b] } else { [b, a] };
                    (0..1_000).for_each(|_| {
                        admitted.fetch_add(table.take(NOW, &demands).admits().into(), Relaxed);
                    });
                });
            }
        });
        assert_eq!(admitted.into_inner(), 1_000);
    }
}
