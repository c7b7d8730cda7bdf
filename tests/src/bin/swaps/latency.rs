//! The phase without load: how long each kind of change takes until a response is by it.

use std::io;
use std::sync::Arc;

use lockgate_tests::guests;
use serde_json::json;

use crate::outcome::{Outcome, Progress};
use crate::stage::Stage;
use crate::state::{SHAPES, State};
use crate::swapper::Swapper;
use crate::times::Times;

/// Of the component that is exchanged.
const LENGTH: usize = 200_000;
/// Builds that take turns.
const TURNS: u64 = 2;

/// Kinds of changes, and what is aimed at in milliseconds.
const KINDS: &[(&str, Option<u32>, fn(&mut Swapper, &mut State))] = &[
    ("a configuration of what is inside the gateway", Some(150), |this, to| to.gateway = this.number()),
    ("a configuration of a component", Some(150), |this, to| to.api = this.number()),
    ("a chain", Some(150), |this, to| {
        to.api = this.number();
        to.shape = (to.shape + 1) % SHAPES.len();
    }),
    ("an API more or less", Some(150), |this, to| {
        to.visitor = match to.visitor {
            Some(_) => None,
            None => Some(this.number()),
        }
    }),
    ("a certificate", None, |this, to| to.certificate = this.number()),
    ("a component compiled before, pooled instances", Some(100), |_, to| to.builds[0] = to.builds[0] % TURNS + 1),
    ("a component compiled before, fresh instances", Some(100), |_, to| to.builds[1] = to.builds[1] % TURNS + 1),
    ("a component never seen, pooled instances", Some(500), |this, to| to.builds[0] = TURNS + this.number()),
    ("a component never seen, fresh instances", Some(500), |this, to| to.builds[1] = TURNS + this.number()),
];

pub(crate) fn run(rounds: usize, seed: u64) -> Outcome {
    let own = guests::component("tell-wide");
    let stage = Stage::with(padded(&own));
    let mut swapper = Swapper::new(Arc::new(stage), seed);
    let progress = Progress::new("rounds of changes without load", rounds * KINDS.len());
    for number in 0..rounds * KINDS.len() {
        progress.at(number + 1);
        let done = change(&mut swapper, number / rounds, number % rounds);
        swapper.noted(done);
        if swapper.stage.history.has_faults() {
            break;
        }
    }
    let Swapper { mut faults, mut accounts, times, .. } = swapper;
    faults.append(&mut accounts.faults);
    let mut text =
        format!("components of {} KB, {} KB of which are none of a custom section\n", LENGTH / 1000, own.len() / 1000);
    text.push_str(&format!("{}   aim", Times::head("from the end of writing to the first response")));
    let kinds = KINDS.iter().filter_map(|(what, aim, _)| Some((*what, *aim, times.get(what)?)));
    let mut json = serde_json::Map::new();
    for (what, aim, times) in kinds {
        let aimed = aim.map(|aim| format!("{aim:>6}")).unwrap_or_default();
        text.push_str(&format!("\n{}{aimed}", times.row(what)));
        json.insert(what.to_owned(), times.json());
    }
    Outcome { name: "latency", text, json: json!({ "bytes": LENGTH, "kinds": json }), faults }
}

fn change(swapper: &mut Swapper, kind: usize, round: usize) -> io::Result<()> {
    let (what, _, change) = KINDS[kind];
    if round == 0 {
        // What was compiled before was compiled under this configuration, too.
        for build in (1..=TURNS).rev() {
            let to = State { builds: [build; 2], ..swapper.state.clone() };
            if to != swapper.state {
                swapper.timed(to, "made ready")?;
            }
        }
    }
    let mut to = swapper.state.clone();
    change(swapper, &mut to);
    swapper.timed(to, what)
}

/// The same component with a custom section that makes it as long as those are that do more.
fn padded(component: &[u8]) -> Vec<u8> {
    let name = b"padding";
    // The lengths of the section and of its name, as numbers of three bytes and of one.
    let content = LENGTH - component.len() - 4;
    let length = [content as u8 & 0x7f | 0x80, (content >> 7) as u8 & 0x7f | 0x80, (content >> 14) as u8 & 0x7f];
    let padding = vec![0; content - 1 - name.len()];
    [component, &[0], &length, &[name.len() as u8], name, &padding].concat()
}
