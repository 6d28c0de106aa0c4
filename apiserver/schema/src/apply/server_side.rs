//! The apply patch: merge the configuration, take away what only this manager owned, refuse what others own.

use kubernel_meta::{ApiError, GroupVersion, Gvk, Object, Reason};
use serde_json::{Map, Value};

use super::check::check;
use super::collect::field_set;
use super::compare::{Difference, compare};
use super::conflict::{Conflict, conflict_error};
use super::last_applied;
use super::managed::{Entry, Identity, ManagedFields, Operation};
use super::merge::merge_objects;
use super::remove::{remove_fields, with_named_fields};
use super::strip::without_meta;
use super::track::{set_managed, take_over};
use super::types::Type;
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
    live: Option<&Object>,
    config: &Object,
    write: &Write<'_>,
    force: bool,
) -> Result<Object, ApiError> {
    let ty = Type::root(schema);
    let stored = live.map_or(&[][..], |live| live.list_at(&PATH));
    let managed =
        ManagedFields::decode(stored).map_err(|error| internal(format!("failed to decode managed fields: {error}")))?;
    let gvk = kind_of(config);
    if gvk != expected_kind(write) {
        return Err(ApiError::bad_request(format!("invalid object type: {}", show_kind(&gvk))));
    }
    let live_map = live_without_owners(schema, live, write);
    let managed = if managed.is_empty() && live.is_some() {
        first_owners(schema, &live_map, write)?
    } else {
        managed.reconciled(ty)
    };
    if config.at(&PATH).is_some_and(|value| !value.is_null()) {
        return Err(ApiError::bad_request("metadata.managedFields must be nil"));
    }
    let violations = check(ty, config.map());
    if !violations.is_empty() {
        let (namespace, name) = (config.namespace(), config.name());
        let (kind, list) = (show_kind(&gvk), describe(&violations));
        return Err(internal(format!("failed to create typed patch object ({namespace}/{name}; {kind}): {list}")));
    }
    let run = Run { ty, live: &live_map, config, write };
    let outcome = match run.apply(managed.clone(), force)? {
        Err(conflicts) if write.manager == last_applied::MANAGER => {
            let theirs = last_applied::remaining_conflicts(ty, &live_map, write.api_version, conflicts);
            if theirs.is_empty() { run.apply(managed, true)? } else { Err(theirs) }
        }
        outcome => outcome,
    };
    let (merged, managed) = outcome.map_err(conflict_error)?;
    let mut object = Object::new(merged.unwrap_or(live_map));
    if write.manager == last_applied::MANAGER {
        last_applied::refresh(&mut object, config);
    }
    set_managed(&mut object, managed);
    Ok(object)
}

struct Run<'a> {
    ty: Type<'a>,
    live: &'a Map<String, Value>,
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
        let write = self.write;
        let merged = merge_objects(self.ty, self.live, self.config.map()).map_err(failed("merge config"))?;
        let whole = Value::Object(self.config.map().clone());
        let set = field_set(self.ty, &whole).map_err(failed("get field set"))?;
        let set = write.filter(set);

        let identity = Identity::new(write.manager, Operation::Apply, write.api_version, write.subresource);
        let last = managed.take(&identity);
        let last_time = last.as_ref().and_then(|entry| entry.time.clone());
        let merged = match last {
            Some(last) if !last.set.is_subset(&set) => {
                self.prune(merged, &managed, &set, last.set).map_err(failed("prune fields"))?
            }
            _ => merged,
        };
        let difference =
            compare(self.ty, self.live, &merged).map_err(failed("compare objects"))?.filter(|set| write.filter(set));
        if !force {
            let conflicts = conflicts(&managed, &difference);
            if !conflicts.is_empty() {
                return Ok(Err(conflicts));
            }
        }
        managed.disown(&difference, None);
        let changed = *self.live != merged;
        managed.put(Entry {
            identity,
            api_version: write.api_version.to_owned(),
            set: without_meta(set),
            time: if changed { Some(write.now.to_owned()) } else { last_time },
        });
        Ok(Ok((changed.then_some(merged), managed)))
    }

    /// Takes away what this manager applied before and does not now, unless somebody else owns it.
    fn prune(
        &self,
        merged: Map<String, Value>,
        others: &ManagedFields,
        set: &Set,
        last: Set,
    ) -> Result<Map<String, Value>, Violation> {
        let ty = self.ty;
        let last = with_named_fields(ty, last);
        let pruned = remove_fields(ty, merged.clone(), &last);
        let owned = others.entries().iter().fold(set.clone(), |all, entry| all.union(entry.set.clone()));
        let merged_value = Value::Object(merged);
        let merged_set = with_named_fields(ty, field_set(ty, &merged_value)?);
        let Value::Object(merged) = merged_value else { return Ok(pruned) };

        // Back comes what others own.
        let pruned_set = with_named_fields(ty, field_set(ty, &Value::Object(pruned))?);
        let gone = merged_set.clone().difference(&pruned_set.union(with_named_fields(ty, owned)));
        let pruned = remove_fields(ty, merged.clone(), &gone);

        // And what nobody owns, below an item that somebody keeps.
        let pruned_set = with_named_fields(ty, field_set(ty, &Value::Object(pruned))?);
        let gone = merged_set.difference(&pruned_set).intersection(&last);
        Ok(remove_fields(ty, merged, &gone))
    }
}

fn conflicts(managed: &ManagedFields, difference: &Difference) -> Vec<Conflict> {
    let touched = difference.modified.clone().union(difference.added.clone());
    let of = |entry: &Entry| Conflict { owner: entry.identity.clone(), set: entry.set.intersection(&touched) };
    managed.entries().iter().map(of).filter(|conflict| !conflict.set.is_empty()).collect()
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
fn first_owners(schema: &Schema, live: &Map<String, Value>, write: &Write<'_>) -> Result<ManagedFields, ApiError> {
    let zero = zero_object(schema);
    let difference = compare(Type::root(schema), &zero, live)
        .map_err(|violation| internal(format!("failed to create manager for existing fields: {violation}")))?
        .filter(|set| write.filter(without_meta(set)));
    let before = Write { manager: BEFORE_FIRST_APPLY, ..*write };
    Ok(take_over(ManagedFields::default(), difference, &before))
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
