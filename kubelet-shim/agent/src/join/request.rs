//! Asking the cluster for a certificate: a CertificateSigningRequest is made, approved and signed by the control plane.

use std::net::IpAddr;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::{CertificateSigningRequest, CertificateSigningRequestSpec};
use kube::api::{ObjectMeta, PostParams};
use kube::runtime::wait::await_condition;
use kube::{Api, Client};
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use x509_parser::prelude::GeneralName;

use super::{Pair, keep};
use crate::{AgentError, Result};

/// How long a request may wait for its approval; people who approve by hand may start the node again.
const APPROVAL_WAIT: Duration = Duration::from_secs(60);

/// A certificate that a node wants.
pub(super) struct Wanted {
    node: String,
    signer: &'static str,
    usage: &'static str,
    /// Where the kubelet API is reached; none for a client.
    address: Option<IpAddr>,
}

impl Wanted {
    /// By which the node is known to the API.
    pub(super) fn client(node: &str) -> Self {
        let signer = "kubernetes.io/kube-apiserver-client-kubelet";
        Self { node: node.to_owned(), signer, usage: "client auth", address: None }
    }

    /// By which the API knows the node.
    pub(super) fn serving(node: &str, address: IpAddr) -> Self {
        let signer = "kubernetes.io/kubelet-serving";
        Self { node: node.to_owned(), signer, usage: "server auth", address: Some(address) }
    }

    /// Whether a certificate is the one that is wanted.
    pub(super) fn fits(&self, certificate_pem: &str) -> bool {
        let own = format!("system:node:{}", self.node);
        let octets = |address: IpAddr| match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let fits = keep::read(certificate_pem, |certificate| {
            let name = certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
            let names = certificate.subject_alternative_name().ok().flatten();
            let has = |address: IpAddr| {
                let is = |name: &GeneralName<'_>| matches!(name, GeneralName::IPAddress(found) if **found == octets(address));
                names.as_ref().is_some_and(|names| names.value.general_names.iter().any(is))
            };
            name == Some(own.as_str()) && self.address.is_none_or(has)
        });
        fits.unwrap_or_default()
    }

    /// A new key, and the request that is signed with it (PEM).
    fn sign(&self) -> std::result::Result<(KeyPair, String), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, format!("system:node:{}", self.node));
        if let Some(address) = self.address {
            params.subject_alt_names =
                vec![SanType::DnsName(self.node.as_str().try_into()?), SanType::IpAddress(address)];
        }
        let request = params.serialize_request(&key)?.pem()?;
        Ok((key, request))
    }
}

/// Asks, and waits until the certificate is there.
pub(super) async fn get(client: &Client, wanted: &Wanted) -> Result<Pair> {
    let failed = |why: &dyn std::fmt::Display| AgentError::Join(format!("a certificate for {}: {why}", wanted.node));
    let (key, request) = wanted.sign().map_err(|error| failed(&error))?;
    let requests: Api<CertificateSigningRequest> = Api::all(client.clone());
    let object = CertificateSigningRequest {
        metadata: ObjectMeta { generate_name: Some("node-csr-".to_owned()), ..ObjectMeta::default() },
        spec: CertificateSigningRequestSpec {
            request: ByteString(request.into_bytes()),
            signer_name: wanted.signer.to_owned(),
            usages: Some(vec!["digital signature".to_owned(), wanted.usage.to_owned()]),
            ..CertificateSigningRequestSpec::default()
        },
        status: None,
    };
    let made = requests.create(&PostParams::default(), &object).await.map_err(|error| super::failed(&error))?;
    let name = made.metadata.name.unwrap_or_default();
    let is_answered = |object: Option<&CertificateSigningRequest>| {
        let status = object.and_then(|object| object.status.as_ref());
        let refused = |type_: &str| type_ == "Denied" || type_ == "Failed";
        object.is_none()
            || status.is_some_and(|status| {
                status.certificate.is_some()
                    || status.conditions.iter().flatten().any(|condition| refused(&condition.type_))
            })
    };
    let waiting = await_condition(requests, &name, is_answered);
    let answered = tokio::time::timeout(APPROVAL_WAIT, waiting).await.map_err(|_| {
        failed(&format_args!("nobody approved {name} in {APPROVAL_WAIT:?}; see kubectl describe csr {name}"))
    })?;
    let status = answered.map_err(|error| failed(&error))?.and_then(|object| object.status).unwrap_or_default();
    let Some(certificate) = status.certificate else {
        let why = status.conditions.into_iter().flatten().find_map(|condition| condition.message).unwrap_or_default();
        return Err(failed(&format_args!("{name} was denied: {why}")));
    };
    let certificate_pem = String::from_utf8(certificate.0).map_err(|error| failed(&error))?;
    Ok(Pair { certificate_pem, key_pem: key.serialize_pem() })
}
