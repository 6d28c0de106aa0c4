//! `v1` PodTemplate.

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::apps::workload;
use crate::core::pod::{spec_defaults, validation, warnings};
use crate::descriptor::kind;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of PodTemplate.
    pub static KIND = "", "v1", "PodTemplate";
    names: "podtemplates", "podtemplate", short [], categories [];
    definition: "io.k8s.api.core.v1.PodTemplate";
    namespaced: true, source: Store, hash: "LIXB2x4IFpk=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "Containers" string, "Images" string, "Pod Labels" string,
    ];
    strategy: PodTemplateStrategy;
}

/// What only PodTemplates know.
#[derive(Debug)]
pub struct PodTemplateStrategy;

impl Strategy for PodTemplateStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        spec_defaults::pod_template(object.map_mut().entry("template").or_insert_with(|| json!({})));
    }

    fn counts_generation(&self) -> bool {
        true
    }

    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        workload::prepare_create(kind, object, &["template"]);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        workload::prepare_update(kind, new, old, &["template"]);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        validation::validate_template(&field::Path::root("template"), object.at(&["template"]).unwrap_or(&Value::Null))
    }

    fn cells(&self, _kind: &Kind, object: &Object, _now: Timestamp) -> Vec<Value> {
        let (names, images) = print::containers_and_images(object.at(&["template", "spec"]));
        let labels = print::labels(object.at(&["template", "metadata", "labels"]));
        vec![json!(object.name()), json!(names), json!(images), json!(labels)]
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        warnings::of_template(&["template"], object, old)
    }
}
