//! Owns the declaration of a section: one macro makes the raw struct, its reader and its part of the reference from the same lines.

use crate::near::advice;

/// A table with declared keys.
#[derive(Debug)]
pub(super) struct Section {
    /// `[listen.NAME]`
    pub(super) title: &'static str,
    pub(super) docs: &'static [&'static str],
    pub(super) keys: &'static [Key],
    /// Names of keys of which exactly one is given; empty for none.
    pub(super) one_of: &'static [&'static str],
}

/// One declared key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) docs: &'static [&'static str],
    pub(super) describe: fn() -> String,
    pub(super) need: Need,
    pub(super) section: Option<&'static Section>,
}

/// What happens when a key is absent.
#[derive(Debug)]
pub(super) enum Need {
    Required,
    Optional,
    Default(fn() -> String),
}

impl Section {
    /// What to do about a key that is neither here nor elsewhere.
    pub(super) fn advice_for_unknown(&self, name: &str) -> String {
        let known = self.keys.iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>();
        advice(name, self.keys.iter().map(|key| key.name), &format!("remove it; known here: {}", known.join(", ")))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }
}

/// Declares a section: `required`, `optional`, `default`, `presumed` (a default, for whoever needs to know whether it
/// was said),
/// `repeated` (empty when absent) or `nested` (a section of which every key may be absent), then the field, its key
/// where that is no identifier, its kind and its default.
macro_rules! section {
    (
        $(#[doc = $doc:literal])+
        $vis:vis struct $Raw:ident = $title:literal {
            $( $(#[doc = $key_doc:literal])+ $need:ident $field:ident $($name:literal)? : $kind:ty $(= $default:expr)? ,)+
        }
        $(exactly one of $($one:literal),+ ;)?
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug)]
        $vis struct $Raw {
            /// Where the section stands.
            #[allow(dead_code, reason = "some sections leave nothing to complain about once they are read")]
            $vis place: $crate::config::fault::Place,
            $( $(#[doc = $key_doc])+ $vis $field: section!(@out $need $kind), )+
        }

        impl $Raw {
            $vis const SECTION: $crate::config::section::Section = $crate::config::section::Section {
                title: $title,
                docs: &[$($doc),+],
                keys: &[$( $crate::config::section::Key {
                    name: section!(@name $field $($name)?),
                    docs: &[$($key_doc),+],
                    describe: <$kind as $crate::config::kinds::Kind>::describe,
                    need: section!(@need $need $kind $(= $default)?),
                    section: <$kind as $crate::config::kinds::Kind>::SECTION,
                } ),+],
                one_of: &[$($($one),+)?],
            };

            /// Read the section; what is faulty is left out or left at its default.
            $vis fn from_table(
                table: $crate::config::reader::Table<'_>,
                faults: &mut $crate::config::fault::Faults,
            ) -> Self {
                let fields = table.open(&Self::SECTION, faults);
                Self {
                    $( $field: section!(@read $need $kind, fields, section!(@name $field $($name)?), faults $(, $default)?), )+
                    place: fields.place(),
                }
            }
        }

        impl $crate::config::kinds::Kind for $Raw {
            type Out = Self;
            const SECTION: Option<&'static $crate::config::section::Section> = Some(&Self::SECTION);

            fn describe() -> String {
                "a table".to_owned()
            }

            fn read(
                node: &$crate::config::reader::Node<'_>,
                faults: &mut $crate::config::fault::Faults,
            ) -> Option<Self> {
                let Some(table) = node.as_table() else {
                    node.mistaken("a table", faults);
                    return None;
                };
                Some(Self::from_table(table, faults))
            }
        }
    };

    (@name $field:ident) => { stringify!($field) };
    (@name $field:ident $name:literal) => { $name };

    (@out required $kind:ty) => { Option<<$kind as $crate::config::kinds::Kind>::Out> };
    (@out presumed $kind:ty) => { Option<<$kind as $crate::config::kinds::Kind>::Out> };
    (@out optional $kind:ty) => { Option<<$kind as $crate::config::kinds::Kind>::Out> };
    (@out $need:ident $kind:ty) => { <$kind as $crate::config::kinds::Kind>::Out };

    (@need required $kind:ty) => { $crate::config::section::Need::Required };
    (@need default $kind:ty = $default:expr) => {
        $crate::config::section::Need::Default(|| <$kind as $crate::config::kinds::Shown>::show(&$default))
    };
    (@need presumed $kind:ty = $default:expr) => { section!(@need default $kind = $default) };
    (@need $need:ident $kind:ty) => { $crate::config::section::Need::Optional };

    (@read required $kind:ty, $fields:ident, $name:expr, $faults:ident) => {
        $fields
            .required($name, &<$kind as $crate::config::kinds::Kind>::describe(), $faults)
            .and_then(|node| <$kind as $crate::config::kinds::Kind>::read(&node, $faults))
    };
    (@read optional $kind:ty, $fields:ident, $name:expr, $faults:ident) => {
        $fields.optional($name).and_then(|node| <$kind as $crate::config::kinds::Kind>::read(&node, $faults))
    };
    (@read presumed $kind:ty, $fields:ident, $name:expr, $faults:ident, $default:expr) => {
        section!(@read optional $kind, $fields, $name, $faults)
    };
    (@read default $kind:ty, $fields:ident, $name:expr, $faults:ident, $default:expr) => {
        section!(@read optional $kind, $fields, $name, $faults).unwrap_or_else(|| $default)
    };
    (@read repeated $kind:ty, $fields:ident, $name:expr, $faults:ident) => {
        section!(@read optional $kind, $fields, $name, $faults).unwrap_or_default()
    };
    (@read nested $kind:ty, $fields:ident, $name:expr, $faults:ident) => {
        <$kind>::from_table($fields.nested($name, $faults), $faults)
    };
}

pub(super) use section;
