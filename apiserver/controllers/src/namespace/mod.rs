//! Namespaces on their way out: everything in them goes, Pods first, then the finalizer `kubernetes`.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Namespace, NamespaceCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::DynamicObject;

use crate::discovery::{self, Resource};
use crate::key::Key;
use crate::queue::Next;
use crate::{Context, Error};

/// How many namespaces are emptied at once.
const WORKERS: usize = 4;
/// How long until a namespace that is not empty is looked at again. Pods have their grace period, finalizers their
/// owners: there is no event for "everything is gone".
const LOOK_AGAIN: Duration = Duration::from_millis(500);
const FINALIZER: &str = "kubernetes";

/// What is still there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Remaining {
    /// (resource, objects).
    content: Vec<(String, usize)>,
    /// (finalizer, objects that have it).
    finalizers: Vec<(String, usize)>,
    failures: Vec<String>,
    /// Groups and versions whose servers are away: what they have in the namespace nobody knows.
    undiscovered: Vec<String>,
}

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("namespace");
    let on_namespace = queue.clone();
    context.caches.namespaces.listen(move |_, after| {
        if let Some(namespace) = after.filter(|namespace| namespace.metadata.deletion_timestamp.is_some()) {
            on_namespace.add(Key::of(&**namespace));
        }
    });
    async move {
        context.caches.namespaces.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let Some(namespace) = context.caches.namespaces.get(&key) else { return Ok(Next::Done) };
    let finalizers = namespace.spec.as_ref().and_then(|spec| spec.finalizers.clone()).unwrap_or_default();
    if namespace.metadata.deletion_timestamp.is_none() || !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(Next::Done);
    }
    let found = discovery::deletable(&context.client).await?;
    let mut remaining = Remaining { undiscovered: found.stale, ..Remaining::default() };
    let namespaced = found.resources.into_iter().filter(|resource| resource.namespaced);
    let (pods, others): (Vec<_>, Vec<_>) =
        namespaced.partition(|resource| resource.api.plural == "pods" && resource.api.group.is_empty());
    for resource in &pods {
        empty(context, &key.name, resource, &mut remaining).await;
    }
    if remaining.content.is_empty() {
        for resource in &others {
            empty(context, &key.name, resource, &mut remaining).await;
        }
    }
    let api: Api<Namespace> = Api::all(context.client.clone());
    if remaining == Remaining::default() {
        let mut changed = (*namespace).clone();
        if let Some(spec) = &mut changed.spec {
            spec.finalizers = Some(finalizers.into_iter().filter(|finalizer| finalizer != FINALIZER).collect());
        }
        return match api.replace_subresource("finalize", &key.name, &PostParams::default(), &changed).await {
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Next::Done),
            other => other.map(|_: Namespace| Next::Done).map_err(Error::from),
        };
    }
    let conditions = conditions(&remaining, Timestamp::now());
    if worth_writing(&namespace, &conditions) {
        let mut changed = (*namespace).clone();
        changed.status.get_or_insert_default().conditions = Some(conditions);
        match api.replace_status(&key.name, &PostParams::default(), &changed).await {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            other => drop(other?),
        }
    }
    Ok(Next::After(LOOK_AGAIN))
}

/// Deletes what there is of a resource and notes what stays.
async fn empty(context: &Context, namespace: &str, resource: &Resource, remaining: &mut Remaining) {
    if let Err(error) = try_empty(context, namespace, resource, remaining).await {
        let gone = matches!(&error, Error::Api(kube::Error::Api(status)) if matches!(status.code, 404 | 405));
        if !gone {
            remaining.failures.push(error.to_string());
        }
    }
}

