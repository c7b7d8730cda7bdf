//! The phase in which the gateway is killed: in the middle of builds and of writing its state, with a folder that is good or broken.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use std::{fs, io};

use lockgate_tests::eventually;
use serde_json::json;

use crate::broken;
use crate::outcome::{Outcome, Progress};
use crate::stage::{Stage, said};
use crate::state::{Asked, Said};
use crate::swapper::{Swapper, tells_faults};

/// A change takes some such time until it serves, in microseconds.
const A_CHANGE: u64 = 250_000;
/// What is written when a change serves is written by then.
const AFTER_IT: u64 = 8_000;

#[derive(Default)]
struct Counts {
    good: usize,
    /// The folder was broken, and the change made just before the end served.
    new: usize,
    /// The folder was broken, and what had served before served again.
    old: usize,
}

pub(crate) fn run(kills: usize, seed: u64) -> Outcome {
    let mut swapper = Swapper::new(Arc::new(Stage::set()), seed);
    let (mut counts, progress) = (Counts::default(), Progress::new("kills", kills));
    for number in 1..=kills {
        progress.at(number);
        let done = kill(&mut swapper, &mut counts);
        swapper.noted(done.map_err(|error| io::Error::other(format!("after kill {number}: {error}"))));
        if swapper.stage.history.has_faults() {
            break;
        }
    }
    let Swapper { mut faults, mut accounts, stage, .. } = swapper;
    faults.append(&mut accounts.faults);
    let Counts { good, new, old } = counts;
    if let Some(status) = ended_by_itself(stage) {
        faults.push(status);
    }
    let text = format!(
        "{} kills: {good} times the folder was good and served; it was broken {} times, when {new} times the change made just before served, {old} times what served before that",
        good + new + old,
        new + old,
    );
    Outcome { name: "kills", text, json: json!({ "good": good, "broken_new": new, "broken_old": old }), faults }
}

fn kill(swapper: &mut Swapper, counts: &mut Counts) -> io::Result<()> {
    let (to, what) = swapper.draw();
    let at = swapper.write(to, what)?;
    // In the middle of it, or just when it serves, which is when it is kept for the next start, or when it was said to
    // serve.
    let most = match swapper.dice.throw(3) {
        0 => A_CHANGE,
        1 => {
            swapper.wait_until_shown(what)?;
            AFTER_IT
        }
        _ => {
            swapper.look()?;
            swapper.stage.history.confirm(at);
            AFTER_IT
        }
    };
    sleep(Duration::from_micros(swapper.dice.throw(most)));
    gateway(swapper).gateway.kill();
    let wrong =
        (swapper.dice.throw(3) > 0).then(|| broken::draw(&mut swapper.dice, &swapper.state, &swapper.stage.parts));
    if let Some((_, wrong)) = &wrong {
        wrong.write(&swapper.stage.gateway);
    }
    let stage = gateway(swapper);
    stage.gateway.start_again();
    stage.secure = stage.gateway.listener("secure");
    let least = if wrong.is_some() { swapper.stage.history.confirmed() } else { at };
    let is_new = swapper.stage.serves(least, at, wrong.is_some())?;
    match &wrong {
        None => counts.good += 1,
        Some(_) if is_new => counts.new += 1,
        Some(_) => counts.old += 1,
    }
    if let Some((what, wrong)) = wrong {
        if !tells_faults(&swapper.stage.gateway.status()) {
            return Err(io::Error::other(format!("started with {what}, and /status tells of no fault")));
        }
        wrong.take_back(&swapper.stage, &swapper.state);
    }
    swapper.look()?;
    swapper.wait_until_shown("the folder after a start")?;
    swapper.stage.history.confirm(at);
    nobody_is_left(&swapper.stage);
    Ok(())
}

/// Nobody else has it while there is no load.
fn gateway(swapper: &mut Swapper) -> &mut Stage {
    Arc::get_mut(&mut swapper.stage).expect("somebody uses the gateway")
}

impl Stage {
    /// Whether everything is answered by state `at`, or else by those from `least` on: each answer by one, and where
    /// the folder is not
    /// `broken` all by the same, for what is faulty goes on as it was and all else moves on.
    fn serves(&self, least: usize, at: usize, broken: bool) -> io::Result<bool> {
        let mut client = self.gateway.connect();
        let asked = [Asked::Proxied, Asked::Answer, Asked::Visitor];
        let mut answered = Vec::new();
        for asked in asked {
            answered.push((asked, said(&client.try_send(&crate::stage::get(&asked.path("echo")))?)));
        }
        let newest = self.history.newest();
        let fits = |state: usize, (asked, said): &(Asked, _)| self.history.state(state).says(*asked) == *said;
        if answered.iter().all(|answer| fits(at, answer)) {
            return Ok(true);
        }
        let by_one = (least..=newest).any(|state| answered.iter().all(|answer| fits(state, answer)));
        // As long as something is faulty, what is gone is refused.
        let refused = |(asked, said): &(Asked, Said)| *asked == Asked::Visitor && said.status == 503;
        let each = answered.iter().all(|it| refused(it) || (least..=newest).any(|state| fits(state, it)));
        if by_one || broken && each {
            return Ok(false);
        }
        let (least, newest) = (self.history.state(least), self.history.state(newest));
        Err(io::Error::other(format!(
            "what was answered is of none of the states that may serve, from {least:?} to {newest:?}: {answered:?}"
        )))
    }
}

/// No process that compiled for the one that was killed is there any more.
fn nobody_is_left(stage: &Stage) {
    let root = fs::canonicalize(stage.gateway.root()).expect("no folder");
    eventually("builders of a gateway that was killed to end", || {
        let processes = fs::read_dir("/proc").ok()?.filter_map(|entry| Some(entry.ok()?.path()));
        let mut builders = processes.filter(|process| {
            let here = fs::read_link(process.join("cwd")).is_ok_and(|folder| folder == root);
            here && fs::read_to_string(process.join("cmdline")).is_ok_and(|words| words.contains("__build"))
        });
        builders.next().is_none().then_some(())
    });
}

/// After all that it ends as it should; else how.
fn ended_by_itself(stage: Arc<Stage>) -> Option<String> {
    let mut stage = Arc::into_inner(stage)?;
    stage.gateway.terminate();
    let status = stage.gateway.wait_for_end();
    (!status.success()).then(|| format!("the gateway ended with {status}"))
}
