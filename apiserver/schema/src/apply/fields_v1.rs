//! `FieldsV1`: a set of field paths as the JSON tree that `metadata.managedFields[].fieldsV1` holds.
//!
//! A path's last step maps to `{}`; where paths go on below it, `"."` marks that the step itself is in the set.

use serde_json::{Map, Value};

use super::path::PathElement;
use super::set::{Node, Set};

impl Set {
    /// Reads a `fieldsV1` tree.
    pub fn from_fields_v1(value: &Value) -> Result<Self, String> {
        match value {
            Value::Object(map) => Ok(parse(map)?.below),
            Value::Null => Ok(Self::default()),
            other => Err(format!("expected a map of fields, got {other}")),
        }
    }

    /// Whether a path of this set may be in a `fieldsV1` tree: never `false` where one is. Nothing is read but the steps
    /// that the set has; items of lists, whose keys can be written in several ways, count as the same.
    pub(super) fn may_overlap(&self, fields: &Value) -> bool {
        let Value::Object(map) = fields else { return true };
        self.nodes().iter().any(|(step, node)| match step {
            PathElement::Field(_) => map.get(&step.encode()).is_some_and(|below| {
                let is_member = below.as_object().is_none_or(|below| below.is_empty() || below.contains_key("."));
                (node.member && is_member) || node.below.may_overlap(below)
            }),
            _ => map.keys().any(|key| key != "." && !key.starts_with("f:")),
        })
    }

    /// The `fieldsV1` tree.
    pub fn to_fields_v1(&self) -> Value {
        Value::Object(encode(self))
    }
}

fn parse(map: &Map<String, Value>) -> Result<Node, String> {
    let mut node = Node { member: map.is_empty(), below: Set::default() };
    let mut nodes = Vec::with_capacity(map.len());
    for (key, value) in map {
        if key == "." {
            node.member = true;
        } else if let Some(step) = PathElement::parse(key)? {
            let child = match value {
                Value::Object(below) => parse(below)?,
                Value::Null => Node { member: true, below: Set::default() },
                other => return Err(format!("expected a map of fields, got {other}")),
            };
            nodes.push((step, child));
        }
    }
    node.below = Set::from_nodes(nodes);
    Ok(node)
}

fn encode(set: &Set) -> Map<String, Value> {
    set.nodes()
        .iter()
        .map(|(step, node)| {
            let mut below = encode(&node.below);
            if node.member && !below.is_empty() {
                below.insert(".".to_owned(), Value::Object(Map::new()));
            }
            (step.encode(), Value::Object(below))
        })
        .collect()
}
