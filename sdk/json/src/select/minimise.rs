//! States that do the same are one.

use super::graph::NameId;
use super::subset::{ByIndex, Draft, DraftId};
use rustc_hash::FxHashMap;

/// How often classes are split, and so how deep states may differ: deeper than documents are described. What is not
/// finished by then keeps its states, but for the quiet ones.
const ROUNDS: usize = 32;

/// Which drafts are one, by the class of each. Class 0 is that of the quiet: where nothing is ever selected. The others
/// are in the order in which they are first met.
pub(super) fn classes(drafts: &[Draft]) -> Vec<u16> {
    let quiet = quiet(drafts);
    let start = split(drafts, |draft, at| (!is(&quiet, at)).then_some((&draft.rules, None::<usize>)));
    refined(drafts, start)
        .unwrap_or_else(|| split(drafts, |draft, at| (!is(&quiet, at)).then_some((&draft.rules, Some(at)))))
}

/// Splits classes until each does one thing (Moore's algorithm); none where that takes too many rounds.
fn refined(drafts: &[Draft], mut classes: Vec<u16>) -> Option<Vec<u16>> {
    for _ in 0..ROUNDS {
        let finer = split(drafts, |draft, at| {
            let class = classes.get(at).copied().unwrap_or_default();
            (class != 0).then(|| (class, behaviour(draft, &classes)))
        });
        // Classes are numbered as they are met: as many as before are the same as before.
        if finer == classes {
            return Some(classes);
        }
        classes = finer;
    }
    None
}

/// Where a state leads, told in classes.
fn behaviour(draft: &Draft, classes: &[u16]) -> (u16, ByIndex<u16>, Vec<(NameId, u16)>) {
    let class = |to: DraftId| classes.get(usize::from(to)).copied().unwrap_or_default();
    let others = class(draft.others);
    let names = draft.names.iter().map(|(name, to)| (*name, class(*to))).filter(|(_, to)| *to != others);
    (others, draft.items.map(class), names.collect())
}

/// One class for each key, numbered from 1 as they are met; 0 for those that have none.
fn split<'d, K: Eq + std::hash::Hash>(drafts: &'d [Draft], key: impl Fn(&'d Draft, usize) -> Option<K>) -> Vec<u16> {
    let mut known = FxHashMap::default();
    let mut next = 0u16;
    let mut class = |key: Option<K>| {
        key.map_or(0, |key| {
            *known.entry(key).or_insert_with(|| {
                next += 1;
                next
            })
        })
    };
    drafts.iter().enumerate().map(|(at, draft)| class(key(draft, at))).collect()
}

/// Which drafts never lead to a rule.
fn quiet(drafts: &[Draft]) -> Vec<bool> {
    let mut sources = vec![Vec::new(); drafts.len()];
    for (from, draft) in drafts.iter().enumerate() {
        let named = draft.names.iter().map(|(_, to)| *to);
        for to in named.chain([draft.others]).chain(draft.items.targets()) {
            if let Some(sources) = sources.get_mut(usize::from(to)) {
                sources.push(from);
            }
        }
    }
    let mut quiet = vec![true; drafts.len()];
    let selecting = drafts.iter().enumerate().filter(|(_, draft)| !draft.rules.is_empty());
    let mut loud: Vec<usize> = selecting.map(|(at, _)| at).collect();
    while let Some(at) = loud.pop() {
        if quiet.get_mut(at).is_some_and(|quiet| std::mem::replace(quiet, false)) {
            loud.extend(sources.get(at).into_iter().flatten());
        }
    }
    quiet
}

fn is(quiet: &[bool], at: usize) -> bool {
    quiet.get(at).copied().unwrap_or(true)
}
