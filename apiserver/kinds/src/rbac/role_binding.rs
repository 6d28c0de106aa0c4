//! `rbac.authorization.k8s.io/v1` RoleBinding.

use crate::descriptor::kind;

use super::bindings::BindingStrategy;

kind! {
    /// The descriptor of RoleBinding.
    pub static KIND = "rbac.authorization.k8s.io", "v1", "RoleBinding";
    names: "rolebindings", "rolebinding", short [], categories [];
    definition: "io.k8s.api.rbac.v1.RoleBinding";
    namespaced: true, source: Store, hash: "eGsCzGH6b1g=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Role" string, "Age" string, "Users" string wide, "Groups" string wide,
        "ServiceAccounts" string wide,
    ];
    strategy: BindingStrategy;
}
