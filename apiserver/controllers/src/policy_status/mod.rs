//! The status of ValidatingAdmissionPolicies: what type checking says of their expressions, for whoever wrote them.
//! Whether a policy works does not depend on it.

mod plan;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::key::Key;
use crate::queue::Next;
use crate::{Context, Error, trees};

/// How many policies are worked on at once.
const WORKERS: usize = 1;
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const MANAGER: &str = "validatingadmissionpolicy-status";

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("validatingadmissionpolicy-status");
    let on_policy = queue.clone();
    context.caches.policies.listen(move |_, after| {
        if let Some(policy) = after {
            on_policy.add(Key::of(&**policy));
        }
    });
    async move {
        context.caches.policies.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let Some(policy) = context.caches.policies.get(&key) else { return Ok(Next::Done) };
    let generation = policy.metadata.generation.unwrap_or_default();
    let observed = policy.status.as_ref().and_then(|status| status.observed_generation).unwrap_or_default();
    if observed >= generation {
        return Ok(Next::Done);
    }
    let policy = serde_json::to_value(&*policy).unwrap_or_default();
    let mut definitions = plan::Definitions::default();
    if plan::names_custom(&policy) {
        trees::each(&context.client, DEFINITIONS, |definition| definitions.0.push(definition)).await?;
    }
    let warnings: Vec<_> = plan::warnings(&policy, &definitions)
        .into_iter()
        .map(|warning| json!({ "fieldRef": warning.field, "warning": warning.text }))
        .collect();
    let type_checking = if warnings.is_empty() { json!({}) } else { json!({ "expressionWarnings": warnings }) };
    let status = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "status": { "observedGeneration": generation, "typeChecking": type_checking },
    });
    let api: Api<ValidatingAdmissionPolicy> = Api::all(context.client.clone());
    let how = PatchParams::apply(MANAGER).force();
    match api.patch_status(&key.name, &how, &Patch::Apply(&status)).await {
        Err(kube::Error::Api(answer)) if answer.code == 404 => Ok(Next::Done),
        other => other.map(|_| Next::Done).map_err(Error::from),
    }
}
