//! TLS of the kubelet API: our certificate, and the clients' if they show one.

use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::Config;

/// The acceptor; the error is a text for people.
pub(crate) fn acceptor(config: &Config) -> Result<tokio_rustls::TlsAcceptor, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = |pem: &[u8], what: &str| -> Result<Vec<CertificateDer<'static>>, String> {
        let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        all.map_err(|error| format!("{what}: {error}"))
    };
    let chain = certificates(&config.serving_cert_pem, "serving certificate")?;
    let key = PrivateKeyDer::from_pem_slice(&config.serving_key_pem);
    let key = key.map_err(|error| format!("serving key: {error}"))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&config.client_ca_pem, "client CA")? {
        roots.add(certificate).map_err(|error| format!("client CA: {error}"))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    // Clients without a certificate may still come with a token.
    let verifier = verifier.allow_unauthenticated().build().map_err(|error| format!("client CA: {error}"))?;
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let server = builder.with_client_cert_verifier(verifier).with_single_cert(chain, key);
    let mut server = server.map_err(|error| format!("serving certificate: {error}"))?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(tokio_rustls::TlsAcceptor::from(Arc::new(server)))
}
