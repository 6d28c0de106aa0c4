//! PodCertificateRequests, as far as the request alone does not tell whether they are right: whether the asker holds the
//! key, who may answer for a signer, and whether an answer is about now. Upstream's strategy asks this after all rules
//! that the objects alone decide (`kubernel_kinds`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use kubernel_meta::{ApiError, Object, field};

use super::{Attributes, Operation, certificates};
use crate::ApiServer;
use crate::pki::{Proof, proof};

const GROUP: &str = "certificates.k8s.io";
const PLURAL: &str = "podcertificaterequests";
/// How far from now a certificate may begin.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn check(
    server: &ApiServer,
    request: &Attributes<'_>,
    object: &Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    if !request.is_of(GROUP, PLURAL) {
        return Ok(());
    }
    let wrong = match (request.operation, request.subresource, old) {
        (Operation::Create, "", _) => possession(object),
        (Operation::Update, "status", Some(old)) => answer(server, request, object, old).await,
        _ => None,
    };
    wrong.map_or(Ok(()), |wrong| Err(ApiError::invalid(&request.kind.error_gvk(), object.name(), &[wrong])))
}

/// What is wrong with the proof that the asker holds the key.
fn possession(object: &Object) -> Option<field::Error> {
    let bytes = |field: &str| STANDARD.decode(object.str_at(&["spec", field])).unwrap_or_default();
    let (path, stub) = (field::Path::root("spec"), bytes("stubPKCS10Request"));
    let (field, found) = if stub.is_empty() {
        let uid = object.str_at(&["spec", "podUID"]);
        ("proofOfPossession", proof::of_key(&bytes("pkixPublicKey"), uid.as_bytes(), &bytes("proofOfPossession")))
    } else {
        ("stubPKCS10Request", proof::of_request(&stub))
    };
    let why = match found {
        Proof::Right => return None,
        Proof::Wrong => "could not verify proof-of-possession signature",
        // Upstream can; a certificate for a key that nobody has shown to hold would be worse than none.
        Proof::Unknown => "could not verify proof-of-possession signature: this server cannot verify keys of this kind",
    };
    Some(path.child(field).invalid("", why).shown_as(""))
}

/// What is wrong with an answer: it is late or early, or not for this user to give.
async fn answer(server: &ApiServer, request: &Attributes<'_>, object: &Object, old: &Object) -> Option<field::Error> {
    if object.at(&["status"]) == old.at(&["status"]) {
        return None;
    }
    let begins = object.str_at(&["status", "notBefore"]);
    if let Ok(time) = begins.parse::<Timestamp>()
        && Timestamp::now().duration_since(time).abs() > CLOCKS_APART
    {
        let detail = "must be set to within 5 minutes of kube-apiserver's current time";
        return Some(field::Path::root("status").child("notBefore").invalid(begins, detail));
    }
    let signer = old.str_at(&["spec", "signerName"]);
    if certificates::may(server, request.user, "sign", signer).await {
        return None;
    }
    let detail = format!("User {:?} is not permitted to \"sign\" for signer {signer:?}", request.user.name);
    Some(field::Path::root("spec").child("signerName").forbidden(detail))
}
