//! Many components at once: each is refused with a reason or is a policy, and none takes the gateway or a building process along.

use lockgate_tests::{Gateway, guests};
use serde_json::Value;

use super::noise::noise;

/// Most components of one folder: each is a use of its own, with an instance on the one worker.
const MOST: usize = 1500;

/// What became of the components, in their order: no reasons for a policy.
pub(super) fn judged(components: &[Vec<u8>]) -> Vec<Vec<String>> {
    components.chunks(MOST).flat_map(folder).collect()
}

fn folder(components: &[Vec<u8>]) -> Vec<Vec<String>> {
    let policy = |n: usize| {
        format!(
            "[policy.p{n}]\nsource = \"file:components/{n}.wasm\"\ngrant = [\"read:x-test-*\", \"write:x-test-*\"]\n\
             [[chain]]\npolicy = \"p{n}\"\n"
        )
    };
    let policies: String = (0..components.len()).map(policy).collect();
    let folder = Gateway::folder().gateway_toml(&format!("[runtime]\nworkers = 1\n{policies}"));
    let named = |(n, bytes): (usize, &Vec<u8>)| folder.replace(&format!("components/{n}.wasm"), bytes);
    components.iter().enumerate().for_each(named);
    let checked = folder.run(&["check", "--json"]);
    let answer: Value = serde_json::from_str(&checked.stdout).unwrap_or_else(|_| panic!("no answer: {checked:?}"));
    let faults = answer["faults"].as_array().unwrap();
    assert_eq!(checked.code, Some(i32::from(!faults.is_empty())), "{}", checked.stderr);
    let mut reasons = vec![Vec::new(); components.len()];
    for fault in faults {
        let key = fault["key"].as_str().unwrap();
        let number = key.strip_prefix("policy.p").or_else(|| key.strip_prefix("chain[")?.split(']').next());
        let number = number.and_then(|number| number.parse::<usize>().ok());
        let number = number.unwrap_or_else(|| panic!("a fault of no component: {fault}"));
        reasons[number].push(fault["reason"].as_str().unwrap().to_owned());
    }
    reasons
}

/// Fail if any of these took its building process along, in another way than is `known`.
pub(super) fn assert_none_broke_anything(components: &[Vec<u8>], judged: &[Vec<String>], known: Option<&str>) {
    for (n, (bytes, reasons)) in components.iter().zip(judged).enumerate() {
        let broke = |reason: &&String| {
            reason.contains("the building process") && !known.is_some_and(|known| reason.contains(known))
        };
        if let Some(reason) = reasons.iter().find(broke) {
            let path = guests::target().join("tmp").join(format!("component-{n}.wasm"));
            std::fs::write(&path, bytes).unwrap();
            panic!("{reason}: see {}", path.display());
        }
    }
}

#[test]
fn a_component_cut_off_anywhere_is_refused() {
    let whole = guests::component("trail");
    let step = whole.len() / 300;
    let lengths = (0..64).chain((64..whole.len()).step_by(step)).chain(whole.len() - 64..whole.len());
    let components: Vec<_> = lengths.map(|length| whole[..length].to_vec()).collect();
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    for (component, reasons) in components.iter().zip(&judged) {
        assert!(!reasons.is_empty(), "{} of {} bytes are taken for a policy", component.len(), whole.len());
    }
}

#[test]
fn a_component_with_changed_bytes_is_refused_or_a_policy() {
    let whole = guests::component("trail");
    let change = |seed: u64| {
        let mut bytes = whole.clone();
        for place in noise(seed, 24).chunks_exact(8).take(1 + seed as usize % 3) {
            let (at, value) = place.split_at(4);
            let at = u32::from_le_bytes(at.try_into().unwrap()) as usize % bytes.len();
            bytes[at] = value[0];
        }
        bytes
    };
    let components: Vec<_> = (0..100).map(change).collect();
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    let refused = judged.iter().filter(|reasons| !reasons.is_empty()).count();
    assert!(refused > 20, "only {refused} were refused");
}
