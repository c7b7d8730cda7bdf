//! What the account of requests costs and how exact it is: `cargo bench -p lockgate --features bench --bench report -- WORD` runs those whose names have the word.
// Benchmarks print what they measured.
#![allow(clippy::print_stdout)]

use std::env;
use std::path::Path;

use lockgate::report_bench as report;

type Run = fn(&Path) -> anyhow::Result<()>;

const ALL: [(&str, Run); 4] = [
    ("exactness", report::exactness),
    ("busy_minutes", report::busy_minutes),
    ("an_hour", report::an_hour),
    ("ten_million_requests", report::ten_million_requests),
];

fn main() -> anyhow::Result<()> {
    let word = env::args().skip(1).find(|word| !word.starts_with('-')).unwrap_or_default();
    for (name, run) in ALL.into_iter().filter(|(name, _)| name.contains(&word)) {
        println!("{name}:");
        run(tempfile::tempdir()?.path())?;
    }
    Ok(())
}
