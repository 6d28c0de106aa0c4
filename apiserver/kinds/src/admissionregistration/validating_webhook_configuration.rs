//! `admissionregistration.k8s.io/v1` ValidatingWebhookConfiguration.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of ValidatingWebhookConfiguration.
    pub static KIND = "admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration";
    names: "validatingwebhookconfigurations", "validatingwebhookconfiguration", short [], categories ["api-extensions"];
    definition: "io.k8s.api.admissionregistration.v1.ValidatingWebhookConfiguration";
    namespaced: false, source: Store, hash: "B0wHjQmsGNk=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Webhooks" integer, "Age" string,
    ];
    strategy: Generic;
}
