//! `certificates.k8s.io/v1` CertificateSigningRequest.

use super::rules;
use jiff::Timestamp;
use kubernel_meta::{Object, field, time};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::condition;
use crate::{Kind, Strategy, print, strategy};

kind! {
    /// The descriptor of CertificateSigningRequest.
    pub static KIND = "certificates.k8s.io", "v1", "CertificateSigningRequest";
    names: "certificatesigningrequests", "certificatesigningrequest", short ["csr"], categories [];
    definition: "io.k8s.api.certificates.v1.CertificateSigningRequest";
    namespaced: false, source: Store, hash: "95fRKMXA+00=";
    verbs: ALL;
    subresources: [
        "approval": STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Age" string, "SignerName" string, "Requestor" string, "RequestedDuration" string,
        "Condition" string,
    ];
    strategy: RequestStrategy;
}

/// What only CertificateSigningRequests know. Who asks is filled in by the server.
#[derive(Debug)]
pub struct RequestStrategy;

impl Strategy for RequestStrategy {
    /// What is asked for never changes.
    fn prepare_update(&self, _kind: &Kind, new: &mut Object, old: &Object) {
        strategy::copy_field(new, old, "spec");
        strategy::copy_field(new, old, "status");
    }

    /// `approval` changes conditions, `status` the rest and conditions that do not approve.
    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        strategy::keep_all_but_status(new, old);
        if subresource == "approval" {
            let conditions = new.at(&["status", "conditions"]).cloned();
            strategy::copy_field(new, old, "status");
            match conditions {
                Some(conditions) => new.set(&["status", "conditions"], conditions),
                None => drop(new.remove(&["status", "conditions"])),
            }
        }
        if subresource == "status" {
            rules::keep_decisions(new, old);
        }
        rules::stamp_conditions(new, old);
    }

    /// Any name will do.
    fn validate_name(&self, _name: &str, _prefix: bool) -> Vec<String> {
        Vec::new()
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        rules::create(object)
    }

    fn validate_update(&self, _kind: &Kind, _new: &Object, _old: &Object) -> Vec<field::Error> {
        Vec::new()
    }

    fn validate_subresource_update(
        &self,
        _: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        rules::status(subresource, new, old)
    }

    /// Nobody owns the spec: it never changes.
    fn reset_fields(&self, _kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        if subresource.is_empty() { vec![vec!["spec"], vec!["status"]] } else { vec![vec!["spec"]] }
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let spec = |field: &str| json!(object.str_at(&["spec", field]));
        let duration = object.int_at(&["spec", "expirationSeconds"]).map(time::human_duration);
        vec![
            json!(object.name()),
            json!(print::age(object, now)),
            spec("signerName"),
            spec("username"),
            json!(duration.unwrap_or_else(|| "<none>".to_owned())),
            json!(state(object)),
        ]
    }

    fn selectable_fields(&self) -> Vec<&str> {
        vec!["spec.signerName"]
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        vec![object.str_at(&["spec", "signerName"]).to_owned()]
    }
}

fn state(request: &Object) -> String {
    let conditions = request.list_at(&["status", "conditions"]);
    let has = |type_: &str| condition(conditions, type_).is_some();
    let mut state = if has("Denied") {
        "Denied"
    } else if has("Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has("Failed") {
        state.push_str(",Failed");
    }
    if !request.str_at(&["status", "certificate"]).is_empty() {
        state.push_str(",Issued");
    }
    state
}
