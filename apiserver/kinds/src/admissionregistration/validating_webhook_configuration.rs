//! `admissionregistration.k8s.io/v1` ValidatingWebhookConfiguration.

use super::{defaults, webhook_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

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
    strategy: ValidatingStrategy;
}

/// What only ValidatingWebhookConfigurations know.
#[derive(Debug)]
pub struct ValidatingStrategy;

impl Strategy for ValidatingStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::webhooks(object, false);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        webhook_rules::create(object, false)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        webhook_rules::update(new, old, false)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let count = object.list_at(&["webhooks"]).len();
        vec![json!(object.name()), json!(count), json!(print::age(object, now))]
    }
}
