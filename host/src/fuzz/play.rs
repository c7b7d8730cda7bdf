//! Plays a target in the ordinary tests: inputs that fuzzing has kept, then a fixed number of blind mutations of them.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

/// Most changes that make one input of another.
const MOST_CHANGES: usize = 4;
/// Longest range that is changed at once.
const LONGEST: usize = 24;

/// Run a target on everything that is kept for it, and on as many mutations, which are the same each time.
pub(crate) fn play(name: &str, target: fn(&[u8]), mutations: usize) {
    let mut inputs = kept("corpora", name);
    assert!(!inputs.is_empty(), "there is no corpus for {name}");
    inputs.extend(kept("regressions", name));
    inputs.iter().for_each(|input| attempt(target, input));
    let mut chance = Chance(1);
    for _ in 0..mutations {
        attempt(target, &chance.mutation(&inputs));
    }
}

/// In the order of their names; none where there is no folder.
fn kept(folder: &str, name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz").join(folder).join(name);
    let mut paths: Vec<_> = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Whoever reads of a failure is told what it takes to see it again.
fn attempt(target: fn(&[u8]), input: &[u8]) {
    if let Err(cause) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        eprintln!("failed with the input b\"{}\"", input.escape_ascii());
        resume_unwind(cause);
    }
}

/// Numbers without a pattern that matters here (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap()
    }

    fn pick<'a>(&mut self, inputs: &'a [Vec<u8>]) -> &'a [u8] {
        &inputs[self.below(inputs.len())]
    }

    /// A short range of an input.
    fn range<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let start = self.below(input.len() + 1);
        let length = self.below(LONGEST.min(input.len() - start) + 1);
        &input[start..start + length]
    }

    /// One of the inputs, with bytes changed, left out, or taken from another.
    fn mutation(&mut self, inputs: &[Vec<u8>]) -> Vec<u8> {
        let mut input = self.pick(inputs).to_vec();
        for _ in 0..=self.below(MOST_CHANGES) {
            let at = self.below(input.len() + 1);
            let end = at + self.below(LONGEST.min(input.len() - at) + 1);
            match self.below(4) {
                0 => drop(input.splice(at..at, [self.below(256) as u8])),
                1 if at < input.len() => input[at] ^= 1 << self.below(8),
                2 => drop(input.drain(at..end)),
                _ => {
                    let other = self.pick(inputs);
                    let range = self.range(other).to_vec();
                    let end = if self.below(2) == 0 { at } else { end };
                    input.splice(at..end, range);
                }
            }
        }
        input
    }
}
