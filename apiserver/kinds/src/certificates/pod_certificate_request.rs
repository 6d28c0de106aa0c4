//! `certificates.k8s.io/v1beta1` PodCertificateRequest (KEP-4317): a node asks a signer for a certificate of a Pod.

use jiff::Timestamp;
use kubernel_meta::{Object, field, validation};
use serde_json::{Value, json};

use super::pod_certificate_rules as rules;
use crate::descriptor::kind;
use crate::{Kind, Strategy};

kind! {
    /// The descriptor of PodCertificateRequest.
    pub static KIND = "certificates.k8s.io", "v1beta1", "PodCertificateRequest";
    names: "podcertificaterequests", "podcertificaterequest", short [], categories [];
    definition: "io.k8s.api.certificates.v1beta1.PodCertificateRequest";
    namespaced: true, source: Store, hash: "wYA9yXQH8fg=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "PodName" string, "ServiceAccountName" string, "NodeName" string, "SignerName" string,
        "State" string,
    ];
    strategy: PodCertificateStrategy;
}

/// What only PodCertificateRequests know. Who may sign, and whether a signature is right, the server's admission checks.
#[derive(Debug)]
pub struct PodCertificateStrategy;

impl Strategy for PodCertificateStrategy {
    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        let path = field::Path::root("spec");
        validation::immutable_field(new.at(&["spec"]), old.at(&["spec"]), &path).into_iter().collect()
    }

    fn validate_subresource_update(&self, _kind: &Kind, _sub: &str, new: &Object, old: &Object) -> Vec<field::Error> {
        rules::status(new, old)
    }

    fn cells(&self, _kind: &Kind, object: &Object, _now: Timestamp) -> Vec<Value> {
        let text = |field: &str| json!(object.str_at(&["spec", field]));
        vec![
            json!(object.name()),
            text("podName"),
            text("serviceAccountName"),
            text("nodeName"),
            text("signerName"),
            json!(rules::state(object).unwrap_or("Pending")),
        ]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.signerName", "spec.podName", "spec.nodeName"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        ["signerName", "podName", "nodeName"].map(|field| object.str_at(&["spec", field]).to_owned()).to_vec()
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }
}
