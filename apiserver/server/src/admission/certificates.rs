//! CertificateApproval, CertificateSigning and CertificateSubjectRestriction: a request for a certificate says truly who
//! asks; only those with the right to a signer approve and sign for it; nobody gets `system:masters` that way.

use kubernel_meta::{ApiError, Object};
use serde_json::json;

use super::{Attributes, Operation};
use crate::authn::user::MASTERS;
use crate::authz::{self, Decision};
use crate::pki::RequestSubject;
use crate::{ApiServer, User};

const GROUP: &str = "certificates.k8s.io";
const PLURAL: &str = "certificatesigningrequests";
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";

/// Writes who asks into a new request, whatever it says itself.
pub(super) fn admit(request: &Attributes<'_>, object: &mut Object) {
    if !request.is_main(GROUP, PLURAL) || request.operation != Operation::Create {
        return;
    }
    let User { name, uid, groups, extra } = request.user;
    for field in ["uid", "groups", "extra"] {
        object.remove(&["spec", field]);
    }
    object.set(&["spec", "username"], name.as_str());
    if !uid.is_empty() {
        object.set(&["spec", "uid"], uid.as_str());
    }
    if !groups.is_empty() {
        object.set(&["spec", "groups"], groups.clone());
    }
    if !extra.is_empty() {
        object.set(&["spec", "extra"], json!(extra));
    }
}

pub(super) async fn check(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !request.is_of(GROUP, PLURAL) {
        return Ok(());
    }
    match (request.operation, request.subresource, old) {
        (Operation::Create, "", _) => {
            let asks_for_all = object.str_at(&["spec", "signerName"]) == CLIENT_SIGNER
                && RequestSubject::read(object).is_some_and(|subject| subject.groups.iter().any(|g| g == MASTERS));
            if asks_for_all {
                let text = format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed");
                return Err(request.forbidden(text));
            }
            Ok(())
        }
        (Operation::Update, "approval", Some(old)) => check_signer(server, request, old, "approve").await,
        (Operation::Update, "status", Some(old)) if old.at(&["status"]) != object.at(&["status"]) => {
            check_signer(server, request, old, "sign").await
        }
        _ => Ok(()),
    }
}

/// The user needs the verb on the signer, or on all signers of its domain.
async fn check_signer(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    verb: &str,
) -> Result<(), ApiError> {
    let signer = object.str_at(&["spec", "signerName"]);
    let domain = signer.split('/').next().unwrap_or_default();
    for name in [signer.to_owned(), format!("{domain}/*")] {
        let attributes = authz::Attributes {
            user: request.user.clone(),
            verb: verb.to_owned(),
            is_resource: true,
            group: GROUP.to_owned(),
            version: "v1".to_owned(),
            resource: "signers".to_owned(),
            name,
            ..authz::Attributes::default()
        };
        if matches!(authz::authorize(server, &attributes).await, Decision::Allow(_)) {
            return Ok(());
        }
    }
    Err(request.forbidden(format!("user not permitted to {verb} requests with signerName {signer:?}")))
}
