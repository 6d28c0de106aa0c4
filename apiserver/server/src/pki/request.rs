//! CertificateSigningRequests: what is asked for, and the signer that answers for the cluster's CA.
//!
//! Nodes' requests for client certificates are approved at once where the requester may have them; whatever is approved,
//! by hand or not, is signed (upstream's csrapproving and csrsigning controllers). Upstream leaves the approval of serving
//! certificates to others; here a node gets one for its own name and for addresses that are nobody else's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use jiff::Timestamp;
use kubernel_meta::{Object, time};
use kubernel_store::{At, Entry};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use tower::Service;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509CertificationRequest};

use super::{Pki, Usage};
use crate::authn::user::{NODE_PREFIX, NODES};
use crate::authz::{self, Attributes, Decision};
use crate::{ApiServer, Error, User};

const PREFIX: &str = "/registry/certificates.k8s.io/certificatesigningrequests/";
const NODES_PREFIX: &str = "/registry/core/nodes/";
const NODE_SIGNER: &str = "kubernetes.io/kube-apiserver-client-kubelet";
const CLIENT_SIGNER: &str = "kubernetes.io/kube-apiserver-client";
const SERVING_SIGNER: &str = "kubernetes.io/kubelet-serving";
/// How long to wait before the store is asked again after it failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long a certificate lives where the request does not say.
const LIFE_SECS_DEFAULT: i64 = 365 * 24 * 60 * 60;

/// Whom a request wants a certificate for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestSubject {
    /// The common name.
    pub name: String,
    /// The organizations.
    pub groups: Vec<String>,
    /// Whether it asks for extensions: names and addresses, mostly.
    pub has_extensions: bool,
    /// The names of hosts that the certificate is to be good for.
    pub hosts: Vec<String>,
    /// The addresses that the certificate is to be good for.
    pub addresses: Vec<IpAddr>,
    /// Whether it asks for anything beyond names of hosts and addresses.
    pub has_others: bool,
}

impl RequestSubject {
    /// Reads `spec.request` of a CertificateSigningRequest.
    pub fn read(object: &Object) -> Option<Self> {
        let pem = STANDARD.decode(object.str_at(&["spec", "request"])).ok()?;
        let der = CertificateSigningRequestDer::from_pem_slice(&pem).ok()?;
        let (_, request) = X509CertificationRequest::from_der(&der).ok()?;
        let subject = &request.certification_request_info.subject;
        let name = subject.iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default();
        let mut out = Self {
            name: name.to_owned(),
            groups: subject.iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned).collect(),
            has_extensions: false,
            hosts: Vec::new(),
            addresses: Vec::new(),
            has_others: false,
        };
        for extension in request.requested_extensions().into_iter().flatten() {
            out.has_extensions = true;
            match extension {
                ParsedExtension::SubjectAlternativeName(names) => {
                    names.general_names.iter().for_each(|name| out.add(name));
                }
                ParsedExtension::KeyUsage(_) | ParsedExtension::ExtendedKeyUsage(_) => {}
                _ => out.has_others = true,
            }
        }
        Some(out)
    }

    fn add(&mut self, name: &GeneralName<'_>) {
        let address = |octets: &[u8]| {
            let v4 = <[u8; 4]>::try_from(octets).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
            v4.or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| Ipv6Addr::from(octets).into())).ok()
        };
        match name {
            GeneralName::DNSName(host) => self.hosts.push((*host).to_owned()),
            GeneralName::IPAddress(octets) => match address(octets) {
                Some(address) => self.addresses.push(address),
                None => self.has_others = true,
            },
            _ => self.has_others = true,
        }
    }

    /// Whether it is a node's own name, and nothing more.
    fn is_node(&self) -> bool {
        self.name.strip_prefix(NODE_PREFIX).is_some_and(|node| !node.is_empty()) && self.groups == [NODES]
    }
}

