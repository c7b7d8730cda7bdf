//! Property tests: each rule admits what a list of all that was admitted before says it must, and each store says the
//! same.

use std::process::Stdio;
use std::sync::Arc;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo};
use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::UnixStream;

use super::rule::Rule;
use super::table::Table;
use super::{Demand, calendar, redis};

/// What is asked for, and how long after what was asked for before.
type Step = (u64, u32);

fn rule() -> impl Strategy<Value = Rule> {
    let amount = prop_oneof![8 => 1..20_u32, 1 => Just(u32::MAX / 1000)];
    let period = prop_oneof![8 => 1..50_u64, 4 => Just(1000), 4 => Just(60_000), 1 => Just(1_000_000_000)];
    prop_oneof![
        (amount.clone(), period.clone(), 1..30u32).prop_map(|(a, p, b)| Rule::bucket(a, p, b).unwrap()),
        (amount.clone(), period.clone()).prop_map(|(a, p)| Rule::fixed(a, p).unwrap()),
        (amount.clone(), period).prop_map(|(a, p)| Rule::sliding(a, p).unwrap()),
        amount.prop_map(|a| Rule::monthly(a).unwrap()),
    ]
}

/// Units, sometimes more than there can ever be.
fn cost() -> impl Strategy<Value = u32> {
    prop_oneof![20 => 0..4_u32, 1 => Just(u32::MAX), 1 => Just(142_857_143)]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let wait = prop_oneof![4 => 0..20u64, 2 => 0..2_000u64, 1 => 0..200_000u64, 1 => 0..4_000_000_000u64];
    prop::collection::vec((wait, cost()), 1..150)
}

/// Whether there is room, and what remains before, by going through the whole list.
pub(super) fn judge(rule: Rule, admitted: &[(u64, u32)], now: u64) -> u64 {
    let within = |begin: u64, end: u64| -> u64 {
        let counts = admitted.iter().filter(|(at, _)| (begin..end).contains(at));
        counts.map(|(_, cost)| u64::from(*cost)).sum()
    };
    match rule {
        Rule::Bucket { amount, period, burst } => {
            // In parts of a token, as small as one that comes in a millisecond is large in periods.
            let (amount, period, burst) = (u128::from(amount.get()), u128::from(period.get()), u128::from(burst.get()));
            let (mut lies, mut since) = (burst * period, 0);
            for (at, cost) in admitted.iter().chain([&(now, 0)]) {
                lies = (lies + u128::from(at - since) * amount).min(burst * period);
                since = *at;
                lies -= u128::from(*cost) * period;
            }
            u64::try_from(lies / period).unwrap()
        }
        Rule::Fixed { amount, period } => {
            let begin = now / period.get() * period.get();
            u64::from(amount.get()).saturating_sub(within(begin, begin + period.get()))
        }
        Rule::Monthly { amount } => {
            let (begin, end) = calendar::month(now);
            u64::from(amount.get()).saturating_sub(within(begin, end))
        }
        Rule::Concurrent { .. } => unreachable!("is held, not counted"),
        Rule::Sliding { amount, period } => {
            let (amount, period) = (u64::from(amount.get()), period.get());
            let begin = now / period * period;
            let before = begin.checked_sub(period).map_or(0, |earlier| within(earlier, begin)).min(amount);
            let left = begin + period - now;
            let weighs = (u128::from(before) * u128::from(left)).div_ceil(u128::from(period));
            amount.saturating_sub(within(begin, begin + period) + u64::try_from(weighs).unwrap())
        }
    }
}

proptest! {
    #[test]
    fn a_rule_admits_what_the_list_of_all_before_says(rule in rule(), start in 0..4_000_000_000_000u64, steps in steps()) {
        let table = Arc::new(Table::new(100));
        let (mut now, mut admitted) = (start, Vec::new());
        for (wait, cost) in steps {
            now += wait;
            let room = judge(rule, &admitted, now);
            let outcome = table.take(now, &[Demand { key: b"k"[..].into(), rule, cost }]);
            let standing = outcome.standings[0];
            prop_assert_eq!(standing.has_room, u64::from(cost) <= room, "{:?} at {}", rule, now);
            if standing.has_room {
                admitted.push((now, cost));
                prop_assert_eq!(standing.remaining, room - u64::from(cost));
            } else if let Some(retry) = standing.retry {
                // There is room as soon as that is said, and not before.
                prop_assert!(u64::from(cost) <= judge(rule, &admitted, now + retry), "{:?} {}", rule, retry);
                prop_assert!(u64::from(cost) > judge(rule, &admitted, now + retry - 1), "{:?} {}", rule, retry);
            } else {
                prop_assert!(u64::from(cost) > judge(rule, &[], now));
            }
        }
    }
}

