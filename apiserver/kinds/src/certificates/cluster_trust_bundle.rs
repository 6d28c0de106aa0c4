//! `certificates.k8s.io/v1beta1` ClusterTrustBundle: roots that Pods may mount.

use jiff::Timestamp;
use kubernel_meta::{Object, field, validation};
use serde_json::{Value, json};

use super::trust_rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of ClusterTrustBundle.
    pub static KIND = "certificates.k8s.io", "v1beta1", "ClusterTrustBundle";
    names: "clustertrustbundles", "clustertrustbundle", short [], categories [];
    definition: "io.k8s.api.certificates.v1beta1.ClusterTrustBundle";
    namespaced: false, source: Store, hash: "v5yhuVertL4=";
    verbs: ALL;
    subresources: [];
    columns: [
        "Name" name, "SignerName" string,
    ];
    strategy: ClusterTrustBundleStrategy;
}

/// What only ClusterTrustBundles know.
#[derive(Debug)]
pub struct ClusterTrustBundleStrategy;

impl Strategy for ClusterTrustBundleStrategy {
    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        let mut errors = trust_rules::signer(object);
        errors.extend(trust_rules::bundle(object));
        errors
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let mut errors = trust_rules::signer(new);
        // What was accepted once stays accepted.
        if new.str_at(&trust_rules::BUNDLE) != old.str_at(&trust_rules::BUNDLE) {
            errors.extend(trust_rules::bundle(new));
        }
        let signer = ["spec", "signerName"];
        let path = field::Path::root("spec").child("signerName");
        errors.extend(validation::immutable_field(new.at(&signer), old.at(&signer), &path));
        errors
    }

    /// The name's rules depend on the signer, see [`trust_rules::signer`].
    fn validate_name(&self, name: &str, _prefix: bool) -> Vec<String> {
        validation::path_segment_name(name)
    }

    fn cells(&self, _kind: &Kind, object: &Object, _now: Timestamp) -> Vec<Value> {
        let signer = object.str_at(&["spec", "signerName"]);
        vec![json!(object.name()), json!(if signer.is_empty() { "<none>" } else { signer })]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.signerName"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.str_at(&["spec", "signerName"]).to_owned()]
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
