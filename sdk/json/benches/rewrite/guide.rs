//! Which fields are selected: by name, below one member of the document.

use lockgate_json::rewrite::{Guide, Replacement, Scalar, Treatment};
use lockgate_json::select::State;
use serde_json::Value;

const QUIET: u16 = 0;
const LOOKING: u16 = 1;
const SELECTED: u16 = 2;

/// Members that lead to what is selected, and those that are.
pub(crate) struct Names {
    ways: &'static [&'static str],
    selected: &'static [&'static str],
}

impl Names {
    pub(crate) const fn none() -> Self {
        Self { ways: &[], selected: &[] }
    }

    /// A field or two of each record.
    pub(crate) const fn few() -> Self {
        Self {
            ways: &["orders", "customer", "entry", "resource", "payments", "documents"],
            selected: &["email", "birthDate", "iban", "author"],
        }
    }

    /// Most of what is said of persons, wherever that is.
    pub(crate) const fn many() -> Self {
        Self {
            ways: &[
                "orders",
                "customer",
                "address",
                "lines",
                "entry",
                "resource",
                "name",
                "telecom",
                "payments",
                "debtor",
                "documents",
                "identifier",
            ],
            selected: &[
                "email",
                "phone",
                "street",
                "city",
                "note",
                "birthDate",
                "family",
                "value",
                "iban",
                "holder",
                "amount",
                "author",
                "title",
            ],
        }
    }

    /// The same done to a document in memory.
    pub(crate) fn change(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    if self.selected.contains(&name.as_str()) {
                        *value = Value::String("***".to_owned());
                    } else if self.ways.contains(&name.as_str()) {
                        self.change(value);
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.change(item)),
            _ => {}
        }
    }
}

impl Guide for Names {
    fn member(&self, _at: State, name: &str) -> State {
        State::from_bits(if self.selected.contains(&name) {
            SELECTED
        } else if self.ways.contains(&name) {
            LOOKING
        } else {
            QUIET
        })
    }

    fn item(&self, at: State, _index: u32) -> State {
        at
    }

    fn is_quiet(&self, at: State) -> bool {
        at.to_bits() == QUIET || self.selected.is_empty()
    }

    fn treatment(&self, at: State) -> Treatment {
        if at.to_bits() == SELECTED { Treatment::Rewrite } else { Treatment::Keep }
    }

    fn rewrite(&mut self, _at: State, _value: Scalar<'_>) -> Replacement {
        Replacement::Text("***".to_owned())
    }
}
