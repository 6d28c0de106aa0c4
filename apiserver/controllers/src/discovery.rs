//! Which resources the API has now, for the controllers that work on all of them.

use kube::Client;
use kube::core::{ApiResource, discovery::Scope};
use kube::discovery::{Discovery, verbs};

use crate::Error;

/// A resource whose objects can be listed and deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) api: ApiResource,
    pub(crate) namespaced: bool,
    pub(crate) watchable: bool,
    pub(crate) collection_deletable: bool,
}

/// The deletable resources, each in its preferred version.
pub(crate) async fn deletable(client: &Client) -> Result<Vec<Resource>, Error> {
    let discovery = Discovery::new(client.clone()).run_aggregated().await?;
    let mut found = Vec::new();
    for group in discovery.groups() {
        for (api, capabilities) in group.recommended_resources() {
            if capabilities.supports_operation(verbs::DELETE) && capabilities.supports_operation(verbs::LIST) {
                found.push(Resource {
                    namespaced: capabilities.scope == Scope::Namespaced,
                    watchable: capabilities.supports_operation(verbs::WATCH),
                    collection_deletable: capabilities.supports_operation(verbs::DELETE_COLLECTION),
                    api,
                });
            }
        }
    }
    if found.is_empty() {
        // Taken at its word, an empty answer would let go of namespaces that are full.
        return Err(Error::Waiting("discovery names no resources".to_owned()));
    }
    Ok(found)
}
