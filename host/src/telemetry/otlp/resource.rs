//! Who sends: the attributes of the gateway, and the forms in which OTLP has attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

const NAME: &str = "lockgate";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The gateway, with what the operator says about it; that may take the place of what is said anyway.
pub(super) fn resource(declared: &[(String, String)]) -> Resource {
    let instance = format!("{:016x}", getrandom::u64().unwrap_or_default());
    let known = [("service.name", NAME), ("service.version", VERSION), ("service.instance.id", instance.as_str())];
    let known = known.into_iter().filter(|(name, _)| declared.iter().all(|(other, _)| other != name));
    let declared = declared.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let attributes = known.chain(declared).map(|(name, value)| text(name, value)).collect();
    Resource { attributes, ..Resource::default() }
}

pub(super) fn scope() -> InstrumentationScope {
    InstrumentationScope { name: NAME.to_owned(), version: VERSION.to_owned(), ..InstrumentationScope::default() }
}

pub(super) fn text(name: &str, value: &str) -> KeyValue {
    attribute(name, Value::StringValue(value.to_owned()))
}

pub(super) fn number(name: &str, value: i64) -> KeyValue {
    attribute(name, Value::IntValue(value))
}

pub(super) fn texts(name: &str, values: impl Iterator<Item = String>) -> KeyValue {
    let values = values.map(|value| AnyValue { value: Some(Value::StringValue(value)) }).collect();
    attribute(name, Value::ArrayValue(ArrayValue { values }))
}

fn attribute(name: &str, value: Value) -> KeyValue {
    KeyValue { key: name.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}
