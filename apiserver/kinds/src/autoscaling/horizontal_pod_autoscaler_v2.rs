//! `autoscaling/v2` HorizontalPodAutoscaler.

use super::{metrics, rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of HorizontalPodAutoscaler.
    pub static KIND = "autoscaling", "v2", "HorizontalPodAutoscaler";
    names: "horizontalpodautoscalers", "horizontalpodautoscaler", short ["hpa"], categories ["all"];
    definition: "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler";
    namespaced: true, source: Store, hash: "qwQve8ut294=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Reference" string, "Targets" string, "MinPods" string, "MaxPods" string, "Replicas" string,
        "Age" string,
    ];
    strategy: AutoscalerStrategy;
}

/// What only autoscalers know, in their stored version.
#[derive(Debug)]
pub struct AutoscalerStrategy;

impl Strategy for AutoscalerStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        default_to(object.map_at_mut(&["spec"]), "minReplicas", 1);
        metrics::defaults(object);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::update(new, old)
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::status(new)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let reference = |field: &str| object.str_at(&["spec", "scaleTargetRef", field]);
        let minimum = object.int_at(&["spec", "minReplicas"]);
        vec![
            json!(object.name()),
            json!(format!("{}/{}", reference("kind"), reference("name"))),
            json!(metrics::targets(object)),
            json!(minimum.map_or_else(|| "<unset>".to_owned(), |minimum| minimum.to_string())),
            json!(object.int_at(&["spec", "maxReplicas"]).unwrap_or_default()),
            json!(object.int_at(&["status", "currentReplicas"]).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}
