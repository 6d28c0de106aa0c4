//! Bringing one container to run: image, configuration, creation, start, postStart hook.

use kubernel_podlife::{Input, Qos, StartFailure};
use kubernel_runtime::RuntimeError;
use serde_json::Value;

use super::container::{self, Making};
use super::{hooks, images, outcome, sandbox};
use crate::pod::{PodContext, Sender};

/// What a start needs to know.
pub(crate) struct Start {
    pub(crate) pod: std::sync::Arc<Value>,
    pub(crate) container: String,
    pub(crate) attempt: u32,
    pub(crate) qos: Qos,
    pub(crate) sandbox_id: String,
    pub(crate) sandbox_attempt: u32,
    pub(crate) ips: Vec<String>,
}

/// Starts a container and reports each outcome to the actor.
pub(crate) async fn run(context: &PodContext, start: Start, sender: &Sender) {
    let name = start.container.clone();
    let id = match start_container(context, &start, sender).await {
        Ok(id) => id,
        Err(failure) => {
            sender.input(Input::StartFailed { container: name, failure }).await;
            return;
        }
    };
    let Some(container) = container::find(&start.pod, &name) else { return };
    let hook = &container["lifecycle"]["postStart"];
    if hook.is_object() {
        let result = hooks::run(context, container, hook, &id, &start.ips).await;
        sender.input(Input::PostStart { container: name, id, result }).await;
    }
}

fn failure(reason: &str) -> impl FnOnce(String) -> StartFailure {
    let reason = reason.to_owned();
    move |message| StartFailure { reason, message, end: None, event: None }
}

async fn start_container(context: &PodContext, start: &Start, sender: &Sender) -> Result<String, StartFailure> {
    let Start { pod, container: name, attempt, qos, sandbox_id, ips, .. } = start;
    let node = &context.node;
    let Some(container) = container::find(pod, name) else {
        return Err(failure("CreateContainerConfigError")(format!("container {name} not found")));
    };
    let image = tokio::select! {
        image = images::ensure(context, pod, container) => image?,
        () = context.abort.cancelled() => {
            return Err(failure("ErrImagePull")("the pod is being terminated".into()));
        }
    };
    let making = Making { pod, container, image: &image, qos: *qos, attempt: *attempt, ips };
    let config = container::config(context, &making).await.map_err(failure("CreateContainerConfigError"))?;
    if !node.hollow {
        let dir = sandbox::log_dir(context, pod).join(name);
        std::fs::create_dir_all(&dir)
            .map_err(|error| failure("CreateContainerConfigError")(format!("{}: {error}", dir.display())))?;
    }
    let sandbox = sandbox::config(context, pod, *qos, start.sandbox_attempt);
    let turn = node.turns.acquire().await;
    let id = match node.runtime.create_container(sandbox_id, config, sandbox).await {
        Ok(id) => id,
        Err(error) => {
            // Half of an earlier attempt may hold the name.
            context.remove_containers(name, |found| found == *attempt).await;
            return Err(failure("CreateContainerError")(error.to_string()));
        }
    };
    node.recorder.pod(pod, Some(name), false, "Created", "Container created");
    // From here on the runtime may tell about its end.
    node.own(&id, sender);
    if let Err(error) = node.runtime.start_container(&id).await {
        return Err(not_started(context, &id, error).await);
    }
    drop(turn);
    node.recorder.pod(pod, Some(name), false, "Started", "Container started");
    let status = node.runtime.container_status(&id).await;
    let started_at = status.as_ref().ok().and_then(|status| outcome::time(status.started_at));
    let (shown, image_id) = image_names(&image, container["image"].as_str().unwrap_or_default());
    let input = Input::Started {
        container: name.clone(),
        id: id.clone(),
        image: shown,
        image_id,
        at: started_at.unwrap_or_else(jiff::Timestamp::now),
    };
    sender.input(input).await;
    // It may have ended before anybody listened.
    if let Some(end) = status.ok().as_ref().and_then(outcome::of) {
        sender.input(Input::Exited { container: name.clone(), end }).await;
    }
    // The latest run and the one before can still be asked for.
    if *attempt > 1 {
        context.remove_containers(name, |old| old + 1 < *attempt).await;
    }
    if start.sandbox_attempt > 0 {
        context.remove_replaced_sandboxes(sandbox_id).await;
    }
    Ok(id)
}

async fn not_started(context: &PodContext, id: &str, error: RuntimeError) -> StartFailure {
    let status = context.node.runtime.container_status(id).await.ok();
    let end = status.as_ref().and_then(outcome::of);
    if end.is_none() {
        // Neither running nor ended: it would be in the way of the next attempt.
        let _ = context.node.runtime.remove_container(id).await;
    }
    StartFailure { reason: "RunContainerError".into(), message: error.to_string(), end, event: None }
}

/// An image's name and id as a container's status shows them.
pub(crate) fn image_names(image: &kubernel_runtime::cri::Image, written: &str) -> (String, String) {
    // One image may have many names; the Pod's own is the one to show, with its registry and tag.
    let fits = |tag: &&String| tag.ends_with(written) || tag.ends_with(&format!("{written}:latest"));
    let tag = image.repo_tags.iter().find(fits).or(image.repo_tags.first());
    let name = tag.cloned().unwrap_or_else(|| written.to_owned());
    let id = image.repo_digests.first().cloned().unwrap_or_else(|| image.id.clone());
    (name, id)
}
