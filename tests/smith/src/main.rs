//! Writes components and modules that a fuzzer makes: valid, and unlike anything a compiler makes. The same in every run.
//!
//! `lockgate-smith FOLDER` leaves there `component-N.wasm` and `module-N.wasm`, as many as came of 300 seeds each.

#[path = "../../journeys/components/noise.rs"]
mod noise;

use std::path::Path;
use std::{env, fs};

use arbitrary::Unstructured;
use noise::noise;
use wasm_smith::{Component, Config, Module};

const SEEDS: u64 = 300;

fn main() -> std::io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| std::io::Error::other("say into which folder"))?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    for seed in 0..SEEDS {
        let noise = noise(seed, 16 * 1024);
        if let Ok(component) = Component::new(config(), &mut Unstructured::new(&noise)) {
            fs::write(folder.join(format!("component-{seed}.wasm")), component.to_bytes())?;
        }
        if let Ok(module) = Module::new(config(), &mut Unstructured::new(&noise)) {
            fs::write(folder.join(format!("module-{seed}.wasm")), module.to_bytes())?;
        }
    }
    Ok(())
}

/// What the gateway compiles, and that alone: what it does not know it refuses without looking further.
fn config() -> Config {
    Config {
        max_imports: 0,
        max_memories: 1,
        max_memory32_bytes: 8 << 20,
        memory64_enabled: false,
        threads_enabled: false,
        shared_everything_threads_enabled: false,
        relaxed_simd_enabled: false,
        tail_call_enabled: false,
        exceptions_enabled: false,
        gc_enabled: false,
        custom_page_sizes_enabled: false,
        wide_arithmetic_enabled: false,
        ..Config::default()
    }
}
