//! `pods/eviction`: a deletion that asks the PodDisruptionBudgets first.

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, Cause, DeleteOptions, Gvr, LabelSelector, Object, Reason, time};
use kubernel_store::At;
use serde_json::{Value, json};

use crate::admission::{Operation, Options};
use crate::codec::{self, Expected};
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::verbs::{bare, delete, get, store_error, write};
use crate::{document, request};

/// A budget that lists more Pods than this as already disrupted is not asked any further.
const DISRUPTED_MAX: usize = 2000;
/// A Pod that changes more often than this while it is to be evicted stays; the client may ask again.
const TRIES_MAX: usize = 20;
/// The condition of a budget that may be spent from.
const ALLOWED: &str = "DisruptionAllowed";
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
    super::place(context, &mut eviction)?;
    let (namespace, name) = (context.info.namespace.as_str(), context.info.name.as_str());
    if eviction.name() != name {
        return Err(ApiError::bad_request("name in URL does not match name in Eviction object"));
    }
    super::admit_carried(context, pods, (Operation::Create, Options::Create(&options)), name, &mut eviction).await?;
    let wanted = eviction.map_at(&["deleteOptions"]).cloned().unwrap_or_default();
    let mut delete_options = request::delete_options_of_body(&Object::new(wanted))?;
    delete_options.dry_run |= options.dry_run;
    let client_names_version = delete_options.preconditions.resource_version.is_some();
    let mut tries = 0;
    let pod = loop {
        let entry = get::entry(context, pods, namespace, name, At::Latest).await?;
        let pod = document::decode(pods, &entry)?;
        if needs_budget(&pod) {
            break pod;
        }
        let mut options = delete_options.clone();
        if !client_names_version && !is_over(&pod) {
            // It may begin to run meanwhile, and its budget is to be asked then.
            options.preconditions.resource_version = Some(pod.resource_version().to_owned());
        }
        tries += 1;
        match delete(context, pods, name, options).await {
            Err(error) if error.code() == 409 && !client_names_version && tries < TRIES_MAX => {}
            outcome => return outcome.map(|()| Answer::Value(StatusCode::CREATED, super::success())),
        }
    };
    let spent = spend(context, &pod, delete_options.dry_run).await?;
    if matches!(spent, Spent::Unready(_)) && !client_names_version {
        // Only the Pod that was looked at may go for free.
        delete_options.preconditions.resource_version = Some(pod.resource_version().to_owned());
    }
    let outcome = delete(context, pods, name, delete_options).await;
    match (outcome, spent) {
        // It has changed since: the client is to ask the budget again.
        (Err(error), Spent::Unready(budget)) if error.code() == 409 && !client_names_version => {
            Err(being_processed(&budget))
        }
        (outcome, _) => outcome.map(|()| Answer::Value(StatusCode::CREATED, super::success())),
    }
}

/// Marks the Pod and deletes it.
async fn delete(
    context: &Context,
    pods: &Arc<Resource>,
    name: &str,
    mut options: DeleteOptions,
) -> Result<(), ApiError> {
    let namespace = context.info.namespace.as_str();
    let marked = write::raw(context, pods, namespace, name, options.dry_run, |pod| {
        delete::check_preconditions(pods, pod, &options)?;
        mark(pod, context);
        Ok(())
    })
    .await?;
    if options.preconditions.resource_version.is_some() {
        options.preconditions.resource_version = Some(marked.resource_version().to_owned());
    }
    delete::delete_one(context, pods, namespace, name, &options).await?;
    Ok(())
}

/// What an eviction has cost.
#[derive(Debug, PartialEq, Eq)]
enum Spent {
    /// Nothing: no budget holds the Pod, or it is no loss.
    Nothing,
    /// Nothing, because the Pod is not ready, and its budget, of this name, does without it.
    Unready(String),
    /// One disruption.
    Disruption,
}

/// Pods that do not run, or are going anyway, cost no budget.
fn needs_budget(pod: &Object) -> bool {
    !is_over(pod) && pod.str_at(&["status", "phase"]) != "Pending"
}

/// Whether a Pod has run, or is going: neither can be taken back.
fn is_over(pod: &Object) -> bool {
    pod.deletion_timestamp().is_some() || matches!(pod.str_at(&["status", "phase"]), "Succeeded" | "Failed")
}

