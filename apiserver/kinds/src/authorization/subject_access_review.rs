//! `authorization.k8s.io/v1` SubjectAccessReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of SubjectAccessReview.
    pub static KIND = "authorization.k8s.io", "v1", "SubjectAccessReview";
    names: "subjectaccessreviews", "subjectaccessreview", short [], categories [];
    definition: "io.k8s.api.authorization.v1.SubjectAccessReview";
    namespaced: false, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
