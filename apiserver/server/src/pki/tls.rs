//! TLS of the only port: the serving certificate, and client certificates that are asked for but not demanded.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::CertificateDer;
use x509_parser::oid_registry::Oid;

use super::authority::failed;
use super::{Authority, Issued};
use crate::{Error, User, authn};

/// What the client showed of itself and TLS has verified; a request extension.
#[derive(Clone, Debug)]
pub struct PeerCertificate(pub CertificateDer<'static>);

/// TLS 1.2 and 1.3 with this certificate. Clients may show a certificate; one that `clients` did not issue ends the
/// handshake. HTTP/2 is offered before HTTP/1.1.
pub fn server_config(serving: &Issued, clients: &Authority) -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(clients.certificate_der().clone()).map_err(failed)?;
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

/// The user that a client certificate names: common name, organizations as groups, and a uid attribute where there is
/// one. `None` without a common name.
pub fn peer_user(certificate: &PeerCertificate) -> Option<User> {
    // 1.3.6.1.4.1.57683.2, the subject attribute for a user's uid.
    let uid_oid = Oid::from(&[1, 3, 6, 1, 4, 1, 57683, 2]).ok()?;
    let (_, parsed) = x509_parser::parse_x509_certificate(&certificate.0).ok()?;
    let subject = parsed.subject();
    let name = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
    if name.is_empty() {
        return None;
    }
    let mut groups: Vec<String> =
        subject.iter_organization().filter_map(|o| o.as_str().ok()).map(str::to_owned).collect();
    groups.push(authn::user::AUTHENTICATED.to_owned());
    let uid = subject.iter_by_oid(&uid_oid).next().and_then(|a| a.as_str().ok()).unwrap_or_default().to_owned();
    Some(User { name, uid, groups, ..User::default() })
}
