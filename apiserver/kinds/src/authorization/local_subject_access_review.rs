//! `authorization.k8s.io/v1` LocalSubjectAccessReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of LocalSubjectAccessReview.
    pub static KIND = "authorization.k8s.io", "v1", "LocalSubjectAccessReview";
    names: "localsubjectaccessreviews", "localsubjectaccessreview", short [], categories [];
    definition: "io.k8s.api.authorization.v1.LocalSubjectAccessReview";
    namespaced: true, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
