//! `rbac.authorization.k8s.io/v1` ClusterRole.

use crate::descriptor::kind;

use super::rules::RoleStrategy;

kind! {
    /// The descriptor of ClusterRole.
    pub static KIND = "rbac.authorization.k8s.io", "v1", "ClusterRole";
    names: "clusterroles", "clusterrole", short [], categories [];
    definition: "io.k8s.api.rbac.v1.ClusterRole";
    namespaced: false, source: Store, hash: "bYE5ZWDrJ44=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: RoleStrategy;
}
