//! Measures what a policy costs in each language it can be begun in: the same greeting, by the real gateway.
//!
//! `cargo run --release -p lockgate-tests --bin languages` prints the table of `sdk/README.md`. Costs are CPU time,
//! which other load on the machine changes least.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use lockgate_tests::{Folder, Gateway, Request, Upstream, binary, foreign};

const LIMITS: &str = "limits = { memory = \"48MiB\", cpu = \"1s\", wall = \"1m\" }\n";

/// Requests of which the CPU time is taken.
const ROUND: u32 = 250;

fn main() {
    let upstream = Upstream::echo();
    let projects = Gateway::folder();
    println!("| | component | compiled, with an image | start, with kept code | a call, pooled | a call, fresh |");
    println!("|---|---|---|---|---|---|");
    let nothing = Served::of(gateway(&upstream, None, ""));
    for (language, component) in [
        ("Rust", rust(projects.root())),
        ("Rust with std, `wasm32-wasip2`", wasip2(projects.root())),
        ("Python", python(projects.root())),
    ] {
        let bytes = fs::read(&component).unwrap();
        let built = ["pooled", "request"].map(|isolation| {
            let folder = folder(&upstream, Some(&bytes), isolation);
            let before = cpu_of_children();
            folder.run(&["check"]).assert(0, &[]);
            (cpu_of_children() - before).as_secs_f64()
        });
        let [pooled, fresh] =
            ["pooled", "request"].map(|isolation| Served::of(gateway(&upstream, Some(&bytes), isolation)));
        let cost = |served: &Served| served.call.saturating_sub(nothing.call).as_micros();
        println!(
            "| {language} | {} KiB | {:.1} s, {:.1} s | {} ms, {} ms | {} us | {} us |",
            bytes.len() / 1024,
            built[0],
            built[1],
            pooled.start.as_millis(),
            fresh.start.as_millis(),
            cost(&pooled),
            cost(&fresh)
        );
    }
    println!("\nWithout a policy: {} ms until the first response.", nothing.start.as_millis());
}

/// What a gateway was seen to need.
struct Served {
    /// From the start of the process to the first response, of which the code is kept.
    start: Duration,
    /// CPU time of one request.
    call: Duration,
}

impl Served {
    fn of(mut gateway: Gateway) -> Self {
        let start = (0..3).map(|_| {
            let begun = Instant::now();
            gateway.restart();
            gateway.get("/").assert_status(200);
            begun.elapsed()
        });
        let start = start.min().unwrap();
        let mut client = gateway.connect();
        let mut ask = |times: u32| (0..times).for_each(|_| client.send(&Request::get("/")).assert_status(200));
        ask(200);
        // The least of many rounds: whatever else goes on only adds to it.
        let (begun, mut call) = (Instant::now(), Duration::MAX);
        while begun.elapsed() < Duration::from_secs(10) {
            let before = cpu_of(&gateway);
            ask(ROUND);
            call = call.min((cpu_of(&gateway) - before) / ROUND);
        }
        Self { start, call }
    }
}

fn folder(upstream: &Upstream, component: Option<&[u8]>, isolation: &str) -> Folder {
    let folder = Gateway::folder();
    let Some(component) = component else {
        return folder.gateway_toml("[runtime]\nworkers = 1\n").proxy(upstream);
    };
    let policy =
        "[policy.greet]\nsource = \"file:greet.wasm\"\ngrant = [\"read:content-type\", \"write:x-greeting\"]\n";
    let chain = "chain = [{ policy = \"greet\", config = { greeting = \"ahoy\" } }]\n[runtime]\nworkers = 1\n";
    let text = format!("{chain}{policy}isolation = \"{isolation}\"\n{LIMITS}");
    folder.file("greet.wasm", component).gateway_toml(&text).proxy(upstream)
}

fn gateway(upstream: &Upstream, component: Option<&[u8]>, isolation: &str) -> Gateway {
    folder(upstream, component, isolation).start()
}

fn rust(folder: &Path) -> PathBuf {
    run(Command::new(binary()).args(["policy", "new", "rust"]).current_dir(folder));
    reading(&folder.join("rust/src/lib.rs"), "Interest::new()", "Interest::new().response_read(\"content-type\")");
    run(Command::new(binary()).args(["policy", "build", "rust"]).current_dir(folder));
    folder.join("rust/rust.wasm")
}

/// The same project for the other target, whose linker makes components itself.
fn wasip2(folder: &Path) -> PathBuf {
    let cargo = ["build", "--quiet", "--lib", "--release", "--target", "wasm32-wasip2", "--target-dir", "target"];
    run(Command::new("cargo").args(cargo).current_dir(folder.join("rust")));
    folder.join("rust/target/wasm32-wasip2/release/rust.wasm")
}

fn python(folder: &Path) -> PathBuf {
    run(Command::new(binary()).args(["policy", "new", "python", "--lang", "python"]).current_dir(folder));
    reading(&folder.join("python/policy.py"), "Interest(", "Interest(response_read=[\"content-type\"], ");
    let build = ["policy", "build", "python"];
    run(Command::new(binary()).args(build).env("VIRTUAL_ENV", foreign::environment()).current_dir(folder));
    folder.join("python/python.wasm")
}

/// Have it read something: what is told nothing, and can ask for nothing, is asked but once.
fn reading(source: &Path, said: &str, says: &str) {
    let text = fs::read_to_string(source).unwrap();
    // The last one, since Python imports it first.
    let at = text.rfind(said).unwrap();
    fs::write(source, format!("{}{says}{}", &text[..at], &text[at + said.len()..])).unwrap();
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Of all threads, in nanoseconds.
fn cpu_of(gateway: &Gateway) -> Duration {
    let status = gateway.process_status();
    let id = status.lines().find_map(|line| line.strip_prefix("Pid:")).unwrap();
    let threads = fs::read_dir(format!("/proc/{}/task", id.trim())).unwrap();
    let times = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap());
    Duration::from_nanos(times.map(|text| text.split(' ').next().unwrap().parse::<u64>().unwrap()).sum())
}

/// Of all that ended, and of what those waited for, in ticks of the clock.
fn cpu_of_children() -> Duration {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program, which is in parentheses, may hold anything.
    let (_, numbers) = text.rsplit_once(") ").unwrap();
    let ticks = numbers.split(' ').skip(13).take(2).map(|number| number.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
