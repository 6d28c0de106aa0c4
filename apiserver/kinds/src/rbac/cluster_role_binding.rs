//! `rbac.authorization.k8s.io/v1` ClusterRoleBinding.

use crate::descriptor::kind;

use super::bindings::BindingStrategy;

kind! {
    /// The descriptor of ClusterRoleBinding.
    pub static KIND = "rbac.authorization.k8s.io", "v1", "ClusterRoleBinding";
    names: "clusterrolebindings", "clusterrolebinding", short [], categories [];
    definition: "io.k8s.api.rbac.v1.ClusterRoleBinding";
    namespaced: false, source: Store, hash: "48tpQ8gZHFc=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Role" string, "Age" string, "Users" string wide, "Groups" string wide,
        "ServiceAccounts" string wide,
    ];
    strategy: BindingStrategy;
}
