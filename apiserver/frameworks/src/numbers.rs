//! The cluster's identity, after which frameworks are named, and how many numbers they were given: both of the namespace
//! `kube-system`, which lives as long as the cluster.
//!
//! The count is written down before a framework learns its number, so that nobody gets it again: not after a restart, and
//! not when the framework is long gone.

use kube::{Client, Error};
use kubernel_meta::mesos::NEXT_FRAMEWORK;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::api::Api;

/// Where the cluster's identity and the count are.
const NAMESPACE: &str = "/api/v1/namespaces/kube-system";

/// What frameworks are named after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The uid of its oldest namespace.
    pub id: String,
    /// The number of the next framework.
    pub first_framework: u32,
}

impl Cluster {
    /// Reads what the cluster says of itself; `None` while it does not exist yet.
    ///
    /// # Errors
    ///
    /// What the API said.
    pub async fn read(client: &Client) -> Result<Option<Self>, Error> {
        Ok(Api(client.clone()).get(NAMESPACE).await?.as_ref().and_then(Self::of))
    }

    fn of(namespace: &Value) -> Option<Self> {
        let id = namespace["metadata"]["uid"].as_str()?.to_owned();
        let next = namespace["metadata"]["annotations"][NEXT_FRAMEWORK].as_str();
        let first_framework = next.and_then(|next| next.parse().ok()).unwrap_or_default();
        Some(Self { id, first_framework })
    }
}

/// The count, as far as it is written down.
#[derive(Debug, Default)]
pub(crate) struct Numbers(Mutex<u32>);

impl Numbers {
    /// Has it written down that a number is given.
    pub(crate) async fn give(&self, api: &Api, number: u32) -> Result<(), Error> {
        let mut next = self.0.lock().await;
        if number < *next {
            return Ok(());
        }
        let after = number.saturating_add(1);
        api.patch(NAMESPACE, &json!({"metadata": {"annotations": {NEXT_FRAMEWORK: after.to_string()}}})).await?;
        *next = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_says_who_it_is_and_how_far_it_counted() {
        let cluster = |first_framework| Some(Cluster { id: "u".to_owned(), first_framework });
        for (namespace, expected) in [
            (json!({"metadata": {"uid": "u"}}), cluster(0)),
            (json!({"metadata": {"uid": "u", "annotations": {NEXT_FRAMEWORK: "17"}}}), cluster(17)),
            (json!({"metadata": {"uid": "u", "annotations": {NEXT_FRAMEWORK: "many"}}}), cluster(0)),
            (json!({"metadata": {}}), None),
        ] {
            assert_eq!(Cluster::of(&namespace), expected, "{namespace}");
        }
    }
}
