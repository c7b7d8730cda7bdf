//! Components and modules that a fuzzer makes: valid, and unlike anything a compiler makes. The same in every run.

use arbitrary::Unstructured;
use wasm_smith::{Component, Config, Module};

use super::binary::{Part, graft};
use super::bulk::{assert_none_broke_anything, judged};
use super::by_hand;

/// Bytes without a pattern (SplitMix64).
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ (word >> 31)).to_le_bytes()
    };
    std::iter::repeat_with(&mut next).flatten().take(length).collect()
}

#[test]
fn components_of_a_fuzzer_are_refused() {
    let component = |seed: u64| {
        let noise = noise(seed, 16 * 1024);
        Some(Component::new(config(), &mut Unstructured::new(&noise)).ok()?.to_bytes())
    };
    let components: Vec<_> = (0..300).filter_map(component).collect();
    assert!(components.len() > 250, "{} components", components.len());
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    assert!(judged.iter().all(|reasons| !reasons.is_empty()), "none of them is a policy");
}

#[test]
fn a_policy_with_a_module_of_a_fuzzer_is_refused_or_a_policy() {
    let policy = by_hand::policy("");
    let module = |seed: u64| {
        let noise = noise(seed, 16 * 1024);
        Some(Module::new(config(), &mut Unstructured::new(&noise)).ok()?.to_bytes())
    };
    let components: Vec<_> =
        (0..300).filter_map(module).map(|module| graft(&policy, Part::Module, &module, 1)).collect();
    assert!(components.len() > 250, "{} modules", components.len());
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    let policies = judged.iter().filter(|reasons| reasons.is_empty()).count();
    assert!(policies > 0 && policies < components.len(), "{policies} of {} are policies", components.len());
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
