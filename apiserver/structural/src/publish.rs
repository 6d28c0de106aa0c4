//! What OpenAPI shows of a structural schema: in v3 all of it, in v2 what that dialect and its readers understand.

use kubernel_schema::openapi::Published;
use serde_json::{Map, Value};

use crate::Structural;

/// What OpenAPI v2 cannot say.
const ONLY_V3: [&str; 5] = ["oneOf", "anyOf", "allOf", "not", "nullable"];

impl Published for Structural {
    fn v3(&self) -> Value {
        self.source().clone()
    }

    fn v2(&self) -> Value {
        reduced(self.source())
    }
}

/// Readers of v2 refuse null and fields that they do not know, so places that allow either lose their types.
fn reduced(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let holds = |name: &str| map.get(name).and_then(Value::as_bool).unwrap_or_default();
    let (nullable, keeps) = (holds("nullable"), holds("x-kubernetes-preserve-unknown-fields"));
    let either = holds("x-kubernetes-int-or-string");
    let mut out = Map::new();
    for (name, value) in map {
        let value = match name.as_str() {
            name if ONLY_V3.contains(&name) => continue,
            "type" if nullable || keeps || either => continue,
            "properties" | "items" | "additionalProperties" if nullable || keeps => continue,
            "properties" => {
                let properties = value.as_object().into_iter().flatten();
                Value::Object(properties.map(|(name, property)| (name.clone(), reduced(property))).collect())
            }
            "items" | "additionalProperties" => reduced(value),
            _ => value.clone(),
        };
        out.insert(name.clone(), value);
    }
    Value::Object(out)
}
