//! Tables of a configuration, and what is said to who writes something else in the place of one.

use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// What is written as a table.
pub(super) trait Table<'de>: Sized {
    /// One, for who wrote something else.
    const EXAMPLE: &'static str;

    fn of<D: Deserializer<'de>>(table: D) -> Result<Self, D::Error>;
}

/// Read a table, and nothing else: a list is none, though it could be read as one.
pub(super) fn table<'de, T: Table<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Tables(PhantomData))
}

struct Tables<T>(PhantomData<T>);

impl<'de, T: Table<'de>> Visitor<'de> for Tables<T> {
    type Value = T;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a table, `{}`", T::EXAMPLE)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::of(MapAccessDeserializer::new(map))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<T, E> {
        Err(E::custom(format_args!("must be a table: write `{}`", T::EXAMPLE)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<T, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::custom(format_args!("must be one table, without brackets: write `{}`", T::EXAMPLE)))
    }
}

/// Types that derive how they are read as `remote = "Self"`, and are read as tables.
macro_rules! tables {
    ($($table:ident: $example:literal,)*) => {
        $(
            impl<'de> $crate::config::table::Table<'de> for $table {
                const EXAMPLE: &'static str = $example;

                fn of<D: serde::Deserializer<'de>>(table: D) -> Result<Self, D::Error> {
                    $table::deserialize(table)
                }
            }

            impl<'de> Deserialize<'de> for $table {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    $crate::config::table::table(deserializer)
                }
            }
        )*
    };
}

pub(super) use tables;
