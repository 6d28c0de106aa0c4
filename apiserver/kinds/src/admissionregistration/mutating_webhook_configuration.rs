//! `admissionregistration.k8s.io/v1` MutatingWebhookConfiguration.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of MutatingWebhookConfiguration.
    pub static KIND = "admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration";
    names: "mutatingwebhookconfigurations", "mutatingwebhookconfiguration", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.MutatingWebhookConfiguration";
    namespaced: false, source: Store, hash: "Sqi0GUgDaX0=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Webhooks" integer, "Age" string,
    ];
    strategy: Generic;
}
