//! Any bytes are a component that can be inspected, or refused; and who builds and who inspects agree about them.

use std::sync::OnceLock;
use std::time::Duration;

use super::inspect::{InspectError, Inspection, Origin};
use super::limits::Limits;
use super::shape;
use super::trial::Trial;
use super::workbench::Workbench;

/// Longest component that is compiled: it takes time.
const LONGEST: usize = 16 << 10;

/// Inspects a component, compiles it, checks its shape, and has it configured.
pub fn component_loading(data: &[u8]) {
    let inspected = Inspection::of(data);
    match &inspected {
        Ok(inspection) => check(inspection, data),
        Err(InspectError::Damaged { offset, size, .. }) => {
            assert!(offset <= size && *size == data.len(), "{inspected:?}");
        }
        Err(InspectError::NotWasm) => assert!(!data.starts_with(b"\0asm")),
        Err(InspectError::CoreModule) => assert!(data.starts_with(b"\0asm\x01\0\0\0")),
    }
    if data.len() > LONGEST {
        return;
    }
    let Some(bench) = bench() else { return };
    let Ok(component) = shape::compile(&bench.engine, data) else { return };
    // Whoever runs it has to be able to say what it is.
    assert!(inspected.is_ok(), "it was compiled, and cannot be inspected: {inspected:?}");
    let Ok(inspection) = inspected else { return };
    let is_refused = inspection.imports.iter().any(|import| import.origin == Origin::Refused);
    match shape::check(&bench.engine, &component) {
        Ok(()) => assert!(!is_refused, "{:?}", inspection.imports),
        Err(reason) => assert_eq!(is_refused, reason.starts_with("imports "), "{reason}"),
    }
    if let Ok(prepared) = bench.policy(&component) {
        assert!(!inspection.hooks.is_empty() && !is_refused, "{inspection:?}");
        let limits = Limits {
            cpu: Duration::from_millis(2),
            wall: Duration::from_millis(50),
            memory: 1 << 20,
            table_elements: 1000,
            host_calls: 100,
            host_memory: 1 << 16,
            log: 1 << 10,
            calls: 10,
        };
        let trial = Trial { config: "{}".into(), limits, image: false };
        let faults = bench.configure(&prepared, &trial).err();
        assert!(faults.is_none_or(|faults| !faults.is_empty()), "it was refused without a word");
    }
}

/// Nothing is told that the bytes could not hold.
fn check(inspection: &Inspection, data: &[u8]) {
    assert_eq!(inspection.size, data.len());
    let inside = inspection.modules.iter().sum::<usize>();
    let told = inspection.imports.len() + inspection.exports.len() + inspection.producers.len();
    let told = told + inspection.memories.len() + inspection.tables.len();
    assert!(told <= data.len() && inspection.modules.len() <= data.len(), "{told} in {} B", data.len());
    assert!(inside <= data.len(), "modules of {inside} B in {} B", data.len());
    assert!(inspection.contract.is_sorted() && serde_json::to_vec(inspection).is_ok());
}

/// Made once: an engine and its clock.
fn bench() -> Option<&'static Workbench> {
    static BENCH: OnceLock<Option<Workbench>> = OnceLock::new();
    BENCH.get_or_init(|| Workbench::new().ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use crate::fuzz::play::play;

    #[test]
    fn whatever_becomes_of_a_component_it_is_refused_or_known() {
        play("component_loading", super::component_loading, 10_000);
    }
}
