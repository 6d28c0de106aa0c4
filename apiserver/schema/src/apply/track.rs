//! Ownership through creates, updates and patches.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::compare::{Difference, compare};
use super::managed::{Entry, Identity, ManagedFields, Operation};
use super::strip::without_meta;
use super::types::Type;
use super::versions::{Changes, Known, Versions};
use super::zero::zero_object;
use super::{Set, Write};
use crate::shape::Schema;

const PATH: [&str; 2] = ["metadata", "managedFields"];

/// Sets `new`'s managedFields: what changes from `live` (nothing, on a create) to `new` becomes the writer's.
///
/// Clients may write managedFields themselves (not through a subresource): an empty list or a list of one empty entry
/// forgets all owners. An object without owners gets none until it is applied. Where the fields cannot be told apart
/// the object ends without managedFields, and the error says why (upstream only logs it).
pub fn track_update(
    schema: &Schema,
    versions: &dyn Versions,
    live: Option<&Object>,
    new: &mut Object,
    write: &Write<'_>,
) -> Result<(), String> {
    let known = Known::new(schema, write, versions);
    let start = start(live, new.remove(&PATH), write);
    let stored = live.map_or(&[][..], |live| live.list_at(&PATH));
    let exists = live.is_some_and(|live| !live.uid().is_empty());
    let owned = match &start {
        Start::Stored => !stored.is_empty(),
        Start::Sent(managed) => !managed.is_empty(),
    };
    if exists && !owned {
        return Ok(());
    }
    let zero;
    let before = match live {
        Some(live) => live.map(),
        None => {
            zero = zero_object(schema);
            &zero
        }
    };
    let difference = compare(Type::root(schema), before, new.map())
        .map_err(|violation| violation.to_string())?
        .filter(|set| write.filter(without_meta(set)));
    let managed = match start {
        Start::Stored if owned && difference.is_empty() && all_known(&known, stored) => {
            new.set(&PATH, stored.to_vec());
            return Ok(());
        }
        Start::Stored => match touched(&known, stored, &difference, write) {
            Some(managed) => managed,
            None => ManagedFields::decode(stored).unwrap_or_default().reconciled(&known, before)?,
        },
        Start::Sent(managed) => managed.reconciled(&known, before)?,
    };
    if !(exists && managed.is_empty()) {
        let managed = take_over(managed, difference, &known, before, new.map(), write)?;
        set_managed(new, managed);
    }
    Ok(())
}

/// The stored owners, read as far as the write concerns them; `None` where that is no safe way.
fn touched(known: &Known<'_>, stored: &[Value], difference: &Difference, write: &Write<'_>) -> Option<ManagedFields> {
    if !known.built_in() {
        return None;
    }
    let Difference { added, modified, removed } = difference;
    let all = added.clone().union(modified.clone()).union(removed.clone());
    let writer = Identity::new(write.manager, Operation::Update, write.api_version, write.subresource);
    ManagedFields::decode_touched(stored, &writer, write.api_version, &all)
}

/// What a write changes (without what is never owned) goes from its owners to the writer.
pub(super) fn take_over(
    mut managed: ManagedFields,
    difference: Difference,
    known: &Known<'_>,
    old: &Map<String, Value>,
    new: &Map<String, Value>,
    write: &Write<'_>,
) -> Result<ManagedFields, String> {
    let set = difference.modified.clone().union(difference.added.clone());
    let changes = Changes::of(known, &mut managed, difference, old, new)?;
    managed.disown(&changes);
    if !set.is_empty() {
        let identity = Identity::new(write.manager, Operation::Update, write.api_version, write.subresource);
        let before = managed.take(&identity).map_or_else(Set::default, |entry| entry.set);
        managed.put(Entry {
            identity,
            api_version: write.api_version.to_owned(),
            set: before.union(set),
            time: Some(write.now.to_owned()),
        });
    }
    managed.cap();
    Ok(managed)
}

/// Whether all entries are of versions that there still are.
fn all_known(known: &Known<'_>, entries: &[Value]) -> bool {
    entries.iter().all(|entry| entry.get("apiVersion").and_then(Value::as_str).is_some_and(|own| known.has(own)))
}

/// Writes the entries into the object, or takes the field away where there are none.
pub(super) fn set_managed(object: &mut Object, managed: ManagedFields) {
    if managed.is_empty() {
        object.remove(&PATH);
    } else {
        object.set(&PATH, managed.encode());
    }
}

/// Where `new` differs from `live` in nothing but the times of managedFields, it gets the old ones back: a write that
/// changes nothing must not touch the object.
pub fn keep_times(live: &Object, new: &mut Object) {
    let (Some(before), Some(after)) =
        (live.at(&PATH).and_then(Value::as_array), new.at(&PATH).and_then(Value::as_array))
    else {
        return;
    };
    let but_time = |entry: &Value, other: &Value| match (entry.as_object(), other.as_object()) {
        (Some(entry), Some(other)) => {
            let rest = |map: &'_ Map<String, Value>| map.len() - usize::from(map.contains_key("time"));
            rest(entry) == rest(other)
                && entry.iter().all(|(key, value)| key == "time" || other.get(key) == Some(value))
        }
        _ => entry == other,
    };
    if before.len() != after.len() || before == after {
        return;
    }
    let same = before.iter().all(|entry| after.iter().any(|other| but_time(entry, other)));
    if !same {
        return;
    }
    let restored = Value::Array(before.clone());
    let times = new.remove(&PATH);
    new.set(&PATH, restored);
    if new != live
        && let Some(times) = times
    {
        new.set(&PATH, times);
    }
}

/// The owners before the write.
enum Start {
    /// Those of the stored object.
    Stored,
    /// Those that the client sent.
    Sent(ManagedFields),
}

fn start(live: Option<&Object>, sent: Option<Value>, write: &Write<'_>) -> Start {
    let Some(Value::Array(sent)) = sent else { return Start::Stored };
    if !write.subresource.is_empty() || live.is_some_and(|live| live.list_at(&PATH) == sent) {
        return Start::Stored;
    }
    if sent.is_empty() || matches!(sent.as_slice(), [one] if is_empty_entry(one)) {
        return Start::Sent(ManagedFields::default());
    }
    match ManagedFields::decode(&sent) {
        Ok(managed) if !managed.is_empty() => Start::Sent(managed),
        _ => Start::Stored,
    }
}

fn is_empty_entry(entry: &Value) -> bool {
    entry
        .as_object()
        .is_some_and(|map| map.values().all(|value| value.is_null() || value.as_str().is_some_and(str::is_empty)))
}