/// Takes one disruption from the Pod's budget, where it has one that it counts for.
async fn spend(context: &Context, pod: &Object, dry_run: bool) -> Result<Spent, ApiError> {
    let Some(budgets) = context.resources.find("policy", "v1", "poddisruptionbudgets").cloned() else {
        return Ok(Spent::Nothing);
    };
    let prefix = budgets.collection_prefix(pod.namespace());
    let snapshot = context.server.store().snapshot(&prefix, At::Latest).await.map_err(store_error)?;
    let mut matching = Vec::new();
    for entry in snapshot.range(&prefix, "") {
        let budget = document::decode(&budgets, &entry)?;
        let selector = budget.at(&["spec", "selector"]).unwrap_or(&Value::Null);
        let labels = |key: &str| pod.labels().find(|(name, _)| *name == key).map(|(_, value)| value);
        if !selector.is_null() && LabelSelector::from_value(selector).is_ok_and(|selector| selector.matches(labels)) {
            matching.push(budget);
        }
    }
    match matching.as_slice() {
        [] => Ok(Spent::Nothing),
        [budget] if !is_ready(pod) && lets_unready_go(budget) => Ok(Spent::Unready(budget.name().to_owned())),
        [budget] => {
            let name = budget.name();
            write::raw(context, &budgets, pod.namespace(), name, dry_run, |budget| take(budget, pod, context)).await?;
            Ok(Spent::Disruption)
        }
        _ => Err(bare(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )),
    }
}

fn is_ready(pod: &Object) -> bool {
    pod.list_at(&["status", "conditions"]).iter().any(|known| known["type"] == "Ready" && known["status"] == "True")
}

/// Whether a budget does without Pods that are not ready: always, or while enough others are healthy.
fn lets_unready_go(budget: &Object) -> bool {
    let number = |field: &str| budget.int_at(&["status", field]).unwrap_or(0);
    budget.str_at(&["spec", "unhealthyPodEvictionPolicy"]) == "AlwaysAllow"
        || (number("currentHealthy") >= number("desiredHealthy") && number("desiredHealthy") > 0)
}

fn take(budget: &mut Object, pod: &Object, context: &Context) -> Result<(), ApiError> {
    let name = budget.name().to_owned();
    let number = |field: &str| budget.int_at(&["status", field]).unwrap_or(0);
    if number("observedGeneration") < budget.generation() {
        return Err(being_processed(&name));
    }
    let allowed = number("disruptionsAllowed");
    let disrupted = budget.map_at(&["status", "disruptedPods"]).map_or(0, serde_json::Map::len);
    let forbidden = |why: &str| ApiError::forbidden(&Gvr::new("policy", "v1", "poddisruptionbudget"), &name, why);
    if allowed < 0 {
        return Err(forbidden("pdb disruptions allowed is negative"));
    }
    if disrupted > DISRUPTED_MAX {
        return Err(forbidden("DisruptedPods map too big - too many evictions not confirmed by PDB controller"));
    }
    if allowed == 0 {
        let failed = budget
            .list_at(&["status", "conditions"])
            .iter()
            .find(|known| known["type"] == ALLOWED && known["status"] == "False" && known["reason"] == "SyncFailed");
        let message = match failed.and_then(|known| known["message"].as_str()).filter(|message| !message.is_empty()) {
            Some(message) => format!(
                "The disruption budget {name} does not allow evicting pods currently because it failed sync: {message}"
            ),
            None => {
                let (needed, healthy) = (number("desiredHealthy"), number("currentHealthy"));
                format!("The disruption budget {name} needs {needed} healthy pods and has {healthy} currently")
            }
        };
        return Err(refused(message, 0));
    }
    budget.set(&["status", "disruptionsAllowed"], allowed - 1);
    budget.set(&["status", "disruptedPods", pod.name()], time::format(context.now));
    if allowed == 1 {
        exhausted(budget, context);
    }
    Ok(())
}

/// Says on a budget that its last disruption is spent.
fn exhausted(budget: &mut Object, context: &Context) {
    let mut conditions = budget.list_at(&["status", "conditions"]).to_vec();
    let known = conditions.iter().position(|known| known["type"] == ALLOWED);
    let since = known.map(|at| conditions.remove(at)).filter(|known| known["status"] == "False");
    let since = since.map_or_else(|| json!(time::format(context.now)), |known| known["lastTransitionTime"].clone());
    let condition = json!({
        "type": ALLOWED, "status": "False", "reason": "InsufficientPods", "message": "", "lastTransitionTime": since,
        "observedGeneration": budget.int_at(&["status", "observedGeneration"]).unwrap_or(0),
    });
    conditions.insert(known.unwrap_or(conditions.len()), condition);
    budget.set(&["status", "conditions"], conditions);
}

fn being_processed(budget: &str) -> ApiError {
    refused(format!("The disruption budget {budget} is still being processed by the server."), 10)
}

fn refused(message: String, retry: u32) -> ApiError {
    let cause = Cause { reason: "DisruptionBudget".to_owned(), message, field: String::new() };
    ApiError::new(429, Reason::TooManyRequests, REFUSED).with_cause(cause).with_retry_after(retry)
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
