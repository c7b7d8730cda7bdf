//! Which target a request goes to.

use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;

use http::Request;

use super::lots;
use crate::config::{Balance, Weighted};

/// Chooses among the targets of one upstream, for one worker.
pub(super) struct Balancer {
    balance: Balance,
    weights: Vec<u32>,
    /// Of each target's URL, so that a target keeps its keys whatever its place is.
    identities: Vec<u64>,
    /// How far each target is behind its share.
    credit: RefCell<Vec<i64>>,
    /// Requests under way, by target; empty where nobody asks.
    busy: Vec<Rc<Cell<u32>>>,
    random: Cell<u64>,
}

/// A request under way; counted while it lives.
pub(super) struct Load(Rc<Cell<u32>>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Balancer {
    pub(super) fn new(balance: &Balance, targets: &[Weighted]) -> Self {
        let counted = if *balance == Balance::LeastRequests { targets.len() } else { 0 };
        Self {
            balance: balance.clone(),
            weights: targets.iter().map(|target| target.weight).collect(),
            identities: targets.iter().map(|target| lots::hash(target.target.to_string().as_bytes())).collect(),
            credit: RefCell::new(vec![0; targets.len()]),
            busy: (0..counted).map(|_| Rc::default()).collect(),
            // Workers that count alike would crowd together.
            random: Cell::new(getrandom::u64().unwrap_or(1) | 1),
        }
    }

    /// What decides where a request goes, if anything in it does.
    pub(super) fn key<B>(&self, request: &Request<B>, client: Option<IpAddr>) -> Option<u64> {
        let Balance::Hash(key) = &self.balance else { return None };
        lots::key(key, request.headers(), request.uri().path(), client)
    }

    /// One of the targets that `may` be asked; none if there is none.
    pub(super) fn pick(&self, key: Option<u64>, may: impl Fn(usize) -> bool) -> Option<usize> {
        let open = |at: &usize| self.weights.get(*at).is_some_and(|weight| *weight > 0) && may(*at);
        match (&self.balance, key) {
            (Balance::Hash(_), Some(key)) => self.by_hash(key, open),
            (Balance::LeastRequests, _) => self.less_busy(open),
            // Without what is hashed, any will do.
            (Balance::RoundRobin | Balance::Hash(_), _) => self.in_turn(open),
        }
    }

    /// Count a request as under way, where that is asked for.
    pub(super) fn load(&self, target: usize) -> Option<Load> {
        let busy = self.busy.get(target)?;
        busy.set(busy.get() + 1);
        Some(Load(busy.clone()))
    }

    /// Each open target earns its weight, and the richest pays for all: the turns of a target lie apart from each
    /// other.
    fn in_turn(&self, open: impl Fn(&usize) -> bool) -> Option<usize> {
        let mut credit = self.credit.borrow_mut();
        let mut total = 0;
        let mut richest: Option<(usize, i64)> = None;
        for (at, (credit, weight)) in credit.iter_mut().zip(&self.weights).enumerate() {
            if !open(&at) {
                continue;
            }
            let weight = i64::from(*weight);
            total += weight;
            *credit += weight;
            if richest.is_none_or(|(_, most)| *credit > most) {
                richest = Some((at, *credit));
            }
        }
        let (at, _) = richest?;
        *credit.get_mut(at)? -= total;
        Some(at)
    }

    /// Of two that weights and chance choose, the one with fewer requests for its weight; the first where that is the
    /// same, so that idle targets take their shares too.
    fn less_busy(&self, open: impl Fn(&usize) -> bool) -> Option<usize> {
        let first = self.by_chance(&open)?;
        let Some(second) = self.by_chance(|at| *at != first && open(at)) else { return Some(first) };
        let load = |at: usize, other: usize| {
            let busy = self.busy.get(at).map_or(0, |busy| busy.get());
            // Compared crosswise, so that nothing is divided.
            u64::from(busy) * u64::from(self.weights.get(other).copied().unwrap_or(1))
        };
        Some(if load(second, first) < load(first, second) { second } else { first })
    }

    fn by_chance(&self, open: impl Fn(&usize) -> bool) -> Option<usize> {
        let weights = || self.weights.iter().enumerate().filter(|(at, _)| open(at));
        let mut lot = self.random_below(weights().map(|(_, weight)| u64::from(*weight)).sum());
        let drawn = weights().find(|(_, weight)| match lot.checked_sub(u64::from(**weight)) {
            Some(rest) => {
                lot = rest;
                false
            }
            None => true,
        });
        drawn.map(|(at, _)| at)
    }

    fn by_hash(&self, key: u64, open: impl Fn(&usize) -> bool) -> Option<usize> {
        let lots = self.identities.iter().zip(&self.weights).enumerate().filter(|(at, _)| open(at));
        lots::winner(key, lots.map(|(at, (identity, weight))| (at, *identity, *weight)))
    }

    /// Xorshift: which of two targets is compared with which is no secret.
    fn random_below(&self, bound: u64) -> u64 {
        let mut state = self.random.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.random.set(state);
        state % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::HashKey;

    fn targets(weights: &[u32]) -> Vec<Weighted> {
        let target = |(at, weight): (usize, &u32)| Weighted {
            target: format!("http://10.0.0.{}:80", at + 1).parse().unwrap(),
            weight: *weight,
        };
        weights.iter().enumerate().map(target).collect()
    }

    fn counts(balancer: &Balancer, picks: usize, may: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut counts = vec![0; balancer.weights.len()];
        for _ in 0..picks {
            counts[balancer.pick(None, &may).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn turns_are_taken_by_weight_and_lie_apart() {
        let balancer = Balancer::new(&Balance::RoundRobin, &targets(&[5, 1, 1, 0]));
        let order: Vec<_> = (0..7).map(|_| balancer.pick(None, |_| true).unwrap()).collect();
        assert_eq!(order, [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(counts(&balancer, 700, |_| true), [500, 100, 100, 0]);
        assert_eq!(counts(&balancer, 60, |at| at != 0)[0], 0);
    }

    #[test]
    fn no_target_is_picked_where_none_may_be() {
        for balance in ["round-robin", "least-requests", "hash:client"] {
            let balancer = Balancer::new(&balance.parse().unwrap(), &targets(&[1, 0]));
            assert_eq!(balancer.pick(Some(1), |_| false), None, "{balance}");
            assert_eq!(balancer.pick(Some(1), |at| at == 1), None, "{balance}: it has no weight");
            assert_eq!(balancer.pick(Some(1), |_| true), Some(0), "{balance}");
        }
    }

    #[test]
    fn the_busier_of_two_is_spared() {
        let balancer = Balancer::new(&Balance::LeastRequests, &targets(&[1, 1]));
        let _busy: Vec<_> = (0..3).map(|_| balancer.load(0)).collect();
        assert_eq!(counts(&balancer, 50, |_| true), [0, 50]);
        let idle: Vec<_> = (0..9).map(|_| balancer.load(1)).collect();
        assert_eq!(counts(&balancer, 50, |_| true), [50, 0]);
        drop(idle);
        assert_eq!(counts(&balancer, 50, |_| true), [0, 50]);
    }

    #[test]
    fn targets_that_are_idle_take_their_shares_too() {
        let balancer = Balancer::new(&Balance::LeastRequests, &targets(&[1, 3, 0, 4]));
        let counts = counts(&balancer, 8_000, |_| true);
        let near = |at: usize, share: usize| counts[at].abs_diff(share) < 200;
        assert!(near(0, 1_000) && near(1, 3_000) && counts[2] == 0 && near(3, 4_000), "{counts:?}");
    }

    #[test]
    fn keys_are_spread_by_weight() {
        let balancer = Balancer::new(&Balance::Hash(HashKey::Client), &targets(&[3, 1]));
        let first =
            (0..10_000_u64).filter(|key| balancer.pick(Some(lots::hash(&key.to_le_bytes())), |_| true) == Some(0));
        let first = first.count();
        assert!((7_300..7_700).contains(&first), "{first} of 10000");
    }

    proptest! {
        #[test]
        fn a_key_moves_only_when_its_target_goes(keys in prop::collection::vec(any::<u64>(), 1..50), gone in 0..8_usize) {
            let balancer = Balancer::new(&Balance::Hash(HashKey::Client), &targets(&[1; 8]));
            for key in keys {
                let before = balancer.pick(Some(key), |_| true).unwrap();
                let after = balancer.pick(Some(key), |at| at != gone).unwrap();
                if before == gone {
                    prop_assert_ne!(after, gone);
                } else {
                    prop_assert_eq!(after, before);
                }
            }
        }

        #[test]
        fn nobody_is_starved_by_turns(weights in prop::collection::vec(1..20_u32, 1..6)) {
            let balancer = Balancer::new(&Balance::RoundRobin, &targets(&weights));
            let total: u32 = weights.iter().sum();
            let counts = counts(&balancer, total as usize, |_| true);
            let expected: Vec<_> = weights.iter().map(|weight| *weight as usize).collect();
            prop_assert_eq!(counts, expected);
        }
    }
}
