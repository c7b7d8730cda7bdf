//! What a use of a policy is granted by name, and whether the policy wants more than it may have.

use super::uses::Use;
use crate::config::{self, Config, ConfigFault, Grant, Place};
use crate::sandbox::{Interest, Limits};
use crate::store;

/// A store as one use sees it.
pub(super) struct Space<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: String,
    pub(super) limits: store::Limits,
}

/// What a name stands for: the namespace the operator chose, else one of the API and policy alone.
fn namespace(chosen: Option<&str>, used: &Use, name: &str) -> String {
    chosen.map_or_else(|| format!("{}/{}/{name}", used.api, used.policy), str::to_owned)
}

/// The stores a use is granted.
pub(super) fn stores<'a>(
    used: &'a Use,
    declared: &'a config::Policy,
    config: &'a Config,
) -> impl Iterator<Item = Space<'a>> {
    declared.grants.iter().filter_map(|grant| {
        let Grant::Store { name, .. } = grant else { return None };
        let store = config.stores.get(name)?;
        let limits = store::Limits {
            max_entries: store.max_entries as usize,
            max_bytes: usize::try_from(store.max_bytes).unwrap_or(usize::MAX),
        };
        Some(Space { name, namespace: namespace(store.namespace.as_deref(), used, name), limits })
    })
}

/// A limiter as one use sees it.
pub(super) struct Counted<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: String,
    pub(super) declared: &'a config::Limiter,
}

/// The limiters a use is granted.
pub(super) fn limiters<'a>(
    used: &'a Use,
    policy: &'a config::Policy,
    config: &'a Config,
) -> impl Iterator<Item = Counted<'a>> {
    policy.grants.iter().filter_map(|grant| {
        let Grant::Limiter(name) = grant else { return None };
        let declared = config.limiters.get(name)?;
        Some(Counted { name, namespace: namespace(declared.namespace.as_deref(), used, name), declared })
    })
}

pub(super) fn granted(interest: &Interest, declared: &config::Policy, name: &str) -> Result<(), Vec<ConfigFault>> {
    let missing = interest.missing(&declared.grants);
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let reason = format!("the policy needs powers it is not granted: {list}");
    Err(vec![declared.place.fault(reason, format!("if it should have them, add them to `grant` of [policy.{name}]"))])
}

/// A body that a policy wants as a whole is collected outside of it first, and must fit into it then.
pub(super) fn bounded(interest: &Interest, limits: Limits, place: &Place, name: &str) -> Result<(), Vec<ConfigFault>> {
    let bodies = [&interest.request_body, &interest.response_body].into_iter().flatten();
    match bodies.filter(|body| body.buffered).map(|body| body.max_bytes).max() {
        Some(most) if most > limits.memory as u64 => Err(vec![too_large(most, limits, place, name)]),
        _ => Ok(()),
    }
}

/// The fault of a policy that wants to be given more bytes at once than it may hold.
pub(super) fn too_large(most: u64, limits: Limits, place: &Place, name: &str) -> ConfigFault {
    let reason = format!("`{name}` wants whole bodies of up to {most} B, and has {} B of memory", limits.memory);
    let advice =
        format!("lower that in its configuration, or raise `limits.memory` of [policy.{name}] in gateway.toml");
    place.fault(reason, advice)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::*;
    use crate::sandbox::BodyInterest;

    #[test]
    fn a_whole_body_is_no_longer_than_the_memory_of_its_policy() {
        let limits = Limits {
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            memory: 1000,
            table_elements: 0,
            host_calls: 0,
            host_memory: 0,
            log: 0,
            calls: 1,
        };
        let place = Place { file: Path::new("a/api.toml").into(), line: Some(3), key: "chain[0]".into() };
        let faults = |buffered, max_bytes| {
            let (content_types, edit, refuse_others) = (Vec::new(), false, false);
            let body = BodyInterest { buffered, edit, max_bytes, max_piece: 1024, content_types, refuse_others };
            let interest = Interest { response_body: Some(body), ..Interest::default() };
            bounded(&interest, limits, &place, "p").err().map(|faults| faults[0].to_string())
        };
        assert_eq!(faults(true, 1000), None);
        assert_eq!(faults(false, u64::MAX), None, "pieces are not collected");
        let fault = faults(true, 1001).unwrap();
        assert!(fault.starts_with("a/api.toml:3: chain[0]: `p` wants whole bodies of up to 1001 B"), "{fault}");
    }
}
