//! What the scheduler does in the API: bindings, conditions, events, and the objects of the kernel's group.

use std::sync::Arc;

use http::{Method, Request};
use jiff::Timestamp;
use kube::{Client, Error};
use kubernel_meta::time;
use serde_json::{Value, json};

use crate::engine::{Eviction, FRAMEWORK, Outcome, PodName, Report};

/// The kernel's own group.
const KERNEL: &str = "/apis/kernel.kubernel.io/v1alpha1";

/// The API, as one scheduler uses it.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    /// `reportingInstance` of events.
    instance: Arc<str>,
}

/// What an event says.
pub(crate) struct Happening {
    pub(crate) type_: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) action: &'static str,
    pub(crate) note: String,
}

impl Api {
    pub(crate) fn new(client: Client, instance: &str) -> Self {
        Self { client, instance: format!("{FRAMEWORK}-{instance}").into() }
    }

    /// Binds a Pod to a node.
    pub(crate) async fn bind(&self, pod: &PodName, node: &str) -> Outcome {
        let PodName { namespace, name, uid } = pod;
        let body = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"namespace": **namespace, "name": **name, "uid": **uid},
            "target": {"kind": "Node", "name": node},
        });
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/binding");
        match self.send(Method::POST, &path, "application/json", &body).await {
            Ok(()) => Outcome::Bound,
            Err(Error::Api(status)) if status.code == 404 => Outcome::Gone,
            Err(error) => {
                let reason = match &error {
                    Error::Api(status) => status.message.clone(),
                    other => other.to_string(),
                };
                tracing::info!(%namespace, pod = %name, node, reason, "a binding failed");
                Outcome::Failed
            }
        }
    }

    /// Writes `PodScheduled=False`.
    pub(crate) async fn report(&self, report: &Report) {
        let PodName { namespace, name, uid } = &report.pod;
        let mut condition = json!({
            "type": "PodScheduled", "status": "False", "reason": report.reason, "message": *report.message,
            "lastProbeTime": null, "observedGeneration": report.generation,
        });
        if report.first {
            condition["lastTransitionTime"] = time::format(Timestamp::now()).into();
        }
        let body = json!({"metadata": {"uid": **uid}, "status": {"conditions": [condition]}});
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/status");
        let sent = self.send(Method::PATCH, &path, "application/strategic-merge-patch+json", &body).await;
        if let Err(error) = sent.or_else(|error| ignore(error, &[404, 409])) {
            tracing::info!(%namespace, pod = %name, %error, "a Pod's condition could not be written");
        }
    }

    /// Ends a Pod; `false` when it has to be tried again.
    pub(crate) async fn evict(&self, eviction: &Eviction) -> bool {
        let PodName { namespace, name, uid } = &eviction.pod;
        let path = format!("/api/v1/namespaces/{namespace}/pods/{name}");
        let mut options = json!({"preconditions": {"uid": **uid}});
        if let Some(grace_ms) = eviction.grace_ms {
            options["gracePeriodSeconds"] = grace_ms.div_ceil(1_000).into();
        }
        let sent = if eviction.preempted {
            let condition = json!({
                "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                "message": format!("{FRAMEWORK}: preempting to accommodate a higher priority pod"),
                "lastTransitionTime": time::format(Timestamp::now()),
            });
            let body = json!({"metadata": {"uid": **uid}, "status": {"conditions": [condition]}});
            let status = format!("{path}/status");
            let told = self.send(Method::PATCH, &status, "application/strategic-merge-patch+json", &body).await;
            if let Err(error) = told {
                tracing::debug!(%namespace, pod = %name, %error, "a Pod could not be told that it goes");
            }
            self.send(Method::DELETE, &path, "application/json", &options).await
        } else {
            let body = json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"namespace": **namespace, "name": **name}, "deleteOptions": options,
            });
            self.send(Method::POST, &format!("{path}/eviction"), "application/json", &body).await
        };
        match sent.or_else(|error| ignore(error, &[404, 409])) {
            Ok(()) => true,
            Err(error) => {
                tracing::info!(%namespace, pod = %name, %error, "a Pod could not be ended yet");
                false
            }
        }
    }

    /// Writes an event about a Pod (events.k8s.io/v1). Best effort, as everywhere.
    pub(crate) async fn event(&self, pod: &PodName, happening: &Happening) {
        let PodName { namespace, name, uid } = pod;
        let now = Timestamp::now();
        let body = json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event",
            "metadata": {"namespace": **namespace, "name": format!("{name}.{:x}", now.as_nanosecond())},
            "eventTime": time::format_micro(now),
            "reportingController": FRAMEWORK, "reportingInstance": *self.instance,
            "type": happening.type_, "reason": happening.reason, "action": happening.action, "note": happening.note,
            "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": **namespace, "name": **name, "uid": **uid},
        });
        let path = format!("/apis/events.k8s.io/v1/namespaces/{namespace}/events");
        if let Err(error) = self.send(Method::POST, &path, "application/json", &body).await {
            tracing::debug!(%namespace, pod = %name, %error, "an event could not be written");
        }
    }

    /// Makes an object of the kernel's group; one that is there is as good.
    pub(crate) async fn create(&self, plural: &str, object: &Value) -> Result<(), Error> {
        let sent = self.send(Method::POST, &format!("{KERNEL}/{plural}"), "application/json", object).await;
        sent.or_else(|error| ignore(error, &[409]))
    }

    /// Writes the status of an object of the kernel's group.
    pub(crate) async fn set_status(&self, plural: &str, name: &str, status: &Value) -> Result<(), Error> {
        let path = format!("{KERNEL}/{plural}/{name}/status");
        self.send(Method::PATCH, &path, "application/merge-patch+json", &json!({"status": status})).await
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: &Value) -> Result<(), Error> {
        let bytes = serde_json::to_vec(body).map_err(Error::SerdeError)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(bytes)
            .map_err(|error| Error::Service(error.into()))?;
        self.client.request_text(request).await.map(drop)
    }
}

/// Takes some answers for a success.
fn ignore(error: Error, codes: &[u16]) -> Result<(), Error> {
    match error {
        Error::Api(status) if codes.contains(&status.code) => Ok(()),
        error => Err(error),
    }
}
