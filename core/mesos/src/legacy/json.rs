//! Writes JSON piece by piece: an answer may be larger than what one wants to hold twice. Pure.

use serde_json::Value;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self("{".to_owned())
    }

    /// A member that is a plain value.
    pub(super) fn field(&mut self, name: &str, value: impl Into<Value>) {
        let value: Value = value.into();
        self.raw(name, &value.to_string());
    }

    /// A member that is JSON already.
    pub(super) fn raw(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.push_str(json);
    }

    /// A member that is a list of JSON.
    pub(super) fn list(&mut self, name: &str, items: impl IntoIterator<Item = String>) {
        self.name(name);
        push_list(&mut self.0, items);
    }

    pub(super) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn name(&mut self, name: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&Value::from(name).to_string());
        self.0.push(':');
    }
}

/// A list of JSON.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    let mut out = String::new();
    push_list(&mut out, items);
    out
}

/// A text as JSON.
pub(super) fn text(of: &str) -> String {
    Value::from(of).to_string()
}

fn push_list(out: &mut String, items: impl IntoIterator<Item = String>) {
    out.push('[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(&item);
    }
    out.push(']');
}
