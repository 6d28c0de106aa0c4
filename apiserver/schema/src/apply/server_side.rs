//! The apply patch: merge the configuration, take away what only this manager owned, refuse what others own.

use std::collections::BTreeMap;

use kubernel_meta::{ApiError, GroupVersion, Gvk, Object, Reason};
use serde_json::{Map, Value};

use super::check::check;
use super::collect::field_set;
use super::compare::compare;
use super::conflict::{Conflict, conflict_error};
use super::last_applied;
use super::managed::{Entry, Identity, ManagedFields, Operation};
use super::merge::merge_objects;
use super::path::same_maps;
use super::remove::{remove_fields, with_named_fields};
use super::strip::without_meta;
use super::track::{set_managed, take_over};
use super::types::Type;
use super::versions::{Changes, Known, Versioned, Versions};
use super::violation::{Violation, describe};
use super::zero::zero_object;
use super::{Set, Write};
use crate::shape::Schema;

/// The manager of all fields that an object without owners had before it was first applied.
const BEFORE_FIRST_APPLY: &str = "before-first-apply";
const PATH: [&str; 2] = ["metadata", "managedFields"];

/// Applies `config` for `write.manager`: the merged object, not yet decoded, defaulted or validated.
///
/// `live` is the stored object, `None` where apply creates it. Without `force`, taking a field from another manager is
/// the 409 that lists all such fields. An apply that changes nothing returns the live object, whose managedFields may
/// have gained an entry without time.
pub fn apply(
    schema: &Schema,
    versions: &dyn Versions,
    live: Option<&Object>,
    config: &Object,
    write: &Write<'_>,
    force: bool,
) -> Result<Object, ApiError> {
    let ty = Type::root(schema);
    let known = Known::new(schema, write, versions);
    let stored = live.map_or(&[][..], |live| live.list_at(&PATH));
    let managed =
        ManagedFields::decode(stored).map_err(|error| internal(format!("failed to decode managed fields: {error}")))?;
    let gvk = kind_of(config);
    if gvk != expected_kind(write) {
        return Err(ApiError::bad_request(format!("invalid object type: {}", show_kind(&gvk))));
    }
    let live_map = live_without_owners(schema, live, write);
    let managed =
        if managed.is_empty() && live.is_some() { first_owners(schema, &known, &live_map, write)? } else { managed };
    if config.at(&PATH).is_some_and(|value| !value.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let violations = check(ty, config.map());
    if !violations.is_empty() {
        let (namespace, name) = (config.namespace(), config.name());
        let (kind, list) = (show_kind(&gvk), describe(&violations));
        return Err(internal(format!("failed to create typed patch object ({namespace}/{name}; {kind}): {list}")));
    }
    let managed = managed.reconciled(&known, &live_map).map_err(internal)?;
    let live = known.own(live_map);
    let run = Run { known: &known, live: &live, config, write };
    let outcome = match run.apply(managed.clone(), force)? {
        Err(conflicts) if write.manager == last_applied::MANAGER => {
            let theirs = last_applied::remaining_conflicts(ty, &live.map, write.api_version, conflicts);
            if theirs.is_empty() { run.apply(managed, true)? } else { Err(theirs) }
        }
        outcome => outcome,
    };
    let (merged, managed) = outcome.map_err(conflict_error)?;
    let mut object = Object::new(merged.unwrap_or(live.map));
    if write.manager == last_applied::MANAGER {
        last_applied::refresh(&mut object, config);
    }
    set_managed(&mut object, managed);
    Ok(object)
}

struct Run<'a> {
    known: &'a Known<'a>,
    live: &'a Versioned,
    config: &'a Object,
    write: &'a Write<'a>,
}

/// The merged object, `None` where it equals the live one, and its owners; or the conflicts.
type Outcome = Result<(Option<Map<String, Value>>, ManagedFields), Vec<Conflict>>;

