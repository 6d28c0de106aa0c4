//! Resources, attributes and labels in the form of the older endpoints. Pure.

use std::collections::BTreeMap;

use kubernel_mesos_proto::{
    Message,
    v1::{Attribute, Labels, Range, Resource},
};
use serde_json::{Map, Value, json};

use super::json::list;

/// Amounts by name; those that every machine has are always there, ranges and sets are texts.
pub(super) fn amounts<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> String {
    let mut scalars: BTreeMap<String, f64> = ["cpus", "disk", "gpus", "mem"].map(|name| (name.to_owned(), 0.0)).into();
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for resource in resources {
        let suffix = if resource.revocable.is_some() { "_revocable" } else { "" };
        let name = format!("{}{suffix}", resource.name);
        if let Some(scalar) = &resource.scalar {
            *scalars.entry(name).or_default() += scalar.value;
        } else if let Some(ranges) = &resource.ranges {
            texts.entry(name).or_default().extend(ranges.range.iter().map(range));
        } else if let Some(set) = &resource.set {
            texts.entry(name).or_default().extend(set.item.iter().cloned());
        }
    }
    let is_set = |name: &str, parts: &[String]| !name.starts_with("ports") && parts.iter().any(|part| !is_range(part));
    let texts = texts.into_iter().map(|(name, parts)| {
        let text = match is_set(&name, &parts) {
            true => format!("{{{}}}", parts.join(", ")),
            false => format!("[{}]", parts.join(", ")),
        };
        (name, Value::from(text))
    });
    let scalars = scalars.into_iter().map(|(name, value)| (name, number(value)));
    Value::Object(scalars.chain(texts).collect::<Map<_, _>>()).to_string()
}

/// The reservations of resources, by role.
pub(super) fn by_role(resources: &[Resource]) -> BTreeMap<&str, Vec<&Resource>> {
    let mut roles: BTreeMap<&str, Vec<&Resource>> = BTreeMap::new();
    for resource in resources {
        if let Some(role) = role(resource) {
            roles.entry(role).or_default().push(resource);
        }
    }
    roles
}

/// The role that a resource is reserved for.
pub(super) fn role(resource: &Resource) -> Option<&str> {
    match resource.reservations.last() {
        Some(last) => last.role.as_deref(),
        None => resource.role.as_deref().filter(|role| *role != "*"),
    }
}

/// Resources as they are in messages.
pub(super) fn full<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> String {
    list(resources.into_iter().map(Message::to_json))
}

/// Attributes by name.
pub(super) fn attributes(of: &[Attribute]) -> String {
    let value = |attribute: &Attribute| match (&attribute.scalar, &attribute.ranges, &attribute.set) {
        (Some(scalar), _, _) => number(scalar.value),
        (_, Some(ranges), _) => {
            json!(format!("[{}]", ranges.range.iter().map(range).collect::<Vec<_>>().join(", ")))
        }
        (_, _, Some(set)) => json!(format!("{{{}}}", set.item.join(", "))),
        _ => json!(attribute.text.as_ref().map(|text| text.value.as_str()).unwrap_or_default()),
    };
    let all: Map<String, Value> = of.iter().map(|attribute| (attribute.name.clone(), value(attribute))).collect();
    Value::Object(all).to_string()
}

/// Labels as a list.
pub(super) fn labels(of: &Labels) -> String {
    list(of.labels.iter().map(Message::to_json))
}

/// A number, without a fraction where it has none.
pub(super) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the range was checked")]
    if value.fract() == 0.0 && value.abs() < 9e15 { Value::from(value as i64) } else { Value::from(value) }
}

fn range(of: &Range) -> String {
    format!("{}-{}", of.begin, of.end)
}

fn is_range(text: &str) -> bool {
    text.split_once('-').is_some_and(|(begin, end)| begin.parse::<u64>().is_ok() && end.parse::<u64>().is_ok())
}
