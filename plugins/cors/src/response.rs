//! What responses say about who may read them, in place of whatever the upstream said.

use crate::config::{Config, FieldName};
use lockgate_sdk::Edits;

/// Every response field of the protocol; the upstream's are dropped, so that there are never two.
const FIELDS: [&str; 7] = [
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-private-network",
    "access-control-expose-headers",
    "access-control-max-age",
];

/// Edits of response heads, made once.
pub(crate) struct Permissions {
    /// For pages of origins that are not allowed, and for requests that come from no page.
    withheld: Edits,
    /// For all others; what is said about the origin is missing unless it is the same for all.
    granted: Edits,
    any_origin: bool,
}

impl Permissions {
    pub(crate) fn new(config: &Config) -> Self {
        let any_origin = config.origins.is_any();
        let mut withheld = FIELDS.into_iter().fold(Edits::new(), Edits::remove);
        if !any_origin {
            withheld = withheld.append("vary", "Origin");
        }
        let mut granted = withheld.clone();
        if any_origin {
            granted = granted.set("access-control-allow-origin", "*");
        }
        if config.credentials {
            granted = granted.set("access-control-allow-credentials", "true");
        }
        if !config.expose.is_empty() {
            let names = join(config.expose.iter().map(FieldName::as_str));
            granted = granted.set("access-control-expose-headers", names);
        }
        Self { withheld, granted, any_origin }
    }

    /// The changes for a request of `origin`, which is empty unless it is allowed and decides.
    pub(crate) fn edits(&self, origin: &[u8]) -> Edits {
        if self.any_origin {
            self.granted.clone()
        } else if origin.is_empty() {
            self.withheld.clone()
        } else {
            let granted = self.granted.clone();
            granted.set("access-control-allow-origin", origin)
        }
    }
}

/// The value of `Access-Control-Allow-Origin` for an origin that is allowed.
pub(crate) fn allow_origin(any: bool, origin: &[u8]) -> &[u8] {
    if any { b"*" } else { origin }
}

/// Names as the value of a list field.
pub(crate) fn join<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}