impl Run<'_> {
    fn apply(&self, mut managed: ManagedFields, force: bool) -> Result<Outcome, ApiError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |violation: Violation| internal(format!("failed to {what}: {violation}"))
        };
        let (write, ty) = (self.write, self.live.ty());
        let merged = merge_objects(ty, &self.live.map, self.config.map()).map_err(failed("merge config"))?;
        let whole = Value::Object(self.config.map().clone());
        let set = field_set(ty, &whole).map_err(failed("get field set"))?;
        let set = write.filter(set);

        let identity = Identity::new(write.manager, Operation::Apply, write.api_version, write.subresource);
        let last = managed.take(&identity);
        let last_time = last.as_ref().and_then(|entry| entry.time.clone());
        let merged = match last {
            Some(last) if last.api_version != write.api_version || !last.set.is_subset(&set) => {
                let pruned = self.prune(merged, &managed, &set, last);
                pruned.map_err(|why| internal(format!("failed to prune fields: {why}")))?
            }
            _ => merged,
        };
        let difference = compare(ty, &self.live.map, &merged).map_err(failed("compare objects"))?;
        let difference = difference.filter(|set| write.filter(set));
        let changes = Changes::of(self.known, &mut managed, difference, &self.live.map, &merged).map_err(internal)?;
        if !force {
            let conflicts = conflicts(&managed, &changes);
            if !conflicts.is_empty() {
                return Ok(Err(conflicts));
            }
        }
        managed.disown(&changes);
        let changed = !same_maps(&self.live.map, &merged);
        managed.put(Entry {
            identity,
            api_version: write.api_version.to_owned(),
            set: without_meta(set),
            time: if changed { Some(write.now.to_owned()) } else { last_time },
        });
        Ok(Ok((changed.then_some(merged), managed)))
    }

    /// Takes away what this manager applied before and does not now, unless somebody else owns it.
    ///
    /// That is looked at in the version in which it was applied, and in every version in which others own fields.
    fn prune(
        &self,
        merged: Map<String, Value>,
        others: &ManagedFields,
        set: &Set,
        last: Entry,
    ) -> Result<Map<String, Value>, String> {
        let into = |object: &Versioned, api_version: &str, what: &str| {
            let converted = self.known.convert(object, api_version);
            converted.map_err(|why| format!("failed to convert {what}: {why}"))
        };
        let dangling = |why: String| format!("failed add back dangling items: {why}");
        let merged = self.known.own(merged);
        // Upstream was seen to keep what was applied to a built-in kind in another version.
        if last.api_version != merged.api_version && merged.ty().builtin() {
            return Ok(merged.map);
        }
        let Some(before) = into(&merged, &last.api_version, "merged object to last applied version")? else {
            return Ok(merged.map);
        };
        let last = with_named_fields(before.ty(), last.set);
        let pruned = before.with(remove_fields(before.ty(), before.map.clone(), &last));
        let pruned = self.add_back_owned(&before, pruned, others, set);
        let pruned = pruned.map_err(|why| format!("failed add back owned items: {why}"))?;

        // Back comes also what nobody owns, below an item that somebody keeps.
        let back = into(&pruned, &before.api_version, "pruned object to last applied version");
        let kept = match back.map_err(dangling)? {
            Some(pruned) => {
                let fields = |object, what| named_fields(object, what, "in last applied version").map_err(dangling);
                let gone = fields(&before, "merged")?.difference(&fields(&pruned, "pruned")?).intersection(&last);
                before.with(remove_fields(before.ty(), before.map.clone(), &gone))
            }
            None => before,
        };
        let kept = self.known.convert(&kept, self.write.api_version)?;
        Ok(kept.map_or(merged.map, |kept| kept.map))
    }

    /// The pruned object with what others own, or this manager in what it applies now, back in it.
    fn add_back_owned(
        &self,
        merged: &Versioned,
        pruned: Versioned,
        others: &ManagedFields,
        set: &Set,
    ) -> Result<Versioned, String> {
        let mut owned = BTreeMap::from([(self.write.api_version.to_owned(), set.clone())]);
        for entry in others.entries() {
            let all = owned.entry(entry.api_version.clone()).or_default();
            *all = std::mem::take(all).union(entry.set.clone());
        }
        // First in the version in which it was pruned, lest a conversion misses what it needs.
        let first = owned.remove_entry(&merged.api_version);
        let mut merged = merged.with(merged.map.clone());
        let mut pruned = pruned;
        for (api_version, owned) in first.into_iter().chain(owned) {
            let into = |object: &Versioned, what: &str| {
                let converted = self.known.convert(object, &api_version);
                converted.map_err(|why| format!("failed to convert {what} object at version {api_version}: {why}"))
            };
            let at = format!("at version {api_version}");
            let (Some(all), Some(rest)) = (into(&merged, "merged")?, into(&pruned, "pruned")?) else { continue };
            let kept = named_fields(&rest, "pruned", &at)?.union(with_named_fields(all.ty(), owned));
            let gone = named_fields(&all, "merged", &at)?.difference(&kept);
            pruned = all.with(remove_fields(all.ty(), all.map.clone(), &gone));
            merged = all;
        }
        Ok(pruned)
    }
}

