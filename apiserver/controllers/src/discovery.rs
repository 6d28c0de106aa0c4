//! Which resources the API has now, for the controllers that work on all of them.

use std::collections::HashSet;

use kube::Client;
use kube::core::ApiResource;
use kube::core::discovery::v2::{APIGroupDiscovery, APIResourceDiscovery};
use kube::discovery::verbs;

use crate::Error;

/// A resource whose objects can be listed and deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) api: ApiResource,
    pub(crate) namespaced: bool,
    pub(crate) watchable: bool,
    pub(crate) collection_deletable: bool,
}

/// What discovery says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The deletable resources, each in the version that its group prefers.
    pub(crate) resources: Vec<Resource>,
    /// The groups and versions of which nobody knows now what they have: their servers are away.
    pub(crate) stale: Vec<String>,
}

/// The deletable resources.
pub(crate) async fn deletable(client: &Client) -> Result<Found, Error> {
    let core = client.list_core_api_versions_aggregated().await?;
    let others = client.list_api_groups_aggregated().await?;
    let found = read(core.items.into_iter().chain(others.items));
    if found.resources.is_empty() {
        // Taken at its word, an empty answer would let go of namespaces that are full.
        return Err(Error::Waiting("discovery names no resources".to_owned()));
    }
    Ok(found)
}

fn read(groups: impl Iterator<Item = APIGroupDiscovery>) -> Found {
    let mut found = Found::default();
    for group in groups {
        let name = group.metadata.and_then(|metadata| metadata.name).unwrap_or_default();
        let mut seen: HashSet<String> = HashSet::new();
        for version in group.versions {
            let version_name = version.version.unwrap_or_default();
            let api_version = if name.is_empty() { version_name.clone() } else { format!("{name}/{version_name}") };
            if version.freshness.as_deref() == Some("Stale") {
                found.stale.push(api_version);
                continue;
            }
            for resource in version.resources {
                let plural = resource.resource.clone().unwrap_or_default();
                let allows = |verb: &str| resource.verbs.iter().any(|known| known == verb);
                if allows(verbs::DELETE) && allows(verbs::LIST) && seen.insert(plural.clone()) {
                    found.resources.push(Resource {
                        namespaced: resource.scope.as_deref() == Some("Namespaced"),
                        watchable: allows(verbs::WATCH),
                        collection_deletable: allows(verbs::DELETE_COLLECTION),
                        api: ApiResource {
                            group: name.clone(),
                            version: version_name.clone(),
                            api_version: api_version.clone(),
                            kind: kind(resource),
                            plural,
                        },
                    });
                }
            }
        }
    }
    found
}

fn kind(resource: APIResourceDiscovery) -> String {
    resource.response_kind.and_then(|kind| kind.kind).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn preferred_versions_of_servers_that_are_there() {
        let resource = |name: &str, verbs: &[&str]| json!({"resource": name, "responseKind": {"kind": "K"}, "scope": "Namespaced", "verbs": verbs});
        let all = ["list", "delete", "watch"];
        let version = |name: &str, freshness: &str, resources: Value| json!({"version": name, "freshness": freshness, "resources": resources});
        let groups = json!([
            {"metadata": {}, "versions": [version("v1", "Current", json!([resource("pods", &all), resource("x", &["get"])]))]},
            {"metadata": {"name": "a.io"}, "versions": [
                version("v2", "Current", json!([resource("both", &all)])),
                version("v1", "Current", json!([resource("both", &all), resource("old", &all)])),
            ]},
            {"metadata": {"name": "away.io"}, "versions": [
                version("v1", "Stale", json!([resource("gone", &all)])),
                {"version": "v1beta1", "freshness": "Stale"},
            ]},
        ]);
        let groups: Vec<APIGroupDiscovery> = serde_json::from_value(groups).unwrap();
        let found = read(groups.into_iter());
        let names: Vec<String> =
            found.resources.iter().map(|found| format!("{}/{}", found.api.api_version, found.api.plural)).collect();
        assert_eq!(names, ["v1/pods", "a.io/v2/both", "a.io/v1/old"]);
        assert_eq!(found.stale, ["away.io/v1", "away.io/v1beta1"]);
    }
}
