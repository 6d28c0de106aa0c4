//! The APIServices of what the server itself serves: kept from its start on, in upstream's order. That they are available
//! their kind says.

use serde_json::{Value, json};

use crate::resources::Resources;

/// Group, version, the group's and the version's place among all others. A version that is not here gets no APIService.
const PRIORITIES: [(&str, &str, i64, i64); 35] = [
    ("", "v1", 18_000, 1),
    ("admissionregistration.k8s.io", "v1", 16_700, 15),
    ("admissionregistration.k8s.io", "v1beta1", 16_700, 12),
    ("admissionregistration.k8s.io", "v1alpha1", 16_700, 9),
    ("apiextensions.k8s.io", "v1", 16_700, 15),
    ("apps", "v1", 17_800, 15),
    ("authentication.k8s.io", "v1", 17_700, 15),
    ("authorization.k8s.io", "v1", 17_600, 15),
    ("autoscaling", "v1", 17_500, 15),
    ("autoscaling", "v2", 17_500, 30),
    ("batch", "v1", 17_400, 15),
    ("certificates.k8s.io", "v1", 17_300, 15),
    ("certificates.k8s.io", "v1beta1", 17_300, 9),
    ("certificates.k8s.io", "v1alpha1", 17_300, 1),
    ("coordination.k8s.io", "v1", 16_500, 15),
    ("coordination.k8s.io", "v1beta1", 16_500, 13),
    ("coordination.k8s.io", "v1alpha2", 16_500, 12),
    ("discovery.k8s.io", "v1", 16_200, 15),
    ("events.k8s.io", "v1", 17_750, 15),
    ("flowcontrol.apiserver.k8s.io", "v1", 16_100, 21),
    ("internal.apiserver.k8s.io", "v1alpha1", 16_000, 9),
    ("networking.k8s.io", "v1", 17_200, 15),
    ("networking.k8s.io", "v1beta1", 17_200, 9),
    ("node.k8s.io", "v1", 16_300, 15),
    ("policy", "v1", 17_100, 15),
    ("rbac.authorization.k8s.io", "v1", 17_000, 15),
    ("resource.k8s.io", "v1", 16_200, 21),
    ("resource.k8s.io", "v1beta2", 16_200, 15),
    ("resource.k8s.io", "v1beta1", 16_200, 9),
    ("scheduling.k8s.io", "v1", 16_600, 15),
    ("scheduling.k8s.io", "v1alpha2", 16_600, 9),
    ("storage.k8s.io", "v1", 16_800, 15),
    ("storage.k8s.io", "v1beta1", 16_800, 9),
    ("storagemigration.k8s.io", "v1beta1", 15_800, 9),
    ("kernel.kubernel.io", "v1alpha1", 16_000, 15),
];

/// Those of the groups and versions that are served.
pub(super) fn all(resources: &Resources) -> Vec<Value> {
    let served = PRIORITIES.iter().filter(|(group, version, ..)| resources.has_version(group, version));
    served.map(api_service).collect()
}

fn api_service((group, version, group_priority, version_priority): &(&str, &str, i64, i64)) -> Value {
    let mut spec = json!({
        "version": version, "groupPriorityMinimum": group_priority, "versionPriority": version_priority,
    });
    if !group.is_empty() {
        spec["group"] = json!(group);
    }
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {
            "name": format!("{version}.{group}"),
            "labels": { "kube-aggregator.kubernetes.io/automanaged": "onstart" },
        },
        "spec": spec,
    })
}
