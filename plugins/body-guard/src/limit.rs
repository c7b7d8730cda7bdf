//! What is limited inside a body, and how far.

/// Most of everything one body may have. Lengths are bytes as written, escapes not undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Containers inside each other.
    pub(crate) depth: u32,
    /// Members of one object.
    pub(crate) members: u32,
    /// Items of one array.
    pub(crate) items: u32,
    /// Bytes of one member name.
    pub(crate) key_length: u32,
    /// Bytes of one string that is no member name.
    pub(crate) string_length: u32,
    /// Bytes of one number.
    pub(crate) number_length: u32,
    /// Member names and values of the whole body, containers counting one each.
    pub(crate) tokens: u32,
}

/// One of the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    Depth,
    Members,
    Items,
    KeyLength,
    StringLength,
    NumberLength,
    Tokens,
}

impl Limits {
    /// How far a limit goes.
    pub(crate) fn most(&self, limit: Limit) -> u32 {
        match limit {
            Limit::Depth => self.depth,
            Limit::Members => self.members,
            Limit::Items => self.items,
            Limit::KeyLength => self.key_length,
            Limit::StringLength => self.string_length,
            Limit::NumberLength => self.number_length,
            Limit::Tokens => self.tokens,
        }
    }
}

impl Limit {
    /// The configuration key.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Depth => "max_depth",
            Self::Members => "max_members",
            Self::Items => "max_items",
            Self::KeyLength => "max_key_length",
            Self::StringLength => "max_string_length",
            Self::NumberLength => "max_number_length",
            Self::Tokens => "max_tokens",
        }
    }
}
