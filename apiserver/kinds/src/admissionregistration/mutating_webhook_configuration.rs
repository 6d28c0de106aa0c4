//! `admissionregistration.k8s.io/v1` MutatingWebhookConfiguration.

use super::{defaults, webhook_rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

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
    strategy: MutatingStrategy;
}

/// What only MutatingWebhookConfigurations know.
#[derive(Debug)]
pub struct MutatingStrategy;

impl Strategy for MutatingStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        defaults::webhooks(object, true);
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        webhook_rules::create(object, true)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        webhook_rules::update(new, old, true)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let count = object.list_at(&["webhooks"]).len();
        vec![json!(object.name()), json!(count), json!(print::age(object, now))]
    }
}