/// The fields of an object, with every named field on the way to one.
fn named_fields(object: &Versioned, what: &str, at: &str) -> Result<Set, String> {
    let set = field_set(object.ty(), &Value::Object(object.map.clone()));
    let set = set.map_err(|why| format!("failed to create field set from {what} object {at}: {why}"))?;
    Ok(with_named_fields(object.ty(), set))
}

fn conflicts(managed: &ManagedFields, changes: &Changes) -> Vec<Conflict> {
    let of = |entry: &Entry| {
        let touched = changes.seen_in(&entry.api_version)?;
        let set = entry.set.intersection(&touched.modified).union(entry.set.intersection(&touched.added));
        Some(Conflict { owner: entry.identity.clone(), set })
    };
    managed.entries().iter().filter_map(of).filter(|conflict| !conflict.set.is_empty()).collect()
}

fn live_without_owners(schema: &Schema, live: Option<&Object>, write: &Write<'_>) -> Map<String, Value> {
    let Some(live) = live else {
        let mut zero = zero_object(schema);
        zero.insert("apiVersion".to_owned(), write.api_version.into());
        zero.insert("kind".to_owned(), write.kind.into());
        return zero;
    };
    let mut live = live.clone();
    live.remove(&PATH);
    std::mem::take(live.map_mut())
}

/// The owners of an object that has none yet: all it holds was there before.
fn first_owners(
    schema: &Schema,
    known: &Known<'_>,
    live: &Map<String, Value>,
    write: &Write<'_>,
) -> Result<ManagedFields, ApiError> {
    let zero = zero_object(schema);
    let difference = compare(Type::root(schema), &zero, live)
        .map_err(|violation| internal(format!("failed to create manager for existing fields: {violation}")))?
        .filter(|set| write.filter(without_meta(set)));
    let before = Write { manager: BEFORE_FIRST_APPLY, ..*write };
    take_over(ManagedFields::default(), difference, known, &zero, live, &before).map_err(internal)
}

fn kind_of(config: &Object) -> Gvk {
    let api_version = config.api_version();
    match GroupVersion::parse(api_version) {
        Some(version) => version.with_kind(config.kind()),
        None => Gvk::new("", "", if api_version.is_empty() { config.kind() } else { "" }),
    }
}

fn expected_kind(write: &Write<'_>) -> Gvk {
    GroupVersion::parse(write.api_version).map_or_else(|| Gvk::new("", "", write.kind), |v| v.with_kind(write.kind))
}

/// Go's text of a GroupVersionKind: `apps/v1, Kind=Deployment`, `/v1, Kind=Pod`.
fn show_kind(gvk: &Gvk) -> String {
    format!("{}/{}, Kind={}", gvk.group, gvk.version, gvk.kind)
}

fn internal(message: String) -> ApiError {
    ApiError::new(500, Reason::Unknown, message)
}
