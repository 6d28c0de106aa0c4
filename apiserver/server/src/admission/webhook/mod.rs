//! Webhooks that change or judge writes: `MutatingWebhookConfiguration` and `ValidatingWebhookConfiguration`.
//!
//! `hook` is one webhook as configured, `call` one call of it, `verdict` what its answer means, `shape` an object in the
//! version and kind that a webhook wants. Here is their order: those that change come one after another and see what
//! the others did, those that judge run at the same time. Without any webhook nothing is done.

mod call;
mod conditions;
mod hook;
mod shape;
mod verdict;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use futures::future::join_all;
use kubernel_meta::{ApiError, Object};
use kubernel_store::Entry;

use super::{Attributes, View};
use crate::ApiServer;
use crate::follow::Index;
use crate::metrics::Step;
use hook::Hook;
use shape::Shaped;

const MUTATING: &str = "/registry/admissionregistration.k8s.io/mutatingwebhookconfigurations/";
const VALIDATING: &str = "/registry/admissionregistration.k8s.io/validatingwebhookconfigurations/";

/// All webhooks, in the order of their configurations' names.
#[derive(Default)]
pub(crate) struct Hooks {
    configurations: BTreeMap<String, Vec<Arc<Hook>>>,
    mutating: Arc<[Arc<Hook>]>,
    validating: Arc<[Arc<Hook>]>,
}

impl Hooks {
    fn rebuild(&mut self) {
        let under = |prefix: &str| -> Arc<[Arc<Hook>]> {
            let all = self.configurations.iter().filter(|(key, _)| key.starts_with(prefix));
            all.flat_map(|(_, hooks)| hooks.iter().cloned()).collect()
        };
        (self.mutating, self.validating) = (under(MUTATING), under(VALIDATING));
    }
}

impl Index for Hooks {
    const PREFIXES: &'static [&'static str] = &[MUTATING, VALIDATING];

    fn put(&mut self, entry: &Entry) {
        self.configurations.insert(entry.key.to_string(), Hook::read_all(entry));
        self.rebuild();
    }

    fn remove(&mut self, key: &str) {
        self.configurations.remove(key);
        self.rebuild();
    }

    fn remove_all(&mut self, prefix: &str) {
        self.configurations.retain(|key, _| !key.starts_with(prefix));
        self.rebuild();
    }
}

/// What is known of the rounds in which one write meets the webhooks that change it (`reinvocationPolicy`).
#[derive(Default)]
pub(super) struct Rounds {
    /// Whether this is the second one.
    again: bool,
    /// Webhooks that were called and may be called again.
    called: HashSet<usize>,
    /// Those of them after which something changed.
    due: HashSet<usize>,
    /// Whether a webhook changed anything in the first one.
    changed: bool,
    /// The object as the first one left it.
    left: Option<Object>,
    /// Texts for `Warning` headers.
    pub(super) warnings: Vec<String>,
}

impl Rounds {
    /// Whether the webhooks changed the object.
    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    /// Whether the second round was the last one.
    pub(super) fn is_second(&self) -> bool {
        self.again
    }

    /// Makes the next call of [`mutate`] the second round.
    pub(super) fn start_again(&mut self) {
        self.again = true;
    }
}

/// Whether there are any that change writes.
pub(super) async fn any_mutating(server: &ApiServer) -> Result<bool, ApiError> {
    server.hooks().repair(&**server.store()).await.map_err(ApiError::internal)?;
    Ok(!server.hooks().now().mutating.is_empty())
}

/// Lets the webhooks change an object; where there is none (a deletion) they may only refuse.
pub(super) async fn mutate(
    server: &ApiServer,
    write: &Attributes<'_>,
    mut object: Option<&mut Object>,
    old: Option<&Object>,
    rounds: &mut Rounds,
) -> Result<(), ApiError> {
    server.hooks().repair(&**server.store()).await.map_err(ApiError::internal)?;
    let hooks = server.hooks().now().mutating.clone();
    if hooks.is_empty() || is_exempt(write) {
        return Ok(());
    }
    let (view, resources) = (View::new(server), server.resources());
    if rounds.again && rounds.left.as_ref() != object.as_deref() {
        rounds.due.extend(rounds.called.iter().copied());
    }
    for (at, hook) in hooks.iter().enumerate() {
        if rounds.again && !rounds.due.contains(&at) {
            continue;
        }
        let found = hook.constraints.matches(&view, &resources, write, object.as_deref(), old).await?;
        let Some(matched) = found else { continue };
        let shaped = Shaped::new(server, write, matched, object.as_deref(), old).await?;
        if !hook.conditions.hold(server, write, hook, &shaped)? {
            continue;
        }
        let outcome = call::call(server, hook, write, &shaped, Step::Admit).await;
        let Some(answer) = hook.excuse(outcome)? else { continue };
        rounds.warnings.extend(answer.warnings);
        let mut did = false;
        if let Some(patch) = &answer.patch {
            let Some(object) = object.as_deref_mut() else {
                let name = &hook.name;
                return Err(ApiError::internal(format!(
                    "admission webhook {name:?} attempted to modify the object, which is not supported for this operation"
                )));
            };
            did = shaped.patch(server, write, object, patch).await?;
        }
        if did {
            rounds.changed = true;
            rounds.due = rounds.called.clone();
        }
        if hook.reinvoke {
            rounds.called.insert(at);
        }
    }
    if !rounds.again && !rounds.called.is_empty() {
        rounds.left = object.map(|object| object.clone());
    }
    Ok(())
}

/// Lets the webhooks judge a write, all at once; the warnings of those that accept it.
pub(super) async fn validate(
    server: &ApiServer,
    write: &Attributes<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    server.hooks().repair(&**server.store()).await.map_err(ApiError::internal)?;
    let hooks = server.hooks().now().validating.clone();
    if hooks.is_empty() || is_exempt(write) {
        return Ok(Vec::new());
    }
    let (view, resources) = (View::new(server), server.resources());
    let mut calls = Vec::new();
    for hook in hooks.iter() {
        let Some(matched) = hook.constraints.matches(&view, &resources, write, object, old).await? else { continue };
        let shaped = Shaped::new(server, write, matched, object, old).await?;
        if hook.conditions.hold(server, write, hook, &shaped)? {
            calls.push(async move { hook.excuse(call::call(server, hook, write, &shaped, Step::Validate).await) });
        }
    }
    let mut warnings = Vec::new();
    for outcome in join_all(calls).await {
        warnings.extend(outcome?.into_iter().flat_map(|answer| answer.warnings));
    }
    Ok(warnings)
}

/// What configures admission is never sent to webhooks: nobody could repair a broken one.
fn is_exempt(write: &Attributes<'_>) -> bool {
    write.kind.group == "admissionregistration.k8s.io"
}