/// Approves and signs requests until it is dropped. Returns at once where the server has no CA.
pub async fn sign_requests(server: &ApiServer) {
    let Some(pki) = server.config().pki.clone() else { return };
    loop {
        if let Err(error) = follow(server, &pki).await {
            tracing::warn!(%error, "requests for certificates are read again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// Handles what is there, then what comes, until the store fails or has forgotten a change.
async fn follow(server: &ApiServer, pki: &Pki) -> Result<(), Error> {
    let snapshot = server.store().snapshot(PREFIX, At::Latest).await?;
    let mut watch = server.store().watch(PREFIX, snapshot.revision())?;
    for entry in snapshot.range(PREFIX, "") {
        handle(server, pki, &entry).await;
    }
    loop {
        let events = watch.next().await?;
        for event in events.iter().filter(|event| !event.deleted) {
            handle(server, pki, &event.entry).await;
        }
    }
}

/// Takes a request one step further, where there is one.
async fn handle(server: &ApiServer, pki: &Pki, entry: &Entry) {
    let Some(mut object) = serde_json::from_slice(&entry.json).ok().map(Object::new) else { return };
    let has = |kind: &str| object.list_at(&["status", "conditions"]).iter().any(|condition| condition["type"] == kind);
    if has("Denied") || has("Failed") || !object.str_at(&["status", "certificate"]).is_empty() {
        return;
    }
    let Some(subject) = RequestSubject::read(&object) else { return };
    let outcome = if has("Approved") {
        let Some(certificate) = sign(pki, &object, &subject) else { return };
        object.set(&["status", "certificate"], STANDARD.encode(certificate));
        put(server, "status", &object).await
    } else {
        let message = if may_have(server, &object, &subject).await {
            "Auto approving kubelet client certificate after SubjectAccessReview."
        } else if may_serve(server, pki, &object, &subject).await {
            "Auto approving kubelet serving certificate for the node's own name and addresses."
        } else {
            return;
        };
        object.set(&["status", "conditions"], json!([approval(message, Timestamp::now())]));
        put(server, "approval", &object).await
    };
    if let Err(problem) = outcome {
        tracing::warn!(request = object.name(), problem, "a certificate could not be given");
    }
}

/// Whether a node's client certificate goes to somebody who may have it: the node itself, or whoever may ask for any.
async fn may_have(server: &ApiServer, object: &Object, subject: &RequestSubject) -> bool {
    let wants = usages(object);
    if object.str_at(&["spec", "signerName"]) != NODE_SIGNER
        || !subject.is_node()
        || subject.has_extensions
        || wants != [Usage::Client]
    {
        return false;
    }
    let groups = object.list_at(&["spec", "groups"]).iter().filter_map(Value::as_str).map(str::to_owned);
    let user =
        User { name: object.str_at(&["spec", "username"]).to_owned(), groups: groups.collect(), ..User::default() };
    let right = if user.name == subject.name { "selfnodeclient" } else { "nodeclient" };
    let attributes = Attributes {
        user,
        verb: "create".to_owned(),
        is_resource: true,
        group: "certificates.k8s.io".to_owned(),
        version: "v1".to_owned(),
        resource: "certificatesigningrequests".to_owned(),
        subresource: right.to_owned(),
        ..Attributes::default()
    };
    matches!(authz::authorize(server, &attributes).await, Decision::Allow(_))
}

/// Whether a node's serving certificate is asked for by the node itself, for its own name and for addresses that neither
/// the API nor another node has.
async fn may_serve(server: &ApiServer, pki: &Pki, object: &Object, subject: &RequestSubject) -> bool {
    let Some(node) = subject.name.strip_prefix(NODE_PREFIX) else { return false };
    if object.str_at(&["spec", "signerName"]) != SERVING_SIGNER
        || object.str_at(&["spec", "username"]) != subject.name
        || !subject.is_node()
        || subject.has_others
        || usages(object) != [Usage::Server]
        || subject.hosts.iter().any(|host| host != node)
    {
        return false;
    }
    let taken = match addresses_of_others(server, node).await {
        Ok(taken) => taken,
        Err(error) => {
            tracing::warn!(%error, request = object.name(), "not approved: the nodes could not be read");
            return false;
        }
    };
    let foreign = subject.addresses.iter().find(|address| pki.addresses().contains(address) || taken.contains(address));
    if let Some(address) = foreign {
        tracing::warn!(request = object.name(), node, %address, "not approved: the address is another's");
    }
    foreign.is_none()
}

/// The addresses of all nodes but this one.
async fn addresses_of_others(server: &ApiServer, node: &str) -> Result<Vec<IpAddr>, Error> {
    let snapshot = server.store().snapshot(NODES_PREFIX, At::Latest).await?;
    let mut out = Vec::new();
    for entry in snapshot.range(NODES_PREFIX, "") {
        let Some(other) = serde_json::from_slice(&entry.json).ok().map(Object::new) else { continue };
        if other.name() != node {
            let addresses = other.list_at(&["status", "addresses"]).iter();
            out.extend(addresses.filter_map(|address| address["address"].as_str()?.parse::<IpAddr>().ok()));
        }
    }
    Ok(out)
}

/// The certificate of an approved request; `None` for other signers' requests and those that ask for too much.
fn sign(pki: &Pki, object: &Object, subject: &RequestSubject) -> Option<String> {
    let wants = usages(object);
    let fits = match object.str_at(&["spec", "signerName"]) {
        NODE_SIGNER => subject.is_node() && !subject.has_extensions && wants == [Usage::Client],
        SERVING_SIGNER => subject.is_node() && !subject.has_others && wants == [Usage::Server],
        CLIENT_SIGNER => wants == [Usage::Client],
        _ => return None,
    };
    if !fits {
        tracing::warn!(request = object.name(), "the request does not fit its signer");
        return None;
    }
    let secs = object.int_at(&["spec", "expirationSeconds"]).unwrap_or(LIFE_SECS_DEFAULT);
    let pem = String::from_utf8(STANDARD.decode(object.str_at(&["spec", "request"])).ok()?).ok()?;
    let signed = pki.authority().sign_request(&pem, &wants, u64::try_from(secs).ok()?);
    signed.inspect_err(|error| tracing::warn!(%error, request = object.name(), "not signed")).ok()
}

/// What the certificate is to be used for, as far as it makes a difference.
fn usages(object: &Object) -> Vec<Usage> {
    let usages = object.list_at(&["spec", "usages"]).iter().filter_map(Value::as_str);
    usages
        .filter_map(|usage| match usage {
            "client auth" => Some(Usage::Client),
            "server auth" => Some(Usage::Server),
            _ => None,
        })
        .collect()
}

fn approval(message: &str, now: Timestamp) -> Value {
    let now = time::format(now);
    json!({
        "type": "Approved", "status": "True", "reason": "AutoApproved",
        "message": message,
        "lastUpdateTime": now, "lastTransitionTime": now,
    })
}

async fn put(server: &ApiServer, subresource: &str, object: &Object) -> Result<(), String> {
    let path = format!("/apis/certificates.k8s.io/v1/certificatesigningrequests/{}/{subresource}", object.name());
    let request = Request::builder()
        .method(Method::PUT)
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, "kube-controller-manager")
        .body(Body::from(serde_json::to_vec(object.map()).map_err(|error| error.to_string())?))
        .map_err(|error| error.to_string())?;
    let Ok(response) =
        server.service(User::system("system:serviceaccount:kube-system:certificate-controller")).call(request).await;
    // Whoever was faster makes another event.
    let status = response.status();
    if status.is_success() || status == http::StatusCode::CONFLICT { Ok(()) } else { Err(status.to_string()) }
}
