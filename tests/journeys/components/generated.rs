//! Components and modules that a fuzzer makes: valid, and unlike anything a compiler makes. The same in every run.

use lockgate_tests::smith;

use super::binary::{Part, graft};
use super::bulk::{assert_none_broke_anything, judged};
use super::by_hand;

#[test]
fn components_of_a_fuzzer_are_refused() {
    let components = smith::made("component");
    assert!(components.len() > 250, "{} components", components.len());
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    assert!(judged.iter().all(|reasons| !reasons.is_empty()), "none of them is a policy");
}

#[test]
fn a_policy_with_a_module_of_a_fuzzer_is_refused_or_a_policy() {
    let policy = by_hand::policy("");
    let modules = smith::made("module");
    let components: Vec<_> = modules.iter().map(|module| graft(&policy, Part::Module, module, 1)).collect();
    assert!(components.len() > 250, "{} modules", components.len());
    let judged = judged(&components);
    assert_none_broke_anything(&components, &judged, None);
    let policies = judged.iter().filter(|reasons| reasons.is_empty()).count();
    assert!(policies > 0 && policies < components.len(), "{policies} of {} are policies", components.len());
}
