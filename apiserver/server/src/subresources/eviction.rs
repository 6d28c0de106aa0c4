//! `pods/eviction`: a deletion that asks the PodDisruptionBudgets first.

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, Cause, LabelSelector, Object, Reason, time};
use kubernel_store::At;
use serde_json::{Value, json};

use crate::admission::{Operation, Options};
use crate::codec::{self, Expected};
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::verbs::{delete, get, store_error, write};
use crate::{document, request};

/// A budget that lists more Pods than this as already disrupted is not asked any further.
const DISRUPTED_MAX: usize = 2000;
const REFUSED: &str = "Cannot evict pod as it would violate the pod's disruption budget.";

/// Answers a POST to `pods/NAME/eviction`.
pub(super) async fn create(context: &Context, pods: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let read = |version: &str| {
        let expected = Expected::built_in("policy", version, "Eviction", "io.k8s.api.policy.v1.Eviction")?;
        codec::read(context, &expected, body, options.field_validation)
    };
    // The old version, of which nothing else is left, has the same shape.
    let mut eviction = read("v1").or_else(|error| read("v1beta1").map_err(|_| error))?;
    let (namespace, name) = (context.info.namespace.as_str(), context.info.name.as_str());
    if eviction.name() != name {
        return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
    }
    super::admit_carried(context, pods, (Operation::Create, Options::Create(&options)), name, &mut eviction).await?;
    let wanted = eviction.map_at(&["deleteOptions"]).cloned().unwrap_or_default();
    let mut delete_options = request::delete_options_of_body(&Object::new(wanted))?;
    delete_options.dry_run |= options.dry_run;
    let entry = get::entry(context, pods, namespace, name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    if needs_budget(&pod) {
        spend(context, &pod, delete_options.dry_run).await?;
    }
    write::raw(context, pods, namespace, name, delete_options.dry_run, |pod| {
        mark(pod, context);
        Ok(())
    })
    .await?;
    delete::delete_one(context, pods, namespace, name, &delete_options).await?;
    Ok(Answer::Value(StatusCode::CREATED, super::success()))
}

/// Pods that do not run, or are going anyway, cost no budget.
fn needs_budget(pod: &Object) -> bool {
    let phase = pod.str_at(&["status", "phase"]);
    pod.deletion_timestamp().is_none() && !matches!(phase, "Succeeded" | "Failed" | "Pending")
}

/// Takes one disruption from the Pod's budget, where it has one.
async fn spend(context: &Context, pod: &Object, dry_run: bool) -> Result<(), ApiError> {
    let Some(budgets) = context.resources.find("policy", "v1", "poddisruptionbudgets").cloned() else { return Ok(()) };
    let prefix = budgets.collection_prefix(pod.namespace());
    let snapshot = context.server.store().snapshot(&prefix, At::Latest).await.map_err(store_error)?;
    let mut matching = Vec::new();
    for entry in snapshot.range(&prefix, "") {
        let budget = document::decode(&budgets, &entry)?;
        let selector = budget.at(&["spec", "selector"]).unwrap_or(&Value::Null);
        let labels = |key: &str| pod.labels().find(|(name, _)| *name == key).map(|(_, value)| value);
        if !selector.is_null() && LabelSelector::from_value(selector).is_ok_and(|selector| selector.matches(labels)) {
            matching.push(budget.name().to_owned());
        }
    }
    match matching.as_slice() {
        [] => Ok(()),
        [budget] => {
            write::raw(context, &budgets, pod.namespace(), budget, dry_run, |budget| take(budget, pod, context))
                .await?;
            Ok(())
        }
        _ => Err(ApiError::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )),
    }
}

fn take(budget: &mut Object, pod: &Object, context: &Context) -> Result<(), ApiError> {
    let name = budget.name().to_owned();
    let number = |field: &str| budget.int_at(&["status", field]).unwrap_or(0);
    let refuse = |message: String, retry: u32| {
        let cause = Cause { reason: "DisruptionBudget".to_owned(), message, field: String::new() };
        ApiError::new(429, Reason::TooManyRequests, REFUSED).with_cause(cause).with_retry_after(retry)
    };
    if number("observedGeneration") < budget.generation() {
        return Err(refuse(format!("The disruption budget {name} is still being processed by the server."), 10));
    }
    let allowed = number("disruptionsAllowed");
    let disrupted = budget.map_at(&["status", "disruptedPods"]).map_or(0, serde_json::Map::len);
    if allowed <= 0 || disrupted > DISRUPTED_MAX {
        let (needed, healthy) = (number("desiredHealthy"), number("currentHealthy"));
        let message = format!("The disruption budget {name} needs {needed} healthy pods and has {healthy} currently");
        return Err(refuse(message, 0));
    }
    budget.set(&["status", "disruptionsAllowed"], allowed - 1);
    budget.set(&["status", "disruptedPods", pod.name()], time::format(context.now));
    Ok(())
}

/// The condition by which controllers tell an eviction from a failure.
fn mark(pod: &mut Object, context: &Context) {
    let mut conditions = pod.list_at(&["status", "conditions"]).to_vec();
    conditions.retain(|condition| condition["type"] != "DisruptionTarget");
    conditions.push(json!({
        "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting", "lastProbeTime": null,
        "lastTransitionTime": time::format(context.now),
    }));
    pod.set(&["status", "conditions"], conditions);
}
