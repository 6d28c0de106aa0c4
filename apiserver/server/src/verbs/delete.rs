//! DELETE: finalizers, grace periods, preconditions and propagation, as upstream's generic store.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use kubernel_meta::{ApiError, DeleteOptions, Gvr, Object, PropagationPolicy, WriteOptions, time};
use kubernel_store::{At, Change, Expect, StoreError};
use serde_json::{Value, json};

use crate::admission;
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::{alloc, codec, crds, document, request};

use super::store_error;
use super::write::{self, Target};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";
const CHILDREN_KEPT: &str = "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to \
                             remove them or set propagationPolicy=Orphan to suppress this warning";
/// How often a deletion is tried against a newer state before it is a conflict.
const TRIES_MAX: usize = 8;

/// What a deletion did.
pub(crate) struct Deleted {
    /// The object as it was, or as it is now where it still waits for something.
    pub(crate) object: Object,
    /// Whether it is gone.
    pub(crate) gone: bool,
}

/// What the first look at an object says.
enum Step {
    /// Nothing changes: it is already being deleted.
    Pending,
    /// It stays for now, as this.
    Mark(Object),
    /// It goes.
    Remove(Object),
}

/// Answers a DELETE of an object.
pub(crate) async fn delete(context: &Context, resource: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let options = options(context, body)?;
    let name = context.info.name.clone();
    let deleted = delete_one(context, resource, &context.info.namespace, &name, &options).await?;
    if deleted.gone && !deletion_shows_object(resource) {
        return Ok(Answer::success(resource, &name, deleted.object.uid()));
    }
    let background = options.orphan_dependents == Some(false);
    let code = if !deleted.gone && background { StatusCode::ACCEPTED } else { StatusCode::OK };
    Answer::object(code, resource, &deleted.object)
}

/// The options of a deletion: the body, or the query where there is none.
pub(crate) fn options(context: &Context, body: &[u8]) -> Result<DeleteOptions, ApiError> {
    let object = if body.is_empty() {
        request::delete_options_of_query(&context.query)?
    } else {
        codec::read_delete_options(context, body)?
    };
    request::delete_options_of_body(&object)
}

/// Kinds whose deletion answers with the object (upstream's ReturnDeletedObject).
pub(crate) fn deletion_shows_object(resource: &Resource) -> bool {
    let plural = resource.gvr.resource.as_str();
    match resource.gvr.group.as_str() {
        "" => matches!(
            plural,
            "pods"
                | "services"
                | "serviceaccounts"
                | "persistentvolumes"
                | "persistentvolumeclaims"
                | "podtemplates"
                | "resourcequotas"
        ),
        "storage.k8s.io" => plural != "csistoragecapacities",
        "resource.k8s.io" => true,
        _ => false,
    }
}

