//! `autoscaling/v1` HorizontalPodAutoscaler.

use super::{conversion, metrics, rules};
use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::StoredAs;
use crate::descriptor::kind;
use crate::tree::default_to;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of HorizontalPodAutoscaler.
    pub static KIND = "autoscaling", "v1", "HorizontalPodAutoscaler";
    names: "horizontalpodautoscalers", "horizontalpodautoscaler", short ["hpa"], categories ["all"];
    definition: "io.k8s.api.autoscaling.v1.HorizontalPodAutoscaler";
    namespaced: true, source: Store, hash: "qwQve8ut294=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Reference" string, "Targets" string, "MinPods" string, "MaxPods" string, "Replicas" string,
        "Age" string,
    ];
    stored: STORED_AS;
    strategy: AutoscalerStrategy;
}

/// What only autoscalers of the old version know: it shows the CPU target of the stored one.
#[derive(Debug)]
pub struct AutoscalerStrategy;

impl Strategy for AutoscalerStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        default_to(object.map_at_mut(&["spec"]), "minReplicas", 1);
        conversion::default_v1(object);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(&as_v2(object))
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::update(&as_v2(new), &as_v2(old))
    }

    fn validate_subresource_update(&self, _: &Kind, _sub: &str, new: &Object, _old: &Object) -> Vec<field::Error> {
        rules::status(new)
    }

    fn annotations_of_versions(&self) -> &'static [&'static str] {
        conversion::ANNOTATIONS
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let stored = as_v2(object);
        let reference = |field: &str| object.str_at(&["spec", "scaleTargetRef", field]);
        let minimum = object.int_at(&["spec", "minReplicas"]);
        vec![
            json!(object.name()),
            json!(format!("{}/{}", reference("kind"), reference("name"))),
            json!(metrics::targets(&stored)),
            json!(minimum.map_or_else(|| "<unset>".to_owned(), |minimum| minimum.to_string())),
            json!(object.int_at(&["spec", "maxReplicas"]).unwrap_or_default()),
            json!(object.int_at(&["status", "currentReplicas"]).unwrap_or_default()),
            json!(print::age(object, now)),
        ]
    }
}

/// Version 2 is the stored form.
static STORED_AS: StoredAs = StoredAs {
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
    to_stored: conversion::to_v2,
    from_stored: conversion::to_v1,
};

fn as_v2(object: &Object) -> Object {
    let mut stored = object.clone();
    conversion::to_v2(&mut stored);
    stored
}
