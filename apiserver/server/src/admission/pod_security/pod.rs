//! A Pod or Pod template as the checks look at it, and the words in which they name its containers.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A Pod with what several checks need of it.
pub(super) struct Pod<'a> {
    metadata: &'a Value,
    spec: &'a Value,
    /// Init containers, containers, ephemeral containers.
    pub(super) containers: Vec<&'a Value>,
}

/// Who set something that is forbidden: the Pod itself, containers, or both.
#[derive(Default)]
pub(super) struct Setters {
    pod: bool,
    containers: Vec<String>,
}

impl<'a> Pod<'a> {
    pub(super) fn new(object: &'a Map<String, Value>) -> Self {
        let (metadata, spec) =
            (object.get("metadata").unwrap_or(&Value::Null), object.get("spec").unwrap_or(&Value::Null));
        let lists = ["initContainers", "containers", "ephemeralContainers"];
        let containers = lists.iter().filter_map(|list| spec[list].as_array()).flatten().collect();
        Self { metadata, spec, containers }
    }

    /// A field of the Pod's spec by its JSON pointer.
    pub(super) fn field(&self, pointer: &str) -> Option<&'a Value> {
        self.spec.pointer(pointer).filter(|value| !value.is_null())
    }

    /// The annotations in the order of their keys.
    pub(super) fn annotations(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let map = self.metadata["annotations"].as_object();
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
    }

    /// The volumes.
    pub(super) fn volumes(&self) -> &'a [Value] {
        self.spec["volumes"].as_array().map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether it says that it runs on Windows, where some checks make no sense.
    pub(super) fn is_windows(&self) -> bool {
        self.field("/os/name").and_then(Value::as_str) == Some("windows")
    }

    /// Whether it has a user namespace of its own, in which root is nobody (KEP-127).
    pub(super) fn has_user_namespace(&self) -> bool {
        self.field("/hostUsers") == Some(&Value::Bool(false))
    }

    /// The containers that are so, by name.
    pub(super) fn containers_that(&self, mut are: impl FnMut(&Value) -> bool) -> Vec<String> {
        self.containers.iter().filter(|container| are(container)).map(|container| name(container)).collect()
    }

    /// Who sets a field of the security context (`/runAsUser`) to a value that is wrong.
    pub(super) fn setters(&self, field: &str, mut is_wrong: impl FnMut(&Value) -> bool) -> Setters {
        let pointer = format!("/securityContext{field}");
        let pod = self.field(&pointer).is_some_and(&mut is_wrong);
        let containers = self.containers_that(|container| set(container, &pointer).is_some_and(&mut is_wrong));
        Setters { pod, containers }
    }
}

impl Setters {
    pub(super) fn is_empty(&self) -> bool {
        !self.pod && self.containers.is_empty()
    }

    /// `pod and containers "a", "b"`.
    pub(super) fn words(&self) -> String {
        let pod = self.pod.then(|| "pod".to_owned());
        let containers = (!self.containers.is_empty()).then(|| containers(&self.containers));
        pod.into_iter().chain(containers).collect::<Vec<_>>().join(" and ")
    }
}

/// A field of a container that is set.
pub(super) fn set<'a>(container: &'a Value, pointer: &str) -> Option<&'a Value> {
    container.pointer(pointer).filter(|value| !value.is_null())
}

/// A container's or volume's name.
pub(super) fn name(item: &Value) -> String {
    item["name"].as_str().unwrap_or_default().to_owned()
}

/// `container "a"`, `containers "a", "b"`.
pub(super) fn containers(names: &[String]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names))
}

/// `"a", "b"`.
pub(super) fn quoted<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| format!("\"{}\"", item.as_ref())).collect::<Vec<_>>().join(", ")
}

/// The word for so many.
pub(super) fn plural(one: &'static str, many: &'static str, count: usize) -> &'static str {
    if count == 1 { one } else { many }
}

/// Notes a text in a set and says that it is wrong.
pub(super) fn note(values: &mut BTreeSet<String>, value: &Value) -> bool {
    values.insert(value.as_str().unwrap_or_default().to_owned());
    true
}
