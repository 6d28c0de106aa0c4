//! `v1` ServiceAccount.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ServiceAccount.
    pub static KIND = "", "v1", "ServiceAccount";
    names: "serviceaccounts", "serviceaccount", short ["sa"], categories [];
    definition: "io.k8s.api.core.v1.ServiceAccount";
    namespaced: true, source: Store, hash: "pbx9ZvyFpBE=";
    verbs: ALL;
    subresources: [
        "token" as ("authentication.k8s.io", "v1", "TokenRequest"): ["create"],
    ];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: Generic;
}
