//! Reads JSON into nodes. What YAML is read with does not know the escapes JSON writes letters beyond U+FFFF with.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use super::fault::Wrong;
use super::nodes::{Id, Nodes, Value};
use super::read::{Budget, Unreadable, short};

/// Read a text. How deep values stand within values is bounded by the parser.
pub(super) fn read(text: &str, nodes: &mut Nodes, budget: &mut Budget) -> Result<Id, Unreadable> {
    let mut over = None;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = ValueIn { nodes, budget, parent: None, over: &mut over };
    let read = value.deserialize(&mut deserializer).and_then(|root| deserializer.end().map(|()| root));
    read.map_err(|error| {
        let line = u32::try_from(error.line()).ok().filter(|line| *line > 0);
        let wrong = over.unwrap_or_else(|| Wrong::new(format!("is not JSON: {error}"), "correct the syntax"));
        Unreadable { line, wrong }
    })
}

/// The next value, which stands in `parent`.
struct ValueIn<'a> {
    nodes: &'a mut Nodes,
    budget: &'a mut Budget,
    parent: Option<Id>,
    /// What is wrong that is no matter of syntax.
    over: &'a mut Option<Wrong>,
}

impl ValueIn<'_> {
    fn scalar<E: Error>(mut self, value: Value) -> Result<Id, E> {
        let id = self.begin()?;
        self.nodes.put(id, value);
        Ok(id)
    }

    fn begin<E: Error>(&mut self) -> Result<Id, E> {
        self.budget.take(1).map_err(|wrong| {
            *self.over = Some(wrong);
            E::custom("too much")
        })?;
        Ok(self.nodes.add(self.parent, None))
    }

    fn within(&mut self, parent: Id) -> ValueIn<'_> {
        ValueIn { nodes: self.nodes, budget: self.budget, parent: Some(parent), over: self.over }
    }
}

impl<'de> DeserializeSeed<'de> for ValueIn<'_> {
    type Value = Id;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Id, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueIn<'_> {
    type Value = Id;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Id, E> {
        self.scalar(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Id, E> {
        self.scalar(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Id, E> {
        self.scalar(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Id, E> {
        self.scalar(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Id, E> {
        self.scalar(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Id, E> {
        self.scalar(Value::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Id, A::Error> {
        let (id, mut items) = (self.begin()?, Vec::new());
        while let Some(item) = access.next_element_seed(self.within(id))? {
            items.push(item);
        }
        self.nodes.put(id, Value::List(items.into()));
        Ok(id)
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Id, A::Error> {
        let (id, mut members) = (self.begin()?, Vec::<(Arc<str>, Id)>::new());
        while let Some(name) = access.next_key::<String>()? {
            members.push((name.into(), access.next_value_seed(self.within(id))?));
        }
        match ordered(members) {
            Ok(members) => self.nodes.put(id, members),
            Err(wrong) => {
                *self.over = Some(wrong);
                return Err(A::Error::custom("twice"));
            }
        }
        Ok(id)
    }
}

/// A map in the order of its names, of which none may be there twice: one of the two would count for nothing.
pub(super) fn ordered(mut members: Vec<(Arc<str>, Id)>) -> Result<Value, Wrong> {
    members.sort();
    let twice = members.iter().zip(members.iter().skip(1)).find(|((name, _), (next, _))| name == next);
    match twice {
        Some(((name, _), _)) => {
            Err(Wrong::new(format!("has an object with two members `{}`", short(name)), "keep one of them"))
        }
        None => Ok(Value::Map(members.into())),
    }
}
