//! `authentication.k8s.io/v1` SelfSubjectReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of SelfSubjectReview.
    pub static KIND = "authentication.k8s.io", "v1", "SelfSubjectReview";
    names: "selfsubjectreviews", "selfsubjectreview", short [], categories [];
    definition: "io.k8s.api.authentication.v1.SelfSubjectReview";
    namespaced: false, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
