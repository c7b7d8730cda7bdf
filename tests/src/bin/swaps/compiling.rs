//! The phase that compares: what requests take while ten components are compiled, and what right after that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread::sleep;
use std::time::{Duration, Instant};

use lockgate_tests::{Folder, Gateway, Load, Pace, guests};
use serde_json::json;
use thread_priority::ThreadPriority;
use thread_priority::unix::{
    RealtimeThreadSchedulePolicy, ScheduleParams, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

use crate::outcome::{Outcome, Progress};
use crate::stage::get;
use crate::state::build;
use crate::times::Times;

const COMPONENTS: u64 = 10;
const CLIENTS: usize = 4;
/// From one request of a client to its next.
const PERIOD: Duration = Duration::from_millis(5);
/// What is aimed at.
const AIM: f64 = 1.2;

const API: &str = r#"
name = "asked"
version = "1"
[[route]]
name = "answer"
match = { path = "/answer" }
chain = [{ policy = "headers", config = { response = { set = { x-test-config = "1" } } } }]
respond = { body = "here" }
"#;

/// Which part of the run it is: each has an odd number while components are compiled, and an even one while none are.
type Part = Arc<AtomicUsize>;

pub(crate) fn run(rounds: usize, seed: u64) -> Outcome {
    let component = guests::component("tell");
    let mut number = seed << 8;
    let gateway = folder(&component).start();
    gateway.look();
    let (part, progress) = (Part::default(), Progress::new("rounds of compiling", rounds));
    let load = Load::start(CLIENTS, |_| {
        let (part, client) = (part.clone(), gateway.connect());
        move |pace| {
            stand_for_other_machines();
            paced(client, &part, pace)
        }
    });
    let (mut took, mut faults) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        progress.at(round + 1);
        let begun = Instant::now();
        part.store(2 * round + 1, SeqCst);
        for policy in 0..COMPONENTS {
            number += 1;
            gateway.replace(&format!("components/{policy}.wasm"), &build(&component, number));
        }
        let looked = gateway.look();
        part.store(2 * round + 2, SeqCst);
        took.push(begun.elapsed());
        if looked["faults"].as_array().is_none_or(|faults| !faults.is_empty()) {
            faults.push(format!("good components were refused: {looked}"));
        }
        sleep(begun.elapsed());
    }
    part.store(0, SeqCst);
    let mut parts: Vec<Times> = vec![Times::default(); 2 * rounds + 1];
    for (times, failed) in load.stop() {
        faults.extend(failed);
        times.into_iter().for_each(|(part, time)| parts[part].push(time));
    }
    let all = |first: usize| {
        let times = parts[1..].iter().skip(first).step_by(2).cloned();
        times.fold(Times::default(), |mut all, times| {
            all.extend(times);
            all
        })
    };
    let (with, without) = (all(0), all(1));
    let mut ratios: Vec<_> = parts[1..].chunks(2).map(|pair| pair[0].percentile(99) / pair[1].percentile(99)).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    let mean = took.iter().sum::<Duration>().as_secs_f64() / rounds as f64;
    let text = format!(
        "{COMPONENTS} components at once, in {mean:.2} s each time; {} requests a second\n{}\n{}\n{}\np99 while compiling, as a multiple: {ratio:.2}, the median of {rounds} rounds ({:.2} to {:.2}); the aim is {AIM}",
        CLIENTS as f64 / PERIOD.as_secs_f64(),
        Times::head("from the time a request was due to its answer"),
        with.row("while they are compiled"),
        without.row("right after that"),
        ratios[0],
        ratios[ratios.len() - 1],
    );
    let json = json!({ "seconds": mean, "compiling": with.json(), "quiet": without.json(), "p99_ratio": ratio, "p99_ratios": ratios });
    Outcome { name: "compiling", text, json, faults }
}

/// Clients are on other machines, where nobody compiles: here they never wait for a processor. Who may not ask for that
/// measures their waits, too.
fn stand_for_other_machines() {
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    let first = ThreadPriority::from_posix(ScheduleParams { sched_priority: 1 });
    if let Err(error) = set_thread_priority_and_policy(thread_native_id(), first, fifo) {
        eprintln!("clients compete with the compiler for processors, and their waits are counted: {error:?}");
    }
}

/// Requests at equal distances, whether or not earlier ones were late; how long each took, by part of the run.
fn paced(mut client: lockgate_tests::Client, part: &Part, pace: &Pace) -> (Vec<(usize, Duration)>, Option<String>) {
    let (mut times, mut due) = (Vec::new(), Instant::now());
    while pace.goes_on() {
        due += PERIOD;
        sleep(due.saturating_duration_since(Instant::now()));
        let begun = part.load(SeqCst);
        match client.try_send(&get("/answer")) {
            Ok(response) if response.status == 200 => {}
            other => return (times, Some(format!("a request failed while components were compiled: {other:?}"))),
        }
        // Who waited from one part into the next waited for what there was in the first.
        times.push((begun, due.elapsed()));
        pace.did();
    }
    (times, None)
}

fn folder(component: &[u8]) -> Folder {
    let mut declared =
        "[access_log]\nenabled = false\n[policy.headers]\nsource = \"builtin:headers\"\ngrant = [\"write:x-test-*\"]\n"
            .to_owned();
    let mut chain = Vec::new();
    let mut folder = Gateway::folder();
    for number in 0..COMPONENTS {
        let source = format!("source = \"file:components/{number}.wasm\"\ngrant = [\"write:x-test-*\"]");
        declared.push_str(&format!("[policy.p{number}]\n{source}\n"));
        chain.push(format!("{{ policy = \"p{number}\", config = {{ name = \"p{number}\", number = 1 }} }}"));
        folder = folder.file(&format!("components/{number}.wasm"), build(component, number));
    }
    let busy = format!(
        "[[route]]\nname = \"busy\"\nmatch = {{ path = \"/busy\" }}\nchain = [{}]\nrespond = {{}}\n",
        chain.join(", ")
    );
    folder.gateway_toml(&declared).api("asked", &format!("{API}{busy}"))
}
