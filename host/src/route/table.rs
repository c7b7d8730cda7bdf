//! The paths of every host, and the order in which hosts are asked.

use std::collections::HashMap;

use super::host::{HostPattern, Kind};
use super::pattern::PathPattern;
use super::trie::{Slot, Trie};

/// One tree of paths per host pattern.
#[derive(Debug, Default)]
pub(super) struct Table {
    exact: HashMap<Box<str>, Trie>,
    /// By what follows `*.`.
    below: HashMap<Box<str>, Trie>,
    any: Trie,
}

impl Table {
    /// Where routes of this host and path shape stand, made when missing.
    pub(super) fn slot(&mut self, host: Option<&HostPattern>, path: &PathPattern) -> &mut Slot {
        let trie = match host.map(HostPattern::kind) {
            None => &mut self.any,
            Some(Kind::Exact(name)) => self.exact.entry(name.clone()).or_default(),
            Some(Kind::Below(suffix)) => self.below.entry(suffix.clone()).or_default(),
        };
        trie.slot(path)
    }

    /// Show the slots that cover host and path to `visit`, the more specific first, until it answers.
    pub(super) fn walk<'a, R>(
        &'a self,
        host: &str,
        path: &str,
        visit: &mut impl FnMut(&'a Slot) -> Option<R>,
    ) -> Option<R> {
        let exact = self.exact.get(host).into_iter();
        let below = suffixes(host).take_while(|_| !self.below.is_empty());
        let tries = exact.chain(below.filter_map(|suffix| self.below.get(suffix)));
        tries.chain([&self.any]).find_map(|trie| trie.walk(path, visit))
    }
}

/// What follows each dot that has something before it, the longest first.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    let dots = host.match_indices('.').filter(|&(at, _)| at > 0);
    dots.map(|(at, _)| &host[at + 1..])
}
