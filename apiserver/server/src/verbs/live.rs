//! Get, list and watch of objects that are never stored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use kubernel_meta::{ApiError, ListOptions, Object};

use crate::context::Context;
use crate::resources::Resource;
use crate::respond::{Answer, Item, List};
use crate::{ApiServer, document};

use super::select::Select;
use super::watch::Writer;

/// All objects of a live kind.
fn all(server: &ApiServer, resource: &Resource) -> Vec<Object> {
    let Some(live) = &server.config().live else { return Vec::new() };
    let mut objects = live.list(&resource.gvr.resource);
    for object in &mut objects {
        object.set(&["apiVersion"], resource.api_version.as_str());
        object.set(&["kind"], resource.gvk.kind.as_str());
    }
    objects
}

/// The counter of changes, which stands for the resourceVersion of live lists.
fn version(context: &Context) -> u64 {
    context.server.config().live.as_ref().map_or(1, |live| (*live.changed().borrow()).max(1))
}

/// The path of an object below its resource's prefix.
fn path(resource: &Resource, object: &Object) -> String {
    if resource.kind.namespaced {
        format!("{}/{}", object.namespace(), object.name())
    } else {
        object.name().to_owned()
    }
}

pub(super) fn get(context: &Context, resource: &Arc<Resource>) -> Result<Answer, ApiError> {
    let name = context.info.name.as_str();
    let found = all(&context.server, resource)
        .into_iter()
        .find(|object| object.name() == name && object.namespace() == context.info.namespace)
        .ok_or_else(|| ApiError::not_found(&resource.gvr, name))?;
    Answer::object(StatusCode::OK, resource, &found)
}

pub(super) fn list(context: &Context, resource: &Arc<Resource>, options: &ListOptions) -> Result<Answer, ApiError> {
    let select = Select::new(resource, options)?;
    let namespace = context.info.namespace.as_str();
    let revision = version(context);
    let items = all(&context.server, resource)
        .iter()
        .filter(|object| namespace.is_empty() || object.namespace() == namespace)
        .filter(|object| select.matches(&path(resource, object), &document::index_of(resource, object)))
        .map(|object| document::to_json(object).map(Item::Made))
        .collect::<Result<_, ApiError>>()?;
    Ok(Answer::List(resource.clone(), List { items, revision, continue_token: String::new(), remaining: None }))
}

/// The shortest time between two looks at live objects.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// A watch of live objects: what is new, different or gone between two looks.
pub(super) struct LiveWatch {
    server: ApiServer,
    namespace: String,
    changed: Option<tokio::sync::watch::Receiver<u64>>,
    /// What the watcher knows, by path.
    known: BTreeMap<String, Bytes>,
    send_initial: bool,
    end_initial: bool,
    started: bool,
}

impl LiveWatch {
    pub(super) fn new(
        context: &Context,
        resource: &Resource,
        namespace: String,
        send_initial: bool,
        end_initial: bool,
    ) -> Self {
        let _ = resource;
        let server = context.server.clone();
        let changed = server.config().live.as_ref().map(|live| live.changed());
        Self { server, namespace, changed, known: BTreeMap::new(), send_initial, end_initial, started: false }
    }

    /// Waits until something may have changed, and tells what did; may be nothing. `None` when this server no longer has
    /// the objects.
    pub(super) async fn next(
        &mut self,
        resource: &Resource,
        select: &Select,
        writer: &mut Writer,
    ) -> Option<Vec<Bytes>> {
        if self.started {
            match &mut self.changed {
                Some(changed) => changed.changed().await.ok()?,
                None => std::future::pending().await,
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let revision = self.changed.as_mut().map_or(1, |changed| (*changed.borrow_and_update()).max(1));
        let mut seen = BTreeMap::new();
        for object in all(&self.server, resource) {
            let inside = self.namespace.is_empty() || object.namespace() == self.namespace;
            let path = path(resource, &object);
            if inside
                && select.matches(&path, &document::index_of(resource, &object))
                && let Ok(json) = document::to_json(&object)
            {
                seen.insert(path, json);
            }
        }
        let mut events = Vec::new();
        if self.started || self.send_initial {
            for (path, json) in &seen {
                match self.known.get(path) {
                    None => events.extend(writer.json("ADDED", json)),
                    Some(known) if known != json => events.extend(writer.json("MODIFIED", json)),
                    Some(_) => {}
                }
            }
            for (path, json) in &self.known {
                if !seen.contains_key(path) {
                    events.extend(writer.json("DELETED", json));
                }
            }
        }
        if !self.started && self.end_initial {
            events.push(writer.bookmark(revision, true));
        }
        self.started = true;
        self.known = seen;
        Some(events)
    }
}
