//! TLS of the only port: the serving certificate, and client certificates that are asked for but not demanded.

use std::sync::Arc;

use jiff::Timestamp;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use x509_parser::oid_registry::Oid;

use super::authority::failed;
use super::{Authority, Issued};
use crate::{Error, User, authn};

/// Who the client is by the certificate that it showed and that TLS has verified. Worked out once for a connection and
/// put into the extensions of each of its requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerIdentity {
    /// Common name, organizations as groups, and a uid attribute where there is one.
    pub user: User,
    /// When the certificate ends.
    pub expires: Timestamp,
}

/// TLS 1.2 and 1.3 with this certificate. Clients may show a certificate; one that `clients` did not issue ends the
/// handshake. HTTP/2 is offered before HTTP/1.1.
pub fn server_config(serving: &Issued, clients: &Authority) -> Result<ServerConfig, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(clients.certificate_der().clone()).map_err(failed)?;
    config(serving, roots)
}

/// The same for clients of several authorities.
pub(super) fn config(serving: &Issued, roots: RootCertStore) -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(failed)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![serving.certificate_der()?], serving.key_der()?)
        .map_err(failed)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

impl PeerIdentity {
    /// Reads a client certificate; `None` where it cannot be read or has no common name.
    pub fn read(certificate: &CertificateDer<'_>) -> Option<Self> {
        // The subject attribute for a user's uid (KEP-4633).
        let uid_oid = Oid::from(&[1, 3, 6, 1, 4, 1, 57683, 2]).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let subject = parsed.subject();
        let name = subject.iter_common_name().next()?.as_str().ok().filter(|name| !name.is_empty())?.to_owned();
        let organizations = subject.iter_organization().filter_map(|o| o.as_str().ok());
        let mut groups: Vec<String> = organizations.map(str::to_owned).collect();
        groups.push(authn::user::AUTHENTICATED.to_owned());
        let uid = subject.iter_by_oid(&uid_oid).next().and_then(|a| a.as_str().ok()).unwrap_or_default().to_owned();
        let expires = Timestamp::from_second(parsed.validity().not_after.timestamp()).ok()?;
        Some(Self { user: User { name, uid, groups, ..User::default() }, expires })
    }
}
