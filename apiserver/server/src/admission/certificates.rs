//! CertificateApproval, CertificateSigning, CertificateSubjectRestriction and ClusterTrustBundleAttest: a request for a
//! certificate says truly who asks; only those with the right to a signer approve, sign and attest for it; nobody gets
//! `system:masters` that way.

use kubernel_meta::{ApiError, Object};
use serde_json::json;

use super::{Attributes, Operation, Plugin};
use crate::authn::user::MASTERS;
use crate::authz::{self, Decision};
use crate::pki::RequestSubject;
use crate::{ApiServer, User};

const GROUP: &str = "certificates.k8s.io";
const PLURAL: &str = "certificatesigningrequests";
const BUNDLES: &str = "clustertrustbundles";
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
    if request.kind.group != GROUP {
        return Ok(());
    }
    let on = |plugin| server.plugins().run(plugin);
    if request.is_of(GROUP, BUNDLES) && on(Plugin::ClusterTrustBundleAttest) {
        return check_bundle(server, request, object, old).await;
    }
    if !request.is_of(GROUP, PLURAL) {
        return Ok(());
    }
    match (request.operation, request.subresource, old) {
        (Operation::Create, "", _) if on(Plugin::CertificateSubjectRestriction) => {
            let asks_for_all = object.str_at(&["spec", "signerName"]) == CLIENT_SIGNER
                && RequestSubject::read(object).is_some_and(|subject| subject.groups.iter().any(|g| g == MASTERS));
            if asks_for_all {
                let text = format!("use of {CLIENT_SIGNER} signer with {MASTERS} group is not allowed");
                return Err(request.forbidden(text));
            }
            Ok(())
        }
        (Operation::Update, "approval", Some(old)) if on(Plugin::CertificateApproval) => {
            check_signer(server, request, old, "approve", "approve requests with").await
        }
        (Operation::Update, "status", Some(old)) if on(Plugin::CertificateSigning) => {
            let told =
                |object: &Object| ["certificate", "conditions"].map(|field| object.at(&["status", field]).cloned());
            if told(old) == told(object) {
                return Ok(());
            }
            check_signer(server, request, old, "sign", "sign requests with").await
        }
        _ => Ok(()),
    }
}

/// What a bundle says for a signer only those may say who attest for it; owners and finalizers are no part of that.
async fn check_bundle(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    let bare = |object: &Object| {
        let mut object = object.clone();
        for field in ["ownerReferences", "finalizers", "resourceVersion", "managedFields", "generation"] {
            object.remove(&["metadata", field]);
        }
        object
    };
    let unchanged = old.is_some_and(|old| bare(old) == bare(object));
    if object.str_at(&["spec", "signerName"]).is_empty() || unchanged {
        return Ok(());
    }
    check_signer(server, request, object, "attest", "attest for").await
}

async fn check_signer(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    verb: &str,
    what: &str,
) -> Result<(), ApiError> {
    let signer = object.str_at(&["spec", "signerName"]);
    if may(server, request.user, verb, signer).await {
        return Ok(());
    }
    Err(request.forbidden(format!("user not permitted to {what} signerName {signer:?}")))
}

/// Whether the user has the verb on the signer, or on all signers of its domain.
pub(super) async fn may(server: &ApiServer, user: &User, verb: &str, signer: &str) -> bool {
    let domain = signer.split('/').next().unwrap_or_default();
    for name in [signer.to_owned(), format!("{domain}/*")] {
        let attributes = authz::Attributes {
            user: user.clone(),
            verb: verb.to_owned(),
            is_resource: true,
            group: GROUP.to_owned(),
            version: "v1".to_owned(),
            resource: "signers".to_owned(),
            name,
            ..authz::Attributes::default()
        };
        if matches!(authz::authorize(server, &attributes).await, Decision::Allow(_)) {
            return true;
        }
    }
    false
}
