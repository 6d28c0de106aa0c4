//! Dropping what a schema does not know, as upstream's structural pruning does.

use std::fmt::Write as _;

use kubernel_meta::Object;
use serde_json::{Map, Value};

use crate::schema::{Additional, Node, Structural};

/// What every object has, custom or embedded.
const META: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Structural {
    /// Drops unknown fields and says their paths, as strict decoding names them: `spec.x`, `spec.l[0].y`.
    pub fn prune(&self, object: &mut Object) -> Vec<String> {
        let mut walk = Walk { path: String::new(), dropped: Vec::new() };
        walk.map(object.map_mut(), Some(&self.root), true);
        walk.dropped
    }
}

struct Walk {
    path: String,
    dropped: Vec<String>,
}

impl Walk {
    fn value(&mut self, value: &mut Value, node: Option<&Node>) {
        match value {
            Value::Object(map) => self.map(map, node, node.is_some_and(|node| node.embedded)),
            Value::Array(items) => {
                let (item, keeps) =
                    (node.and_then(|node| node.items.as_deref()), node.is_some_and(|node| node.preserve));
                if item.is_none() && keeps {
                    return;
                }
                for (index, value) in items.iter_mut().enumerate() {
                    let length = self.path.len();
                    let _ = write!(self.path, "[{index}]");
                    self.value(value, item);
                    self.path.truncate(length);
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, map: &mut Map<String, Value>, node: Option<&Node>, is_resource: bool) {
        let mut unknown = Vec::new();
        for (key, value) in map.iter_mut() {
            if is_resource && META.contains(&key.as_str()) {
                continue;
            }
            let below = match (node.and_then(|node| node.properties.get(key)), node.map(|node| &node.additional)) {
                (Some(property), _) => Some(property),
                (None, Some(Additional::Of(of))) => Some(&**of),
                (None, Some(Additional::Any)) => None,
                (None, _) if node.is_some_and(|node| node.preserve) => continue,
                (None, _) => {
                    unknown.push(key.clone());
                    continue;
                }
            };
            let length = self.path.len();
            self.step(key);
            self.value(value, below);
            self.path.truncate(length);
        }
        for key in unknown {
            map.remove(&key);
            let length = self.path.len();
            self.step(&key);
            self.dropped.push(self.path.clone());
            self.path.truncate(length);
        }
    }

    fn step(&mut self, key: &str) {
        if !self.path.is_empty() {
            self.path.push('.');
        }
        self.path.push_str(key);
    }
}
