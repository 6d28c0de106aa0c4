//! Stored objects as one version of a custom resource shows them.
//!
//! An object is stored in the version that was the storage version then, under the schema that was in force then. What
//! carries the stamp of the very resource that is read needs nothing: its bytes are copied. Anything else is parsed,
//! pruned and defaulted by the schema of its own version, and converted; what comes out of that as it went in gets the
//! stamp, so that after a restart, or a change of the schema, the first read is the only slow one. Where only the
//! selectable fields are others than when the object was written, the store learns them.

use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use kubernel_store::{At, Entry, Event};

use super::conversion;
use super::register::Custom;
use crate::resources::Resource;
use crate::verbs::store_error;
use crate::{ApiServer, document};

/// The stamp of an entry that was made for a reader and is not in the store like that.
pub(crate) const SEEN_ANEW: u64 = u64::MAX;

/// Stored entries as this resource shows them; built-in resources show them as they are.
pub(crate) async fn seen(
    server: &ApiServer,
    resource: &Resource,
    mut entries: Vec<Arc<Entry>>,
) -> Result<Vec<Arc<Entry>>, ApiError> {
    let Some(custom) = &resource.custom else { return Ok(entries) };
    let stale: Vec<usize> = (0..entries.len()).filter(|at| entries[*at].index.stamp.get() != custom.stamp).collect();
    if stale.is_empty() {
        return Ok(entries);
    }
    let objects = stale.iter().map(|at| read(custom, &entries[*at])).collect::<Result<Vec<Object>, ApiError>>()?;
    let mut shown = conversion::convert(server, custom, objects, &resource.gvk).await?;
    let mut learned = Vec::new();
    for (at, object) in stale.into_iter().zip(&mut shown) {
        custom.structural.prune(object);
        object.set(&["metadata", "resourceVersion"], entries[at].revision.to_string());
        let seen = document::entry(resource, object, &entries[at])?;
        let is_as_stored =
            custom.is_stored && seen.json == entries[at].json && seen.index.labels == entries[at].index.labels;
        if is_as_stored && seen.index.fields == entries[at].index.fields {
            entries[at].index.stamp.set(custom.stamp);
            continue;
        }
        if !is_as_stored {
            entries[at] = Arc::new(seen);
            continue;
        }
        seen.index.stamp.set(custom.stamp);
        entries[at] = Arc::new(Entry { json: entries[at].json.clone(), ..seen });
        learned.push(entries[at].clone());
    }
    if !learned.is_empty() {
        server.store().learn(learned).await;
    }
    Ok(entries)
}

/// The same of one entry.
pub(crate) async fn one(server: &ApiServer, resource: &Resource, entry: Arc<Entry>) -> Result<Arc<Entry>, ApiError> {
    let fresh = |custom: &Custom| entry.index.stamp.get() == custom.stamp;
    if resource.custom.as_ref().is_none_or(fresh) {
        return Ok(entry);
    }
    let mut seen = seen(server, resource, vec![entry]).await?;
    seen.pop().ok_or_else(|| ApiError::internal("an object got lost in conversion"))
}

/// The events of a watch.
pub(crate) async fn events(
    server: &ApiServer,
    resource: &Resource,
    events: Vec<Arc<Event>>,
) -> Result<Vec<Arc<Event>>, ApiError> {
    let Some(custom) = &resource.custom else { return Ok(events) };
    let fresh = |entry: &Arc<Entry>| entry.index.stamp.get() == custom.stamp;
    if events.iter().all(|event| fresh(&event.entry) && event.previous.as_ref().is_none_or(fresh)) {
        return Ok(events);
    }
    let entries = events.iter().flat_map(|event| [Some(event.entry.clone()), event.previous.clone()]);
    let mut entries = seen(server, resource, entries.flatten().collect()).await?.into_iter();
    let lost = || ApiError::internal("an event got lost in conversion");
    let mut out = Vec::with_capacity(events.len());
    for event in events {
        let entry = entries.next().ok_or_else(lost)?;
        let previous = event.previous.is_some().then(|| entries.next().ok_or_else(lost)).transpose()?;
        out.push(Arc::new(Event { revision: event.revision, entry, previous, deleted: event.deleted }));
    }
    Ok(out)
}

/// A custom object in the form in which it is stored, where that is another one.
pub(crate) async fn to_stored(
    server: &ApiServer,
    resource: &Resource,
    object: &Object,
) -> Result<Option<Object>, ApiError> {
    let Some(custom) = resource.custom.as_ref().filter(|custom| !custom.is_stored) else { return Ok(None) };
    let mut gvk = resource.gvk.clone();
    custom.definition.storage_version().clone_into(&mut gvk.version);
    let mut converted = conversion::convert(server, custom, vec![object.clone()], &gvk).await?;
    let Some(mut stored) = converted.pop() else { return Ok(None) };
    if let Some(shape) = custom.shapes.get(&gvk.version) {
        shape.prune(&mut stored);
    }
    Ok(Some(stored))
}

/// Whether the store has an object in another form than it would be written in now: in another version, or with fields
/// that the schema no longer has or did not have. Then a write that changes nothing else is one.
pub(crate) async fn is_outdated(server: &ApiServer, resource: &Resource, seen: &Entry) -> Result<bool, ApiError> {
    if seen.index.stamp.get() != SEEN_ANEW {
        return Ok(false);
    }
    let snapshot = server.store().snapshot(&seen.key, At::Latest).await.map_err(store_error)?;
    let Some(stored) = snapshot.get(&seen.key) else { return Ok(false) };
    let document = document::encode(server, resource, &document::parse(&seen.json)?, None).await?;
    Ok(!document::same(&document, &stored))
}

/// A stored object by the schema of the version that it was stored in.
fn read(custom: &Custom, entry: &Entry) -> Result<Object, ApiError> {
    let mut object = document::parse(&entry.json)?;
    let version = object.api_version().rsplit('/').next().unwrap_or_default().to_owned();
    if let Some(shape) = custom.shapes.get(&version) {
        shape.prune(&mut object);
        shape.default(&mut object);
    }
    Ok(object)
}
