//! What the bridge does in the API.

use http::{Method, Request};
use kube::{Client, Error};
use serde_json::{Value, json};

use crate::tasks::PodName;

/// The kernel's own group.
pub(crate) const KERNEL: &str = "/apis/kernel.kubernel.io/v1alpha1";
const JSON: &str = "application/json";
const MERGE: &str = "application/merge-patch+json";

/// The API, as the bridge uses it.
#[derive(Clone)]
pub(crate) struct Api(pub(crate) Client);

impl Api {
    /// Makes an object; it as it was made.
    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value, Error> {
        self.send(Method::POST, path, JSON, object).await
    }

    /// Reads an object; `None` if there is none.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Value>, Error> {
        let request = Request::get(path).body(Vec::new()).map_err(|error| Error::Service(error.into()))?;
        match self.0.request::<Value>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Changes an object.
    pub(crate) async fn patch(&self, path: &str, patch: &Value) -> Result<Value, Error> {
        self.send(Method::PATCH, path, MERGE, patch).await
    }

    /// Deletes an object; one that is not there is as good.
    pub(crate) async fn delete(&self, path: &str, options: &Value) -> Result<(), Error> {
        self.send(Method::DELETE, path, JSON, options).await.map(drop).or_else(|error| pass(error, &[404]))
    }

    /// Makes a Pod.
    pub(crate) async fn create_pod(&self, namespace: &str, pod: &Value) -> Result<(), Error> {
        let bytes = serde_json::to_vec(pod).map_err(Error::SerdeError)?;
        let request = Request::post(format!("/api/v1/namespaces/{namespace}/pods"))
            .header(http::header::CONTENT_TYPE, JSON)
            .body(bytes)
            .map_err(|error| Error::Service(error.into()))?;
        // The answer is not parsed: there are thousands of them in a second.
        self.0.request_text(request).await.map(drop)
    }

    /// Ends a Pod.
    pub(crate) async fn delete_pod(&self, pod: &PodName, grace_secs: Option<u64>) -> Result<(), Error> {
        let options = grace_secs.map_or(json!({}), |secs| json!({"gracePeriodSeconds": secs}));
        self.delete(&format!("/api/v1/namespaces/{}/pods/{}", pod.namespace, pod.name), &options).await
    }

    /// Writes how a Pod is.
    pub(crate) async fn show_pod(&self, pod: &PodName, status: &Value) -> Result<(), Error> {
        let path = format!("/api/v1/namespaces/{}/pods/{}/status", pod.namespace, pod.name);
        let sent = self.patch(&path, &json!({"status": status})).await;
        sent.map(drop).or_else(|error| pass(error, &[404]))
    }

    async fn send(&self, method: Method, path: &str, content_type: &str, body: &Value) -> Result<Value, Error> {
        let bytes = serde_json::to_vec(body).map_err(Error::SerdeError)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(bytes)
            .map_err(|error| Error::Service(error.into()))?;
        self.0.request(request).await
    }
}

/// Takes some answers for a success.
pub(crate) fn pass(error: Error, codes: &[u16]) -> Result<(), Error> {
    match error {
        Error::Api(status) if codes.contains(&status.code) => Ok(()),
        error => Err(error),
    }
}
