//! `resource.k8s.io/v1` DeviceClass.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use super::claim_rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of DeviceClass.
    pub static KIND = "resource.k8s.io", "v1", "DeviceClass";
    names: "deviceclasses", "deviceclass", short [], categories [];
    definition: "io.k8s.api.resource.v1.DeviceClass";
    namespaced: false, source: Store, hash: "Yk2PTc1Ybxk=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Age" string,
    ];
    strategy: DeviceClassStrategy;
}

/// What only DeviceClasses know.
#[derive(Debug)]
pub struct DeviceClassStrategy;

impl Strategy for DeviceClassStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        claim_rules::class(object)
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(print::age(object, now))]
    }
}
