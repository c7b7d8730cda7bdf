//! The phase under load: all kinds of clients, all kinds of changes, and what is left of them when it is quiet.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use lockgate_tests::Load;
use serde_json::json;

use crate::accounts::Accounts;
use crate::clients::Kind;
use crate::outcome::{Outcome, Progress};
use crate::rest::Rest;
use crate::stage::Stage;
use crate::swapper::Swapper;
use crate::times::Times;

/// Swaps before what is held is first looked at: the heap has its size, caches have what they keep. Of a short run a
/// third.
const WARM: usize = 500;
/// What a long run may hold more at its end than after the first swaps.
const GROWTH: f64 = 0.05;
const LONG: usize = 10_000;
/// The same of a shorter run, whose heap has not quite found its size; a hundred generations that are not let go of are
/// more than that.
const GROWTH_OF_SHORT: f64 = 0.25;
/// Of a run that begins to count before so many swaps, memory says nothing: it grows by half in the first dozens. What
/// is not let go of is seen by its open files.
const FEWEST: usize = 100;
/// Swaps from one look at what is held to the next.
const PART: usize = 1000;
/// Looks at the beginning, and at the end.
const LOOKS: usize = 5;
/// Slow ones that are told one by one.
const TOLD: usize = 20;

pub(crate) fn run(swaps: usize, seed: u64) -> Outcome {
    let stage = Arc::new(Stage::set());
    let mut swapper = Swapper::new(stage.clone(), seed);
    let begun = Instant::now();
    let (warm, progress) = (WARM.min(swaps.div_ceil(3)), Progress::new("swaps under load", swaps));
    let (mut accounts, mut done, mut rests) = (Accounts::default(), 0, Vec::new());
    for until in looks(warm, swaps) {
        let (more, rest) = part(&mut swapper, seed + until as u64, done..until, progress);
        accounts = accounts.and(more);
        rests.push((until, rest));
        done = until;
        // What went wrong once is told once.
        if stage.history.has_faults() {
            break;
        }
    }
    let (first, last) = (&rests[0].1, &rests[rests.len() - 1].1);
    let took = begun.elapsed().as_secs_f64();

    let Swapper { accounts: own, mut faults, times, counts, slow, .. } = swapper;
    let mut accounts = accounts.and(own);
    let bound = match warm {
        0..FEWEST => f64::INFINITY,
        _ if swaps < LONG => GROWTH_OF_SHORT,
        _ => GROWTH,
    };
    let growth = usual(&rests[rests.len().saturating_sub(LOOKS)..]) / usual(&rests[..LOOKS.min(rests.len())]) - 1.0;
    // What went wrong ended the run before it could be compared.
    if growth > bound && accounts.faults.is_empty() && faults.is_empty() {
        faults.push(format!("MEMORY: {:+.1} % from {warm} swaps to the end", growth * 100.0));
    }
    if (first.files, first.threads) != (last.files, last.threads) {
        faults.push(format!("LEFT OVER: {first} after the first swaps, {last} at the end"));
    }
    faults.append(&mut accounts.faults);

    let made: u64 = counts.values().sum();
    let refused: u64 = counts.iter().filter(|(what, _)| what.starts_with("BROKEN")).map(|(_, count)| count).sum();
    let mut text = format!("{made} changes in {took:.0} s, {refused} of them broken:\n");
    counts.iter().for_each(|(what, count)| text.push_str(&format!("  {what:<48} {count:>6}\n")));
    text.push_str(&format!("{accounts}"));
    rests.iter().for_each(|(swaps, rest)| text.push_str(&format!("at rest after {swaps:>6} swaps: {rest}\n")));
    text.push_str(&format!(
        "memory from the first {LOOKS} of these to the last, by their medians: {:+.1} %\n",
        growth * 100.0
    ));
    text.push_str(&Times::head("from the end of writing to the first response"));
    times.iter().for_each(|(what, times)| text.push_str(&format!("\n{}", times.row(what))));
    slow.iter().take(TOLD).for_each(|slow| text.push_str(&format!("\n  longer than usual, {slow}")));
    let json = json!({
        "swaps": swaps,
        "seconds": took,
        "changes": counts,
        "requests": accounts.json(),
        "rests": rests.iter().map(|(swaps, rest)| json!({ "swaps": swaps, "held": rest.json() })).collect::<Vec<_>>(),
        "growth": growth,
        "slow": slow,
        "latency": times.iter().map(|(what, times)| ((*what).to_owned(), times.json())).collect::<serde_json::Map<_, _>>(),
    });
    Outcome { name: "swaps", text, json, faults }
}

/// After how many swaps what is held is looked at: several times around the first and the last, since the heap keeps
/// now more, now less of what is free.
fn looks(warm: usize, swaps: usize) -> BTreeSet<usize> {
    let step = (warm / 10).max(1);
    let around = |at: usize| (0..LOOKS).map(move |n| at.saturating_sub(n * step));
    let between = (warm + PART..swaps).step_by(PART);
    around(warm).chain(between).chain(around(swaps)).filter(|at| *at > 0).collect()
}

/// The median of what is held.
fn usual(rests: &[(usize, Rest)]) -> f64 {
    let mut all: Vec<_> = rests.iter().map(|(_, rest)| rest.memory).collect();
    all.sort_unstable();
    all[all.len() / 2] as f64
}

/// Some of the swaps, under load; then what is held in the same state as before.
fn part(swapper: &mut Swapper, seed: u64, swaps: std::ops::Range<usize>, progress: Progress) -> (Accounts, Rest) {
    let stage = swapper.stage.clone();
    stage.history.rest(false);
    let kinds = Kind::all();
    let load = Load::start(kinds.len(), |number| {
        let (stage, kind) = (stage.clone(), kinds[number]);
        move |pace| kind.run(&stage, seed + 1 + number as u64, pace)
    });
    for number in swaps {
        progress.at(number + 1);
        if !swapper.swap() {
            break;
        }
    }
    swapper.calm();
    stage.history.rest(true);
    let accounts = load.stop().into_iter().fold(Accounts::default(), Accounts::and);
    (accounts, Rest::of(&stage))
}
