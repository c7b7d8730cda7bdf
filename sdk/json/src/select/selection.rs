//! The automaton that follows a document and knows what is selected.

use super::State;
use super::minimise;
use super::subset::{ByIndex, Draft, DraftId, Rules};
use super::table::Tables;
use rustc_hash::FxHashMap;
use std::hash::Hash;

/// What is selected in documents of several kinds: an automaton that follows a document by the names of its members and
/// the indices of its items.
///
/// The same parts in the same order make the same automaton, state by state, so that what one instance has carried is
/// understood by another.
#[derive(Clone, Debug)]
pub struct Selection {
    /// First those that are even, then others that no rule selects, then all else.
    places: Box<[Place]>,
    even: u16,
    plain: u16,
    roots: Box<[State]>,
    tables: Tables,
    arrays: Box<[ByIndex<State>]>,
    rules: Box<[Rules]>,
}

/// What a state is, mostly by what it shares with others.
#[derive(Clone, Copy, Debug)]
struct Place {
    table: u16,
    others: State,
    array: u16,
    rules: u16,
}

impl Selection {
    /// Where a document of the kind stands as a whole; none if there is no such kind.
    pub fn root(&self, entry: usize) -> Option<State> {
        self.roots.get(entry).copied()
    }

    /// Where a member of an object leads; its name is given as it reads, with no escapes.
    #[inline]
    pub fn member(&self, at: State, name: &str) -> State {
        let Some(place) = self.place(at) else { return State::QUIET };
        self.tables.to(place.table, name).unwrap_or(place.others)
    }

    /// Where an item of an array leads. The index stops at `u32::MAX`.
    #[inline]
    pub fn item(&self, at: State, index: u32) -> State {
        match self.array(at) {
            Some(ByIndex::Same(to)) => *to,
            Some(by) => by.to(index).unwrap_or(State::QUIET),
            None => State::QUIET,
        }
    }

    /// Whether nothing is selected, neither here nor inside.
    #[inline]
    pub fn is_quiet(&self, at: State) -> bool {
        at == State::QUIET
    }

    /// Whether no rule selects the value.
    #[inline]
    pub fn is_plain(&self, at: State) -> bool {
        at.to_bits() < self.plain
    }

    /// Whether no rule selects the value, and members and items inside have its state again, but for members by some names.
    #[inline]
    pub fn is_even(&self, at: State) -> bool {
        at.to_bits() < self.even
    }

    /// The rules that select the value, ascending and without repeats.
    #[inline]
    pub fn rules(&self, at: State) -> &[u16] {
        self.rules_of(at).map_or(&[], |rules| &rules.of_all)
    }

    /// The rules that select the value only if it is not an object or array: those of allow-lists, on the way to what
    /// they allow. Ascending and without repeats; none of them is in `rules`.
    #[inline]
    pub fn scalar_rules(&self, at: State) -> &[u16] {
        self.rules_of(at).map_or(&[], |rules| &rules.of_scalars)
    }

    /// Whether the state carried as these bits is one of this selection.
    pub fn contains(&self, bits: u16) -> bool {
        usize::from(bits) < self.places.len()
    }

    /// How many states there are.
    pub fn states(&self) -> usize {
        self.places.len()
    }

    /// How many bytes of memory the states take, with the names that lead from one to the next.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.places) + size_of_val(&*self.roots) + self.tables.bytes()
    }

    fn place(&self, at: State) -> Option<&Place> {
        self.places.get(usize::from(at.to_bits()))
    }

    fn array(&self, at: State) -> Option<&ByIndex<State>> {
        self.arrays.get(usize::from(self.place(at)?.array))
    }

    fn rules_of(&self, at: State) -> Option<&Rules> {
        self.rules.get(usize::from(self.place(at)?.rules))
    }

    /// The drafts without those that do the same as others.
    pub(super) fn new(names: &[Box<str>], drafts: &[Draft], starts: &[DraftId]) -> Self {
        let classes = minimise::classes(drafts);
        let class = |draft: DraftId| classes.get(usize::from(draft)).copied().unwrap_or_default();
        let quiet = Draft::default();
        let mut firsts = vec![&quiet];
        for (draft, class) in drafts.iter().zip(&classes) {
            if usize::from(*class) == firsts.len() {
                firsts.push(draft);
            }
        }
        let is_plain = |draft: &Draft| draft.rules.is_empty();
        let is_even = |at: u16, draft: &Draft| {
            is_plain(draft) && class(draft.others) == at && draft.items.map(class) == ByIndex::Same(at)
        };
        let (even, others): (Vec<_>, Vec<_>) = (0..).zip(firsts).partition(|(at, draft)| is_even(*at, draft));
        let (plain, selecting): (Vec<_>, Vec<_>) = others.into_iter().partition(|(_, draft)| is_plain(draft));
        let (count, plains) = (narrow(even.len()), narrow(even.len() + plain.len()));
        let ordered = [even, plain, selecting].concat();
        let mut numbers = vec![State::QUIET; ordered.len()];
        for (number, (class, _)) in (0..).zip(&ordered) {
            if let Some(place) = numbers.get_mut(usize::from(*class)) {
                *place = State::from_bits(number);
            }
        }
        let state = |draft: DraftId| numbers.get(usize::from(class(draft))).copied().unwrap_or_default();
        let (mut tables, mut arrays, mut rules) = (Pool::default(), Pool::default(), Pool::default());
        let place = |(_, draft): (u16, &Draft)| {
            let others = state(draft.others);
            let edges = draft.names.iter().map(|(name, to)| (*name, state(*to))).filter(|(_, to)| *to != others);
            Place {
                table: tables.id(edges.collect()),
                others,
                array: arrays.id(draft.items.map(state)),
                rules: rules.id(draft.rules.clone()),
            }
        };
        let places: Vec<Place> = ordered.into_iter().map(place).collect();
        Self {
            places: places.into(),
            even: count,
            plain: plains,
            roots: starts.iter().map(|start| state(*start)).collect(),
            tables: Tables::new(names, &tables.all),
            arrays: arrays.all.into(),
            rules: rules.all.into(),
        }
    }
}

fn narrow(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// Things that are kept once, however often they are needed; never more than there are states.
struct Pool<T> {
    all: Vec<T>,
    known: FxHashMap<T, u16>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { all: Vec::new(), known: FxHashMap::default() }
    }
}

impl<T: Clone + Eq + Hash> Pool<T> {
    fn id(&mut self, thing: T) -> u16 {
        let next = narrow(self.all.len());
        *self.known.entry(thing).or_insert_with_key(|thing| {
            self.all.push(thing.clone());
            next
        })
    }
}
