//! `authorization.k8s.io/v1` SelfSubjectAccessReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of SelfSubjectAccessReview.
    pub static KIND = "authorization.k8s.io", "v1", "SelfSubjectAccessReview";
    names: "selfsubjectaccessreviews", "selfsubjectaccessreview", short [], categories [];
    definition: "io.k8s.api.authorization.v1.SelfSubjectAccessReview";
    namespaced: false, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
