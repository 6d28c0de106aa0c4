//! `authorization.k8s.io/v1` SelfSubjectRulesReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of SelfSubjectRulesReview.
    pub static KIND = "authorization.k8s.io", "v1", "SelfSubjectRulesReview";
    names: "selfsubjectrulesreviews", "selfsubjectrulesreview", short [], categories [];
    definition: "io.k8s.api.authorization.v1.SelfSubjectRulesReview";
    namespaced: false, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
