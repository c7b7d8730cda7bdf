//! The policies that come with the gateway: built with it, and part of it.

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

/// The component of a built-in policy.
pub(crate) fn component(name: &str) -> Option<&'static [u8]> {
    BUILTINS.iter().find(|(known, ..)| *known == name).map(|(_, component, _)| *component)
}

/// The names of all built-in policies.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, ..)| *name)
}
