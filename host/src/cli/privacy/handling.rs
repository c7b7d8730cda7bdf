//! Owns what the configuration of `builtin:redact` says becomes of something classified: the same rules as the policy has.

use serde_json::Value;

use crate::openapi::{Field, Sensitivity};

/// What becomes of a field, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Handled {
    /// It is redacted in messages of the other direction.
    Elsewhere,
    /// Nothing, as nobody said what: it is internal.
    Default,
    Redacted,
}

/// What becomes of a field: what `classes` says of its category, else of its sensitivity, else its annotation.
pub(super) fn handled(config: &Value, field: &Field<'_>) -> Handled {
    let class = field.class;
    let words = [&*class.category, class.sensitivity.as_str()];
    let named = words.iter().find_map(|word| config.get("classes")?.get(word));
    let harmless = class.sensitivity <= Sensitivity::Internal && class.masking.is_none();
    let on = named.and_then(|handling| handling.get("on")?.as_str()).unwrap_or("response");
    let direction = if field.status.is_some() { "response" } else { "request" };
    match named {
        None if harmless => Handled::Default,
        _ if on == direction || on == "both" => Handled::Redacted,
        _ => Handled::Elsewhere,
    }
}
