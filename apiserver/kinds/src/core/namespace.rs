//! `v1` Namespace.

use jiff::Timestamp;
use kubernel_meta::validation;
use kubernel_meta::{Object, field};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::{Kind, Strategy, print};
use crate::{strategy, tree, validate};

kind! {
    /// The descriptor of Namespace.
    pub static KIND = "", "v1", "Namespace";
    names: "namespaces", "namespace", short ["ns"], categories [];
    definition: "io.k8s.api.core.v1.Namespace";
    namespaced: false, source: Store, hash: "Q3oi5N2YM8M=";
    verbs: ["create", "delete", "get", "list", "patch", "update", "watch"];
    subresources: [
        "finalize": ["update"],
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Status" string, "Age" string,
    ];
    strategy: NamespaceStrategy;
}

/// What only Namespaces know.
#[derive(Debug)]
pub struct NamespaceStrategy;

impl Strategy for NamespaceStrategy {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        let name = object.name().to_owned();
        if !name.is_empty() {
            object.set(&["metadata", "labels", NAME_LABEL], name);
        }
        tree::default_text(object.map_at_mut(&["status"]), "phase", "Active");
    }

    /// A new Namespace is active and waits for `kubernetes` when it is deleted.
    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        object.set(&["status"], json!({"phase": "Active"}));
        let mut finalizers = object.list_at(&["spec", "finalizers"]).to_vec();
        if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
            finalizers.push(json!(FINALIZER));
        }
        object.set(&["spec", "finalizers"], finalizers);
        let name = object.name().to_owned();
        object.set(&["metadata", "labels", NAME_LABEL], name);
    }

    /// `spec.finalizers` changes through `finalize` only.
    fn prepare_update(&self, _kind: &Kind, new: &mut Object, old: &Object) {
        strategy::copy_field(new, old, "spec");
        strategy::copy_field(new, old, "status");
    }

    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        match subresource {
            "finalize" => strategy::copy_field(new, old, "status"),
            _ => strategy::keep_all_but_status(new, old),
        }
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        finalizers(object, |path, _| path.clone())
    }

    fn validate_update(&self, _kind: &Kind, _new: &Object, _old: &Object) -> Vec<field::Error> {
        Vec::new()
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        subresource: &str,
        new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        match subresource {
            "finalize" => finalizers(new, field::Path::index),
            _ => phase(new).into_iter().collect(),
        }
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        strategy::dns_label(name, prefix)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        vec![json!(object.name()), json!(object.str_at(&["status", "phase"])), json!(print::age(object, now))]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["status.phase"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.str_at(&["status", "phase"]).to_owned()]
    }
}

/// What holds a deleted Namespace until its content is gone.
pub const FINALIZER: &str = "kubernetes";

/// The label that every Namespace carries with its own name, for selectors.
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// What is wrong with finalizers; on creation upstream's paths leave out which it is.
fn finalizers(object: &Object, place: fn(&field::Path, usize) -> field::Path) -> Vec<field::Error> {
    let path = field::Path::root("spec").child("finalizers");
    let mut errors = Vec::new();
    for (at, name) in object.list_at(&["spec", "finalizers"]).iter().enumerate() {
        let (at, name) = (place(&path, at), name.as_str().unwrap_or_default());
        errors.extend(validate::texts(&at, name, validation::label_key(name)));
        if !name.contains('/') && !matches!(name, FINALIZER | "orphan" | "foregroundDeletion") {
            errors.push(at.invalid(name, "name is neither a standard finalizer name nor is it fully qualified"));
        }
    }
    errors
}

/// The phase follows from whether the Namespace is being deleted.
fn phase(object: &Object) -> Option<field::Error> {
    let (wanted, word) = match object.deletion_timestamp() {
        Some(_) => ("Terminating", "not empty"),
        None => ("Active", "empty"),
    };
    let phase = object.str_at(&["status", "phase"]);
    let detail = format!("may only be '{wanted}' if `deletionTimestamp` is {word}");
    (phase != wanted).then(|| field::Path::root("status").child("Phase").invalid(phase, detail))
}
