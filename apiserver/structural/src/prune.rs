//! Drops what a schema does not know (upstream's pruning algorithm), and brings numbers into the form that Go gives them.

use std::fmt::Write;

use serde_json::{Map, Number, Value};

use crate::node::{Additional, Node};

/// The fields of every object, whatever its schema says.
pub(crate) const OBJECT_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// The largest double below which every integral one is written without an exponent.
const INTEGRAL_MAX: f64 = 9.2e18;

/// Prunes the object of a schema and gives the paths of what was dropped (`spec.l[0].x`), sorted.
pub(crate) fn object(map: &mut Map<String, Value>, node: &Node) -> Vec<String> {
    let mut pruner = Pruner { path: String::new(), dropped: Vec::new() };
    pruner.map(map, Some(node), true, node.preserve);
    pruner.dropped.sort();
    pruner.dropped
}

/// Whether a value has nothing that its schema does not know.
pub(crate) fn is_pruned(value: &Value, node: &Node) -> bool {
    let mut pruner = Pruner { path: String::new(), dropped: Vec::new() };
    pruner.value(&mut value.clone(), Some(node));
    pruner.dropped.is_empty()
}

struct Pruner {
    path: String,
    dropped: Vec<String>,
}

impl Pruner {
    /// Below a node that is `None`, no key is known.
    fn value(&mut self, value: &mut Value, node: Option<&Node>) {
        let preserve = node.is_some_and(|node| node.preserve);
        match value {
            Value::Object(map) => self.map(map, node, node.is_some_and(|node| node.embedded), preserve),
            Value::Array(list) => self.list(list, node, preserve),
            Value::Number(number) => canonical(number),
            _ => {}
        }
    }

    /// A value that no schema describes and that is kept as it is.
    fn kept(&mut self, value: &mut Value) {
        match value {
            Value::Object(map) => map.values_mut().for_each(|value| self.kept(value)),
            Value::Array(list) => list.iter_mut().for_each(|value| self.kept(value)),
            Value::Number(number) => canonical(number),
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map<String, Value>, node: Option<&Node>, is_object: bool, preserve: bool) {
        let length = self.path.len();
        map.retain(|key, value| {
            if is_object && OBJECT_FIELDS.contains(&key.as_str()) {
                return true;
            }
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(key);
            let known = match node.and_then(|node| node.property(key)) {
                Some(property) => {
                    self.value(value, Some(property));
                    true
                }
                None => match node.and_then(|node| node.additional.as_ref()) {
                    Some(Additional::Schema(schema)) => {
                        self.value(value, Some(schema));
                        true
                    }
                    _ if preserve => {
                        self.kept(value);
                        true
                    }
                    Some(Additional::Any(_)) => {
                        self.value(value, None);
                        true
                    }
                    None => false,
                },
            };
            if !known {
                self.dropped.push(self.path.clone());
            }
            self.path.truncate(length);
            known
        });
    }

    fn list(&mut self, list: &mut [Value], node: Option<&Node>, preserve: bool) {
        let length = self.path.len();
        let items = node.and_then(|node| node.items.as_deref());
        for (index, item) in list.iter_mut().enumerate() {
            let _ = write!(self.path, "[{index}]");
            match items {
                None if preserve => self.kept(item),
                items => self.value(item, items),
            }
            self.path.truncate(length);
        }
    }
}

/// Go reads integers that 64 bits cannot hold as doubles, and writes integral doubles without a fraction.
fn canonical(number: &mut Number) {
    if number.is_i64() {
        return;
    }
    if let Some(double) = number.as_f64() {
        if double.fract() == 0.0 && double.abs() < INTEGRAL_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "integral and in range, as just seen")]
            let integer = double as i64;
            *number = integer.into();
        } else if let (true, Some(double)) = (number.is_u64(), Number::from_f64(double)) {
            *number = double;
        }
    }
}