/// Deletes one object, or starts its deletion.
pub(crate) async fn delete_one(
    context: &Context,
    resource: &Arc<Resource>,
    namespace: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<Deleted, ApiError> {
    let write_options = WriteOptions { dry_run: options.dry_run, ..WriteOptions::default() };
    let target =
        Target { resource, namespace, name, subresource: "", options: &write_options, manager: "", strict_uid: false };
    for _ in 0..TRIES_MAX {
        let entry = super::get::entry(context, resource, namespace, name, At::Latest).await?;
        let old = document::decode(resource, &entry)?;
        check_preconditions(resource, &old, options)?;
        if keeps_children_unasked(resource, options) {
            context.warn(CHILDREN_KEPT);
        }
        let admit = write::delete_attributes(target, options);
        let warnings = admission::mutate_carried(&context.server, &admit.of(context), None, Some(&old)).await?;
        warnings.into_iter().for_each(|warning| context.warn(warning));
        let admitted = admission::validate(&context.server, &admit.of(context), None, Some(&old)).await?;
        admitted.warnings.into_iter().for_each(|warning| context.warn(warning));
        let step = if resource.gvk.kind == "Namespace" && resource.gvk.group.is_empty() {
            namespace_step(&old, context.now)
        } else if crds::is_definitions(resource) && old.deletion_timestamp().is_none() {
            let mut marked = old.clone();
            crds::start_deletion(&mut marked, &time::format(context.now));
            Step::Mark(marked)
        } else {
            step(resource, &old, options, context.now)
        };
        let (change, object, gone) = match step {
            Step::Pending => return Ok(Deleted { object: old, gone: false }),
            Step::Mark(object) => {
                let document = document::encode(&context.server, resource, &object, None).await?;
                let expect = Expect::Revision(entry.revision);
                (Change::Put { key: entry.key.clone(), expect, document }, object, false)
            }
            Step::Remove(object) => (Change::Delete { key: entry.key.clone(), revision: entry.revision }, object, true),
        };
        if options.dry_run {
            return Ok(Deleted { object, gone });
        }
        let mut changes = if gone { alloc::before_deletion(context, resource, &old).await? } else { Vec::new() };
        changes.push(change);
        match context.server.store().commit(changes).await {
            Ok(events) => {
                let mut object = object;
                let revision = events.last().map_or(0, |event| event.revision);
                if !gone {
                    object.set(&["metadata", "resourceVersion"], revision.to_string());
                }
                return Ok(Deleted { object, gone });
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(ApiError::modified(&resource.gvr, name))
}

/// 409 where the object is not the one that is meant.
pub(crate) fn check_preconditions(
    resource: &Resource,
    object: &Object,
    options: &DeleteOptions,
) -> Result<(), ApiError> {
    let (name, wanted) = (object.name(), &options.preconditions);
    // Upstream names the kind here, where it names the resource everywhere else.
    let kind = Gvr::new(resource.gvk.group.as_str(), "", resource.gvk.kind.as_str());
    if let Some(uid) = wanted.uid.as_deref().filter(|uid| *uid != object.uid()) {
        let found = object.uid();
        let detail = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({found}). The object might have been \
             deleted and then recreated"
        );
        return Err(ApiError::conflict(&kind, name, detail));
    }
    if let Some(version) = wanted.resource_version.as_deref().filter(|version| *version != object.resource_version()) {
        let found = object.resource_version();
        let detail = format!(
            "the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({found}). \
             The object might have been modified"
        );
        return Err(ApiError::conflict(&kind, name, detail));
    }
    Ok(())
}

/// rest.BeforeDelete with the finalizers of propagation.
fn step(resource: &Resource, old: &Object, options: &DeleteOptions, now: Timestamp) -> Step {
    let mut object = old.clone();
    let requested = options.grace_secs.map(|secs| if secs < 0 { 1 } else { secs });
    let current = old.int_at(&["metadata", "deletionGracePeriodSeconds"]);
    let supported = resource.kind.strategy.grace_secs(old, requested);
    let mut graceful = None;
    if let Some(stamp) = old.deletion_timestamp().filter(|_| supported.is_some()) {
        if let Some(current) = current {
            match requested {
                Some(period) if period < current => {
                    let start = time::parse(stamp).unwrap_or(now).as_second() - current;
                    set_deletion(&mut object, start + period, period);
                    graceful = Some(period);
                }
                _ => return Step::Pending,
            }
        }
    } else if let Some(secs) = supported {
        set_deletion(&mut object, now.as_second() + secs, secs);
        if old.generation() > 0 {
            object.set(&["metadata", "generation"], old.generation() + 1);
        }
        graceful = Some(secs);
    }
    let finalizers = finalizers(resource, old, options);
    let pending = !finalizers.is_empty();
    if finalizers != old.finalizers().collect::<Vec<_>>() {
        let list: Vec<Value> = finalizers.iter().map(|name| json!(name)).collect();
        object.set(&["metadata", "finalizers"], list);
    }
    match graceful {
        Some(secs) if pending || secs > 0 => Step::Mark(object),
        None if pending => {
            mark(&mut object, now);
            if object == *old { Step::Pending } else { Step::Mark(object) }
        }
        _ => Step::Remove(object),
    }
}

/// A namespace becomes Terminating first; the namespace controller empties it and takes its finalizer away.
fn namespace_step(old: &Object, now: Timestamp) -> Step {
    if old.deletion_timestamp().is_none() {
        let mut object = old.clone();
        object.set(&["metadata", "deletionTimestamp"], time::format(now));
        object.set(&["status", "phase"], "Terminating");
        return Step::Mark(object);
    }
    let waits = !old.list_at(&["spec", "finalizers"]).is_empty() || old.finalizers().next().is_some();
    if waits { Step::Pending } else { Step::Remove(old.clone()) }
}

fn set_deletion(object: &mut Object, at_secs: i64, period: i64) {
    let at = Timestamp::from_second(at_secs).unwrap_or(Timestamp::MIN);
    object.set(&["metadata", "deletionTimestamp"], time::format(at));
    object.set(&["metadata", "deletionGracePeriodSeconds"], period);
}

/// Marks an object that is not deleted gracefully but has finalizers (markAsDeleting).
fn mark(object: &mut Object, now: Timestamp) {
    match object.deletion_timestamp() {
        None => {
            if object.generation() > 0 {
                object.set(&["metadata", "generation"], object.generation() + 1);
            }
            object.set(&["metadata", "deletionTimestamp"], time::format(now));
        }
        Some(stamp) if time::parse(stamp).is_ok_and(|stamp| stamp > now) => {
            object.set(&["metadata", "deletionTimestamp"], time::format(now));
        }
        Some(_) => {}
    }
    object.set(&["metadata", "deletionGracePeriodSeconds"], 0);
}

/// The finalizers after the propagation policy had its say.
fn finalizers<'a>(resource: &Resource, old: &'a Object, options: &DeleteOptions) -> Vec<&'a str> {
    let has = |name: &str| old.finalizers().any(|finalizer| finalizer == name);
    let (orphan, foreground) = match (options.orphan_dependents, options.propagation_policy) {
        _ if resource.gvk.kind == "Event" => (false, false),
        (Some(orphan), _) => (orphan, false),
        (None, Some(PropagationPolicy::Orphan)) => (true, false),
        (None, Some(PropagationPolicy::Foreground)) => (false, true),
        (None, Some(PropagationPolicy::Background)) => (false, false),
        (None, None) if has(ORPHAN) => (true, false),
        (None, None) if has(FOREGROUND) => (false, true),
        (None, None) => (orphans_by_default(resource), false),
    };
    let mut kept: Vec<&str> = old.finalizers().filter(|name| *name != ORPHAN && *name != FOREGROUND).collect();
    if orphan {
        kept.push(ORPHAN);
    }
    if foreground {
        kept.push(FOREGROUND);
    }
    let mut before: Vec<&str> = old.finalizers().collect();
    let mut after = kept.clone();
    before.sort_unstable();
    after.sort_unstable();
    if before == after { old.finalizers().collect() } else { kept }
}

/// Jobs leave their Pods behind where a deletion says nothing, which surprises people.
fn keeps_children_unasked(resource: &Resource, options: &DeleteOptions) -> bool {
    resource.gvk.kind == "Job" && options.propagation_policy.is_none() && options.orphan_dependents.is_none()
}

/// Kinds whose dependents stay where a deletion says nothing (DefaultGarbageCollectionPolicy).
fn orphans_by_default(resource: &Resource) -> bool {
    matches!(
        (resource.gvr.group.as_str(), resource.gvr.resource.as_str()),
        ("", "replicationcontrollers") | ("batch", "jobs")
    )
}

/// Whether an update took away the last thing that an object under deletion waited for (ShouldDeleteDuringUpdate).
pub(crate) fn finished(resource: &Resource, new: &Object, old: &Object) -> bool {
    if new.finalizers().next().is_some() {
        return false;
    }
    if resource.gvk.kind == "Namespace" && resource.gvk.group.is_empty() {
        return new.deletion_timestamp().is_some() && new.list_at(&["spec", "finalizers"]).is_empty();
    }
    // Their deletion has no grace period to be seen.
    if crds::is_definitions(resource) {
        return new.deletion_timestamp().is_some();
    }
    let period = |object: &Object| object.int_at(&["metadata", "deletionGracePeriodSeconds"]);
    old.deletion_timestamp().is_some() && period(old) == Some(0) && period(new).is_none_or(|secs| secs == 0)
}
