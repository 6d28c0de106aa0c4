//! The node authorizer: a node reads what its own Pods refer to, and little else (upstream's `plugin/pkg/auth/
//! authorizer/node`).
//!
//! Upstream keeps a graph of references. Here a request looks at the node's Pods in the object's namespace; what was
//! found is remembered for a while.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use kubernel_kinds::registry;
use kubernel_meta::ApiError;
use kubernel_store::{At, Store};
use parking_lot::Mutex;
use serde_json::Value;

use super::{Attributes, Authorizer, Decision};

/// How long a Pod's reference counts after it was seen.
const LIFE: SignedDuration = SignedDuration::from_secs(30);
/// How many references are remembered.
const REFERENCES_MAX: usize = 50_000;
/// The role whose rules hold for everything that has no rule of its own here.
const ROLE: &str = "system:node";
const LEASE_NAMESPACE: &str = "kube-node-lease";

/// Decides for nodes.
#[derive(Debug, Default)]
pub struct NodeAuthorizer {
    seen: Mutex<HashMap<Reference, Timestamp>>,
}

/// A node's Pods refer to an object.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Reference {
    node: String,
    resource: String,
    namespace: String,
    name: String,
}

impl NodeAuthorizer {
    /// The decision for the user of this node. A denial is not the last word: roles may allow what this does not.
    pub async fn decide(
        &self,
        node: &str,
        attributes: &Attributes,
        roles: &Authorizer,
        store: &dyn Store,
    ) -> Result<Decision, ApiError> {
        let Attributes { verb, group, resource, subresource, namespace, name, .. } = attributes;
        if !attributes.is_resource {
            return Ok(by_role(attributes, roles));
        }
        let is_read = matches!(verb.as_str(), "get" | "list" | "watch");
        let deny = |reason: &str| Ok(Decision::Deny(reason.to_owned()));
        match (group.as_str(), resource.as_str(), subresource.as_str()) {
            ("", "secrets" | "configmaps" | "persistentvolumeclaims", "") => {
                if !is_read {
                    return deny("can only read resources of this type");
                }
                self.by_reference(node, attributes, store).await
            }
            ("", "serviceaccounts", "token") => match verb.as_str() {
                "create" => self.by_reference(node, attributes, store).await,
                _ => deny("can only create tokens for individual service accounts"),
            },
            ("", "serviceaccounts", "") if is_read => self.by_reference(node, attributes, store).await,
            ("", "nodes", "") if is_read && name != node => {
                deny(&format!("node '{node}' cannot read '{name}', only its own Node object"))
            }
            ("coordination.k8s.io", "leases", _) if namespace != LEASE_NAMESPACE => {
                deny(&format!("can only access leases in the {LEASE_NAMESPACE:?} system namespace"))
            }
            ("coordination.k8s.io", "leases", _) | ("storage.k8s.io", "csinodes", _)
                if name != node && verb != "create" =>
            {
                deny("can only access an object with the same name as the requesting node")
            }
            _ => Ok(by_role(attributes, roles)),
        }
    }

    async fn by_reference(&self, node: &str, attributes: &Attributes, store: &dyn Store) -> Result<Decision, ApiError> {
        let Attributes { resource, namespace, name, .. } = attributes;
        if name.is_empty() {
            return Ok(Decision::Deny("No Object name found".to_owned()));
        }
        let reference = Reference {
            node: node.to_owned(),
            resource: resource.clone(),
            namespace: namespace.clone(),
            name: name.clone(),
        };
        let now = Timestamp::now();
        let is_seen = self.seen.lock().get(&reference).is_some_and(|until| *until > now);
        if is_seen || refers(node, resource, namespace, name, store).await? {
            self.remember(reference, now);
            return Ok(Decision::Allow(String::new()));
        }
        Ok(Decision::Deny(format!("no relationship found between node '{node}' and this object")))
    }

    fn remember(&self, reference: Reference, now: Timestamp) {
        let mut seen = self.seen.lock();
        if seen.len() >= REFERENCES_MAX {
            seen.retain(|_, until| *until > now);
        }
        if seen.len() >= REFERENCES_MAX {
            seen.clear();
        }
        seen.entry(reference).or_insert_with(|| now.checked_add(LIFE).unwrap_or(now));
    }
}

fn by_role(attributes: &Attributes, roles: &Authorizer) -> Decision {
    match roles.role_allows("ClusterRole", ROLE, "", attributes) {
        true => Decision::Allow(String::new()),
        false => Decision::Deny(String::new()),
    }
}

/// Whether a Pod on the node refers to the object.
async fn refers(node: &str, resource: &str, namespace: &str, name: &str, store: &dyn Store) -> Result<bool, ApiError> {
    let Some(field) = registry::find("", "v1", "pods")
        .and_then(|pods| pods.strategy.selectable_fields().iter().position(|field| *field == "spec.nodeName"))
    else {
        return Ok(false);
    };
    let prefix = format!("/registry/core/pods/{namespace}/");
    let snapshot = store.snapshot(&prefix, At::Latest).await.map_err(ApiError::internal)?;
    let mut pods =
        snapshot.range(&prefix, "").filter(|pod| pod.index.fields.get(field).is_some_and(|on| **on == *node));
    Ok(pods.any(|pod| {
        serde_json::from_slice::<Value>(&pod.json).is_ok_and(|pod| {
            let pod_name = pod["metadata"]["name"].as_str().unwrap_or_default();
            in_tree(&pod["spec"], resource, &|found| found == name)
                || is_claim_of(&pod["spec"], pod_name, resource, name)
        })
    }))
}

/// Whether a Pod's spec refers to any object of the resource.
pub(crate) fn names_any(spec: &Value, resource: &str) -> bool {
    in_tree(spec, resource, &|found| !found.is_empty())
}

/// Whether anything in a tree refers to an object that is looked for: the fields by which Pods name others are unlike all
/// their others.
fn in_tree(tree: &Value, resource: &str, wanted: &dyn Fn(&str) -> bool) -> bool {
    let named = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).is_some_and(wanted);
    match tree {
        Value::Array(items) => items.iter().any(|item| in_tree(item, resource, wanted)),
        Value::Object(map) => map.iter().any(|(key, value)| {
            let here = match (resource, key.as_str()) {
                ("secrets", "secret") => named(value, "secretName") || named(value, "name"),
                ("secrets", "secretRef" | "secretKeyRef" | "nodePublishSecretRef") => named(value, "name"),
                ("secrets", "secretName") => value.as_str().is_some_and(wanted),
                ("secrets", "imagePullSecrets") => {
                    value.as_array().is_some_and(|list| list.iter().any(|item| named(item, "name")))
                }
                ("configmaps", "configMap" | "configMapRef" | "configMapKeyRef") => named(value, "name"),
                ("persistentvolumeclaims", "persistentVolumeClaim") => named(value, "claimName"),
                ("serviceaccounts", "serviceAccountName") => value.as_str().is_some_and(wanted),
                _ => false,
            };
            here || in_tree(value, resource, wanted)
        }),
        _ => false,
    }
}

/// Whether the claim is the one of a Pod's ephemeral volume: `POD-VOLUME`.
fn is_claim_of(spec: &Value, pod: &str, resource: &str, name: &str) -> bool {
    let volumes = spec["volumes"].as_array().map_or(&[][..], Vec::as_slice);
    resource == "persistentvolumeclaims"
        && volumes.iter().any(|volume| {
            volume["ephemeral"].is_object()
                && volume["name"].as_str().is_some_and(|volume| name == format!("{pod}-{volume}"))
        })
}