/// A server of its own for a test, at a socket in a folder of its own.
struct Server {
    _process: tokio::process::Child,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut process = tokio::process::Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--unixsocket"])
            .arg(folder.path().join("socket"))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("redis-server is not installed");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("The server is now ready") {
                return Self { _process: process, folder };
            }
        }
        panic!("redis-server ended: {:?}", process.wait().await);
    }

    async fn connect(&self) -> MultiplexedConnection {
        let stream = UnixStream::connect(self.folder.path().join("socket")).await.unwrap();
        let (connection, driver) = MultiplexedConnection::new_with_config(
            &RedisConnectionInfo::default(),
            stream,
            AsyncConnectionConfig::new(),
        )
        .await
        .unwrap();
        tokio::spawn(driver);
        connection
    }
}

/// What is asked for by clocks that do not agree, and may be set back.
fn swings() -> impl Strategy<Value = Vec<(i64, u32)>> {
    let wait =
        prop_oneof![8 => 0..2_000_i64, 2 => -100..100_i64, 1 => -200_000..200_000_i64, 1 => 0..4_000_000_000_i64];
    prop::collection::vec((wait, cost()), 1..150)
}

#[test]
fn a_server_says_what_memory_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start());
    let connection = runtime.block_on(server.connect());
    let space = std::cell::Cell::new(0);
    let both = (prop::collection::vec(rule(), 1..4), 1_000_000_000_000..4_000_000_000_000u64, swings());
    proptest!(ProptestConfig::with_cases(100), |((rules, start, steps) in both)| {
        // Each case has counts of its own.
        space.set(space.get() + 1);
        let (table, mut now) = (Arc::new(Table::new(1000)), start);
        for (wait, cost) in steps {
            now = now.saturating_add_signed(wait);
            let demand = |(n, rule): (usize, &Rule)| Demand { key: [n as u8].into(), rule: *rule, cost };
            let demands: Vec<_> = rules.iter().enumerate().map(demand).collect();
            let said = runtime.block_on(redis::take(&mut connection.clone(), &space.get().to_string(), &demands, "", redis::Time::Told(now)));
            prop_assert_eq!(said.unwrap().standings, table.take(now, &demands).standings, "{:?} at {}", demands, now);
        }
    });
}

#[test]
fn a_server_knows_what_is_held_as_memory_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start());
    let connection = runtime.block_on(server.connect());
    let space = std::cell::Cell::new(0);
    // What is taken, and which of those that are held is given back before.
    let step = (0..4_u32, prop::option::of(0..8_usize));
    proptest!(ProptestConfig::with_cases(50), |(most in 1..9_u32, steps in prop::collection::vec(step, 1..60))| {
        space.set(space.get() + 1);
        let (table, space, mut held) = (Arc::new(Table::new(1000)), space.get().to_string(), Vec::<(_, Vec<_>)>::new());
        let rule = Rule::concurrent(most, 1_000_000).unwrap();
        for (n, (cost, given)) in steps.into_iter().enumerate() {
            let mut connection = connection.clone();
            if let Some(at) = given.filter(|at| *at < held.len()) {
                let (_outcome, members) = held.remove(at);
                runtime.block_on(redis::give_back(&mut connection, &members)).unwrap();
            }
            let (demands, id) = ([Demand { key: b"k"[..].into(), rule, cost }], n.to_string());
            let here = table.take(1, &demands);
            let there = runtime.block_on(redis::take(&mut connection, &space, &demands, &id, redis::Time::Told(1))).unwrap();
            prop_assert_eq!(&there.standings, &here.standings);
            if here.admits() {
                held.push((here, redis::members(&space, &demands, &id)));
            }
        }
        // What nobody gives back lapses.
        let demands = [Demand { key: b"k"[..].into(), rule, cost: 1 }];
        let later = runtime.block_on(redis::take(&mut connection.clone(), &space, &demands, "later", redis::Time::Told(1_000_002)));
        prop_assert!(later.unwrap().admits());
    });
}
