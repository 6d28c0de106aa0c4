//! The typed merge of apply: the live value with the applied configuration laid over it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::path::PathElement;
use super::types::{ListType, MapType, Type, View};
use super::violation::Violation;

/// The live object with the configuration laid over it.
pub(super) fn merge_objects(
    ty: Type<'_>,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Result<Map<String, Value>, Violation> {
    match ty.view(None) {
        View::Map(map) => merge_maps(map, live, config),
        _ => Ok(config.clone()),
    }
}

fn merge(ty: Type<'_>, live: &Value, config: &Value) -> Result<Value, Violation> {
    match (ty.view(Some(config)), live, config) {
        (View::Map(map), Value::Object(live), Value::Object(config))
            if !(map.atomic || live.is_empty() && config.is_empty()) =>
        {
            Ok(Value::Object(merge_maps(map, live, config)?))
        }
        // A null says nothing about a map or list that is owned by its parts.
        (View::Map(map), Value::Object(live), Value::Null) if !map.atomic && !live.is_empty() => {
            Ok(Value::Object(live.clone()))
        }
        (View::List(list), Value::Array(live), Value::Array(config))
            if !(list.atomic() || live.is_empty() && config.is_empty()) =>
        {
            Ok(Value::Array(merge_lists(list, live, config)?))
        }
        (View::List(list), Value::Array(live), Value::Null) if !list.atomic() && !live.is_empty() => {
            Ok(Value::Array(live.clone()))
        }
        _ => Ok(config.clone()),
    }
}

fn merge_maps(
    map: MapType<'_>,
    live: &Map<String, Value>,
    config: &Map<String, Value>,
) -> Result<Map<String, Value>, Violation> {
    let mut out = live.clone();
    for (key, value) in config {
        let merged = match live.get(key) {
            None => value.clone(),
            Some(before) => {
                let entry = map.entry(key);
                match entry.ty {
                    Some(ty) => merge(ty, before, value).map_err(|violation| violation.under(&entry.step))?,
                    None => value.clone(),
                }
            }
        };
        out.insert(key.clone(), merged);
    }
    Ok(out)
}

/// Items of the configuration come in its order, items of the live list alone stay where they were among them.
fn merge_lists(list: ListType<'_>, live: &[Value], config: &[Value]) -> Result<Vec<Value>, Violation> {
    let config_steps = steps(list, config)?;
    let live_steps = steps(list, live)?;
    let mut config_items: BTreeMap<&PathElement, &Value> = BTreeMap::new();
    for (step, item) in config_steps.iter().zip(config) {
        if config_items.insert(step, item).is_some() {
            return Err(Violation::new(format!("duplicate entries for key {step}")));
        }
    }
    // A duplicate in the live list is not merged with the item of the configuration, which takes its place.
    let mut live_items: BTreeMap<&PathElement, Option<&Value>> = BTreeMap::new();
    for (step, item) in live_steps.iter().zip(live) {
        live_items.entry(step).and_modify(|slot| *slot = None).or_insert(Some(item));
    }
    let merged = |step: &PathElement| -> Result<Option<Value>, Violation> {
        let Some(item) = config_items.get(step) else { return Ok(None) };
        let out = match live_items.get(step) {
            Some(Some(before)) => merge(list.item, before, item).map_err(|violation| violation.under(step))?,
            _ => (*item).clone(),
        };
        Ok(Some(out))
    };

    let mut shared = config_steps.iter().filter(|step| live_items.contains_key(step)).peekable();
    let mut done: BTreeSet<&PathElement> = BTreeSet::new();
    let mut out = Vec::with_capacity(live.len().max(config.len()));
    let (mut l, mut c) = (0, 0);
    while l < live.len() || c < config.len() {
        if l < live.len() && c < config.len() {
            let step = &live_steps[l];
            if *step == config_steps[c] {
                done.insert(step);
                out.extend(merged(step)?);
                (l, c) = (l + 1, c + 1);
                shared.next();
                continue;
            }
            // Shared, but not the one whose turn it is.
            if config_items.contains_key(step) && shared.peek().is_some_and(|next| *next != step) {
                l += 1;
                continue;
            }
        }
        if l < live.len() {
            let step = &live_steps[l];
            if !config_items.contains_key(step) {
                out.push(live[l].clone());
                l += 1;
                continue;
            }
            if done.contains(step) {
                l += 1;
            }
        }
        if c < config.len() {
            let step = &config_steps[c];
            done.insert(step);
            out.extend(merged(step)?);
            c += 1;
            if shared.peek().is_some_and(|next| *next == step) {
                shared.next();
            }
        }
    }
    Ok(out)
}

fn steps(list: ListType<'_>, items: &[Value]) -> Result<Vec<PathElement>, Violation> {
    items.iter().enumerate().map(|(at, item)| list.step(item).map_err(|text| Violation::element(at, &text))).collect()
}
