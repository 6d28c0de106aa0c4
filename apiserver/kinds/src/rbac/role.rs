//! `rbac.authorization.k8s.io/v1` Role.

use crate::descriptor::kind;

use super::rules::RoleStrategy;

kind! {
    /// The descriptor of Role.
    pub static KIND = "rbac.authorization.k8s.io", "v1", "Role";
    names: "roles", "role", short [], categories [];
    definition: "io.k8s.api.rbac.v1.Role";
    namespaced: true, source: Store, hash: "7FuwZcIIItM=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: RoleStrategy;
}
