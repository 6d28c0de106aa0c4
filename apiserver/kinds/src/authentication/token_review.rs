//! `authentication.k8s.io/v1` TokenReview.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of TokenReview.
    pub static KIND = "authentication.k8s.io", "v1", "TokenReview";
    names: "tokenreviews", "tokenreview", short [], categories [];
    definition: "io.k8s.api.authentication.v1.TokenReview";
    namespaced: false, source: Review, hash: "";
    verbs: ["create"];
    subresources: [];
    columns: [];
    strategy: Generic;
}
