//! `apiextensions.k8s.io/v1` CustomResourceDefinition.

use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use super::validation;
use crate::descriptor::kind;
use crate::tree::{default_text, default_to, map_in};
use crate::{Kind, Strategy, strategy};

kind! {
    /// The descriptor of CustomResourceDefinition.
    pub static KIND = "apiextensions.k8s.io", "v1", "CustomResourceDefinition";
    names: "customresourcedefinitions", "customresourcedefinition", short ["crd", "crds"], categories ["api-extensions"];
    definition: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition";
    namespaced: false, source: Store, hash: "jfWCUB31mvA=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Created At" date,
    ];
    strategy: DefinitionStrategy;
}

/// What only CustomResourceDefinitions know.
#[derive(Debug)]
pub struct DefinitionStrategy;

impl Strategy for DefinitionStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let kind = object.str_at(&["spec", "names", "kind"]).to_owned();
        if object.list_at(&["status", "storedVersions"]).is_empty() {
            store_versions(object);
        }
        let spec = object.map_at_mut(&["spec"]);
        if let Some(names) = map_in(spec, "names") {
            default_text(names, "singular", &kind.to_lowercase());
            if !kind.is_empty() {
                default_text(names, "listKind", &format!("{kind}List"));
            }
        }
        default_to(spec, "conversion", json!({}));
        if let Some(conversion) = map_in(spec, "conversion") {
            default_text(conversion, "strategy", "None");
            if let Some(service) = map_in(conversion, "webhook")
                .and_then(|webhook| map_in(webhook, "clientConfig"))
                .and_then(|config| map_in(config, "service"))
            {
                default_to(service, "port", 443);
            }
        }
    }

    fn counts_generation(&self) -> bool {
        true
    }

    /// The version in which new objects are stored is known from the start.
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        strategy::prepare_create(kind, object);
        store_versions(object);
    }

    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        strategy::prepare_update(kind, new, old);
        store_versions(new);
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        validation::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        validation::update(new, old)
    }

    fn validate_subresource_update(
        &self,
        _kind: &Kind,
        _subresource: &str,
        new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        validation::status_update(new)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        validation::warnings(object, old)
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    /// The metadata as well, although a write to `status` may change it: upstream resets it to what it is.
    fn reset_fields(&self, kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        match subresource {
            "status" => vec![vec!["metadata"], vec!["spec"]],
            _ => strategy::reset_fields(kind, subresource),
        }
    }
}

fn store_versions(object: &mut Object) {
    let stored = object.list_at(&["spec", "versions"]).iter().find(|version| crate::tree::flag(version, "storage"));
    let Some(name) = stored.and_then(|version| version.get("name")).cloned() else { return };
    let versions = object.map_at_mut(&["status"]).entry("storedVersions").or_insert(Value::Null);
    if !versions.is_array() {
        *versions = json!([]);
    }
    if let Some(versions) = versions.as_array_mut().filter(|versions| !versions.contains(&name)) {
        versions.push(name);
    }
}