async fn try_empty(
    context: &Context,
    namespace: &str,
    resource: &Resource,
    remaining: &mut Remaining,
) -> Result<(), Error> {
    let api: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), namespace, &resource.api);
    if api.list_metadata(&ListParams::default().limit(1)).await?.items.is_empty() {
        return Ok(());
    }
    if resource.collection_deletable {
        api.delete_collection(&DeleteParams::background(), &ListParams::default()).await?;
    } else {
        for object in api.list_metadata(&ListParams::default()).await?.items {
            api.delete(object.metadata.name.as_deref().unwrap_or_default(), &DeleteParams::background()).await?;
        }
    }
    let left = api.list_metadata(&ListParams::default()).await?.items;
    if left.is_empty() {
        return Ok(());
    }
    let name = if resource.api.group.is_empty() {
        resource.api.plural.clone()
    } else {
        format!("{}.{}", resource.api.plural, resource.api.group)
    };
    remaining.content.push((name, left.len()));
    for finalizer in left.iter().flat_map(|object| object.metadata.finalizers.iter().flatten()) {
        match remaining.finalizers.iter_mut().find(|(known, _)| known == finalizer) {
            Some((_, count)) => *count += 1,
            None => remaining.finalizers.push((finalizer.clone(), 1)),
        }
    }
    Ok(())
}

/// The five conditions by which users see what holds a namespace up, in upstream's words.
fn conditions(remaining: &Remaining, now: Timestamp) -> Vec<NamespaceCondition> {
    let condition = |type_: &str, holds: bool, reasons: (&str, &str), message: String| NamespaceCondition {
        type_: type_.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(if holds { reasons.0 } else { reasons.1 }.to_owned()),
        message: Some(message),
        last_transition_time: Some(Time(now)),
    };
    let list = |pairs: &[(String, usize)], word: &str| -> String {
        let mut texts: Vec<String> =
            pairs.iter().map(|(name, count)| format!("{name} {word} {count} resource instances")).collect();
        texts.sort();
        texts.join(", ")
    };
    let failed = !remaining.failures.is_empty();
    let failure = if failed {
        format!(
            "Failed to delete all resource types, {} remaining: {}",
            remaining.failures.len(),
            remaining.failures.join(", ")
        )
    } else {
        "All content successfully deleted, may be waiting on finalization".to_owned()
    };
    let content = if remaining.content.is_empty() {
        "All content successfully removed".to_owned()
    } else {
        format!("Some resources are remaining: {}", list(&remaining.content, "has"))
    };
    let finalizers = if remaining.finalizers.is_empty() {
        "All content-preserving finalizers finished".to_owned()
    } else {
        format!("Some content in the namespace has finalizers remaining: {}", list(&remaining.finalizers, "in"))
    };
    let away = &remaining.undiscovered;
    let discovered = if away.is_empty() {
        "All resources successfully discovered".to_owned()
    } else {
        let each: Vec<String> = away.iter().map(|gv| format!("{gv}: stale GroupVersion discovery: {gv}")).collect();
        format!(
            "Discovery failed for some groups, {} failing: unable to retrieve the complete list of server APIs: {}",
            away.len(),
            each.join(", ")
        )
    };
    let parsed = "All legacy kube types successfully parsed".to_owned();
    vec![
        condition(
            "NamespaceDeletionDiscoveryFailure",
            !away.is_empty(),
            ("DiscoveryFailed", "ResourcesDiscovered"),
            discovered,
        ),
        condition(
            "NamespaceDeletionGroupVersionParsingFailure",
            false,
            ("GroupVersionParsingFailed", "ParsedGroupVersions"),
            parsed,
        ),
        condition("NamespaceDeletionContentFailure", failed, ("ContentDeletionFailed", "ContentDeleted"), failure),
        condition(
            "NamespaceContentRemaining",
            !remaining.content.is_empty(),
            ("SomeResourcesRemain", "ContentRemoved"),
            content,
        ),
        condition(
            "NamespaceFinalizersRemaining",
            !remaining.finalizers.is_empty(),
            ("SomeFinalizersRemain", "ContentHasNoFinalizers"),
            finalizers,
        ),
    ]
}

/// Only what a reader would notice is worth a write: another status or message.
fn worth_writing(namespace: &Namespace, conditions: &[NamespaceCondition]) -> bool {
    let current = namespace.status.as_ref().and_then(|status| status.conditions.as_deref()).unwrap_or_default();
    let told = |all: &[NamespaceCondition]| -> Vec<(String, String, Option<String>)> {
        all.iter().map(|c| (c.type_.clone(), c.status.clone(), c.message.clone())).collect()
    };
    told(current) != told(conditions)
}
