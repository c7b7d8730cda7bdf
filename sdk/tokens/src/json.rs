//! Reading JSON strictly: an object whose names do not repeat and whose nesting is bounded, and nothing after it.
//!
//! Two readers of one token must not see different claims, which repeated names would allow.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Objects and lists within one another, the outermost included.
const MAX_DEPTH: u8 = 16;

/// The members of the object that `bytes` are; none if they are anything else.
pub fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }.deserialize(&mut json).ok()?;
    json.end().ok()?;
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Reads a value inside `depth` others.
#[derive(Clone, Copy)]
struct Strict {
    depth: u8,
}

impl Strict {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom("nested too deeply"));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(inner)?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a name repeats"));
            }
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn nested(depth: usize) -> String {
        let lists = depth - 1;
        format!(r#"{{"a":{}{}}}"#, "[".repeat(lists), "]".repeat(lists))
    }

    #[test]
    fn an_object_is_read_whole() {
        let text = r#" {"a":[1,-2,0.5,true,null],"b":{"c":"\u0064"}} "#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(object(text.as_bytes()).map(Value::from), Some(expected));
    }

    #[test]
    fn whatever_is_not_one_strict_object_is_refused() {
        let cases: [&[u8]; 12] = [
            b"",
            b"null",
            b"[]",
            b"\"a\"",
            b"{",
            b"{} {}",
            br#"{"a":1,"a":1}"#,
            br#"{"a":1,"\u0061":2}"#,
            br#"{"o":{"a":1,"a":2}}"#,
            br#"{"a":1e999}"#,
            br#"{"a":NaN}"#,
            b"{\"a\":\"\xff\"}",
        ];
        for bytes in cases {
            let shown = bytes.escape_ascii();
            assert_eq!(object(bytes), None, "{shown}");
        }
    }

    #[test]
    fn nesting_is_read_up_to_its_bound() {
        let bound = usize::from(MAX_DEPTH);
        assert!(object(nested(bound).as_bytes()).is_some());
        assert!(object(nested(bound + 1).as_bytes()).is_none());
        assert!(object(nested(4_000).as_bytes()).is_none());
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_a_lenient_reader_sees(text in r#"\{("[ab]":[0-9]{1,3},){0,3}"c":\[("x",){0,2}null\]\}"#) {
            if let Some(members) = object(text.as_bytes()) {
                prop_assert_eq!(Value::from(members), serde_json::from_str::<Value>(&text).unwrap());
            }
        }

        #[test]
        fn arbitrary_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
            object(&bytes);
        }
    }
}
