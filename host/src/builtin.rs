//! The policies that come with the gateway: built with it, and part of it.

use std::sync::LazyLock;

use crate::content::Content;

include!(concat!(env!("OUT_DIR"), "/builtins.rs"));

static COMPONENTS: LazyLock<Vec<(&str, Content)>> = LazyLock::new(|| {
    let content = |component: &'static [u8]| Content::from(component);
    BUILTINS.iter().map(|(name, component, _)| (*name, content(component))).collect()
});

/// The component of a built-in policy.
pub(crate) fn component(name: &str) -> Option<&'static Content> {
    COMPONENTS.iter().find(|(known, _)| *known == name).map(|(_, component)| component)
}

/// The names of all built-in policies.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    BUILTINS.iter().map(|(name, ..)| *name)
}
