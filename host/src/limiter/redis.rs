//! Counts in a Redis or Valkey server, which all gateways that use it share.

use std::sync::LazyLock;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script};
use sha2::{Digest, Sha256};

use super::hold::Member;
use super::rule::{Rule, Standing};
use super::{Demand, Outcome, calendar};

static TAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take.lua")));

/// Give the script to a server, which is then known to answer.
pub(super) async fn prepare(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
    TAKE.load_async(connection).await.map(drop)
}

/// Numbers of a reply for each demand.
const EACH: usize = 4;

/// By what clock is counted, in milliseconds since 1970.
#[derive(Clone, Copy)]
pub(super) enum Time {
    /// That of the server. Months are ours to know; what is counted in one by clocks that differ a little stays in it.
    OfServer { here: u64 },
    /// It is this time there too.
    #[cfg(test)]
    Told(u64),
}

/// Have demands taken, all of them or none. What is held of them is known by `id`.
pub(super) async fn take(
    connection: &mut MultiplexedConnection,
    space: &str,
    demands: &[Demand],
    id: &str,
    time: Time,
) -> Result<Outcome, RedisError> {
    let mut call = TAKE.prepare_invoke();
    let (here, told) = match time {
        Time::OfServer { here } => (here, String::new()),
        #[cfg(test)]
        Time::Told(now) => (now, now.to_string()),
    };
    call.arg(told).arg(id);
    for Demand { key, rule, cost } in demands {
        let (kind, period) = rule.series();
        call.key(place(space, *rule, key));
        let amount = match *rule {
            Rule::Bucket { amount, .. } => amount.get().into(),
            Rule::Concurrent { lapses, .. } => lapses.get(),
            Rule::Fixed { .. } | Rule::Sliding { .. } | Rule::Monthly { .. } => 0,
        };
        let (begins, ends) = match rule {
            Rule::Monthly { .. } => calendar::month(here),
            _ => (0, 0),
        };
        call.arg(&[kind][..]).arg(amount).arg(period).arg(rule.capacity()).arg(*cost).arg(begins).arg(ends);
    }
    let reply: Vec<i64> = call.invoke_async(connection).await?;
    outcome(&reply, demands.len())
        .ok_or_else(|| (redis::ErrorKind::UnexpectedReturnType, "not what was asked for").into())
}

/// What stands for units that are held of these demands, once they were taken.
pub(super) fn members(space: &str, demands: &[Demand], id: &str) -> Vec<Member> {
    let held = demands.iter().filter(|demand| demand.rule.is_held());
    let each = |demand: &Demand| {
        let place = place(space, demand.rule, &demand.key);
        (1..=demand.cost).map(move |n| (place.clone(), format!("{id}:{n}")))
    };
    held.flat_map(each).collect()
}

/// Give back what is held.
pub(super) async fn give_back(connection: &mut MultiplexedConnection, members: &[Member]) -> Result<(), RedisError> {
    if members.is_empty() {
        return Ok(());
    }
    let mut pipeline = redis::pipe();
    for (place, member) in members {
        pipeline.cmd("ZREM").arg(place).arg(member).ignore();
    }
    pipeline.query_async(connection).await
}

/// Where a count is kept. What it is counted for may be personal, and long: only a digest of it is told. The braces keep
/// what is taken together on one node of a cluster.
fn place(space: &str, rule: Rule, key: &[u8]) -> String {
    let (kind, period) = rule.series();
    let digest = Sha256::digest(key);
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("lockgate:{{{space}}}:{}{period}:{hex}", char::from(kind))
}

fn outcome(reply: &[i64], demands: usize) -> Option<Outcome> {
    let (_, each) = reply.split_first()?;
    if each.len() != demands * EACH {
        return None;
    }
    let standing = |numbers: &[i64]| {
        let [has_room, remaining, reset, retry] = *numbers else { return None };
        Some(Standing {
            has_room: has_room == 1,
            remaining: u64::try_from(remaining).ok()?,
            reset: u64::try_from(reset).ok()?,
            retry: u64::try_from(retry).ok(),
        })
    };
    each.chunks(EACH).map(standing).collect::<Option<_>>().map(Outcome::new)
}
