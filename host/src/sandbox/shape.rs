//! What a component must look like to be a policy.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use super::bindings::exports::lockgate::policy::lifecycle::ConfigError;
use super::capability::wasi;
use super::inspect::{HOOKS, Inspection};
use super::policy::{CONTRACT, Exports};
use super::workbench::root_cause;

/// The interfaces of the contract a component may import, and what they give; in the order of `wit/worlds.wit`.
const POWERS: [(&str, &str); 10] = [
    ("types", "shapes of data, no power"),
    ("log", "lines in the gateway's log"),
    ("clock", "the time of day"),
    ("random", "random bytes"),
    ("metrics", "numbers for /metrics"),
    ("crypto", "hashes; signature checks, signatures and seals with keys it is granted"),
    ("store", "values kept in stores it is granted"),
    ("limiter", "limits on how often, counted in limiters it is granted"),
    ("consumers", "whose key something is, from those the gateway keeps"),
    ("egress", "requests to services it is granted"),
];

/// Compile what can be inspected: of what runs somebody must be able to say what it holds, and the engine takes some components that are cut off.
pub(super) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, String> {
    Inspection::of(bytes).map_err(|error| error.to_string())?;
    Component::new(engine, bytes).map_err(|error| format!("does not compile: {}", root_cause(&error)))
}

/// Name every import that does not exist, with advice, before linking stops at the first.
pub(super) fn check(engine: &Engine, component: &Component) -> Result<(), String> {
    let kind = component.component_type();
    let unknown: Vec<&str> = kind
        .imports(engine)
        .map(|(name, _)| name)
        .filter(|name| {
            !contract(name).is_some_and(|(interface, version)| speaks(version) && gives(interface).is_some())
                && wasi::gives(name).is_none()
        })
        .collect();
    if !unknown.is_empty() {
        let advice = if unknown.iter().any(|name| name.starts_with("wasi:")) {
            "; of WASI 0.2 policies get what runtimes need to start, and no sockets and no HTTP: build without them \
             (componentize-py: --stub-wasi), and ask services by lockgate:policy/egress"
        } else {
            ""
        };
        return Err(format!("imports what this gateway does not offer: {}{advice}", unknown.join(", ")));
    }
    let lifecycle = kind
        .exports(engine)
        .any(|(name, item)| contract_is(name, "lifecycle") && matches!(item.ty, ComponentItem::ComponentInstance(_)));
    if !lifecycle {
        return Err(format!("does not export lockgate:policy/lifecycle@{CONTRACT}, so it is not a policy"));
    }
    Ok(())
}

/// A policy without a hook would never be called.
pub(super) fn has_hook(exports: &Exports) -> Result<(), String> {
    let Exports { lifecycle: _, request, response, body, responder, observer } = exports;
    let is_there =
        request.is_some() || response.is_some() || body.is_some() || responder.is_some() || observer.is_some();
    if !is_there {
        return Err(format!(
            "exports no hook; a policy exports at least one of {} of lockgate:policy@{CONTRACT}",
            HOOKS.join(", ")
        ));
    }
    Ok(())
}

/// Faults of a configuration that are told, and letters of each.
const MOST_FAULTS: usize = 20;
const LONGEST_FAULT: usize = 400;

/// The faults that `configure` found, as text.
pub(super) fn config_errors(faults: &[ConfigError]) -> Vec<String> {
    let text = |ConfigError { path, message }: &ConfigError| {
        let text = if path.is_empty() { message.clone() } else { format!("{path}: {message}") };
        match text.char_indices().nth(LONGEST_FAULT) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    let mut told: Vec<_> = faults.iter().take(MOST_FAULTS).map(text).collect();
    if faults.len() > MOST_FAULTS {
        told.push(format!("and {} more faults", faults.len() - MOST_FAULTS));
    }
    told
}

/// What an interface of the contract gives to who imports it; none for one that is unknown or for exports only.
pub(super) fn gives(interface: &str) -> Option<&'static str> {
    POWERS.iter().find(|(known, _)| *known == interface).map(|(_, gives)| *gives)
}

/// Interface and version of a name of the contract.
pub(super) fn contract(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("lockgate:policy/")?.split_once('@')
}

pub(super) fn contract_is(name: &str, wanted: &str) -> bool {
    contract(name).is_some_and(|(interface, version)| interface == wanted && speaks(version))
}

/// Versions that differ in the last number only understand each other.
pub(super) fn speaks(version: &str) -> bool {
    let ours = CONTRACT.rsplit_once('.').map_or(CONTRACT, |(ours, _)| ours);
    version.rsplit_once('.').is_some_and(|(theirs, _)| theirs == ours)
}
