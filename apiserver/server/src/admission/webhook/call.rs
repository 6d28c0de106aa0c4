//! One call of a webhook: the question, and the verdict on its answer.

use std::time::Instant;

use kubernel_meta::{ApiError, Object};
use serde_json::{Value, json};

use super::hook::Hook;
use super::shape::Shaped;
use super::verdict::{self, Answer};
use crate::ApiServer;
use crate::admission::{Attributes, review};
use crate::metrics::{Called, Step};

/// Why a write does not simply go on.
#[derive(Debug)]
pub(super) enum Failed {
    /// The webhook could not be asked, or its answer not be understood; `failurePolicy` decides.
    Unasked(String),
    /// It is refused.
    Refused(ApiError),
}

/// Asks the webhook, and counts how that went.
pub(super) async fn call(
    server: &ApiServer,
    hook: &Hook,
    write: &Attributes<'_>,
    shaped: &Shaped,
    step: Step,
) -> Result<Answer, Failed> {
    let started = Instant::now();
    let outcome = ask(server, hook, write, shaped, step == Step::Admit).await;
    let called = match &outcome {
        Ok(_) => Called::Allowed,
        Err(Failed::Refused(error)) => Called::Refused(error),
        Err(Failed::Unasked(_)) => Called::Unasked(hook.ignore_failure),
    };
    let took = started.elapsed();
    write.waited.add(took);
    server.metrics().admission.called(step, &hook.name, write.operation.name(), &called, took);
    outcome
}

async fn ask(
    server: &ApiServer,
    hook: &Hook,
    write: &Attributes<'_>,
    shaped: &Shaped,
    mutating: bool,
) -> Result<Answer, Failed> {
    if write.dry_run && !hook.dry_run {
        let message = format!("admission webhook {:?} does not support dry run", hook.name);
        return Err(Failed::Refused(ApiError::bad_request(message)));
    }
    let Some(version) = hook.review_version else {
        let why =
            "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
        return Err(Failed::Unasked(why.to_owned()));
    };
    let target = hook.target.as_ref().map_err(|why| Failed::Unasked(format!("could not get REST client: {why}")))?;
    let uid = uuid::Uuid::new_v4().to_string();
    let question = json!({
        "kind": "AdmissionReview", "apiVersion": format!("admission.k8s.io/{version}"),
        "request": request(write, shaped, &uid),
    });
    let answer = crate::webhooks::call(server, target, hook.wait, &question)
        .await
        .map_err(|why| Failed::Unasked(format!("failed to call webhook: {why}")))?;
    let answer = verdict::read(version, &uid, mutating, &answer)
        .map_err(|why| Failed::Unasked(format!("received invalid webhook response: {why}")))?;
    if answer.allowed { Ok(answer) } else { Err(Failed::Refused(verdict::refusal(&hook.name, &answer.status))) }
}

/// The AdmissionRequest.
fn request(write: &Attributes<'_>, shaped: &Shaped, uid: &str) -> Value {
    let tree = |object: &Option<Object>| object.as_ref().map_or(Value::Null, |object| json!(object.map()));
    let mut request = review::request(write, &shaped.matched);
    request["uid"] = json!(uid);
    request["object"] = tree(&shaped.object);
    request["oldObject"] = tree(&shaped.old);
    request
}
