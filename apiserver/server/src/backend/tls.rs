//! What encryption demands of the other side, and what is said where that fails.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::Trust;
use crate::pki::Issued;

/// How to encrypt connections to those whom `trust` believes, showing `identity` to those who ask. HTTP/1.1 alone is
/// offered, as upstream does for webhooks: several connections spread over several endpoints. The error is a text.
pub(crate) fn config(trust: &Trust, identity: Option<&Issued>) -> Result<ClientConfig, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(trust, provider.clone())?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| text(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some(issued) => {
            let chain = vec![issued.certificate_der().map_err(|error| text(&error))?];
            let key = issued.key_der().map_err(|error| text(&error))?;
            builder.with_client_auth_cert(chain, key).map_err(|error| text(&error))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What Go says of a failed handshake.
pub(super) fn refusal(error: &std::io::Error) -> String {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return match error.kind() {
            std::io::ErrorKind::UnexpectedEof => "EOF".to_owned(),
            std::io::ErrorKind::ConnectionReset => "read: connection reset by peer".to_owned(),
            _ => error.to_string(),
        };
    };
    let why = match error {
        rustls::Error::InvalidCertificate(why) => why,
        rustls::Error::InvalidMessage(_) => return "tls: first record does not look like a TLS handshake".to_owned(),
        rustls::Error::AlertReceived(alert) => return format!("remote error: tls: {alert:?}"),
        other => return other.to_string(),
    };
    let why = match why {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "certificate signed by unknown authority".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let names: Vec<&str> = presented.iter().filter_map(|name| name.split('"').nth(1)).collect();
            if presented.is_empty() {
                "certificate relies on legacy Common Name field, use SANs instead".to_owned()
            } else {
                format!("certificate is valid for {}, not {}", names.join(", "), expected.to_str())
            }
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => "certificate has expired or is not yet valid".to_owned(),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "certificate specifies an incompatible key usage".to_owned()
        }
        other => other.to_string(),
    };
    format!("tls: failed to verify certificate: x509: {why}")
}

/// Believes what the roots vouch for; and, as Go does, a certificate that is one of the roots itself: many webhooks have
/// a self-signed one. Whoever it is must have the key of what they show.
#[derive(Debug)]
struct Verifier {
    /// `None` believes everybody.
    roots: Option<Roots>,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
struct Roots {
    certificates: Vec<CertificateDer<'static>>,
    by_issuer: Arc<WebPkiServerVerifier>,
}

impl Verifier {
    fn new(trust: &Trust, provider: Arc<CryptoProvider>) -> Result<Self, String> {
        let roots = match trust {
            Trust::Any => None,
            Trust::System => {
                let nobody = "tls: failed to verify certificate: x509: certificate signed by unknown authority";
                Some(Roots::new(rustls_native_certs::load_native_certs().certs, nobody, &provider)?)
            }
            Trust::Bundle(pem) => {
                let certificates = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>();
                let nobody = "unable to load root certificates: unable to parse bytes as PEM block";
                Some(Roots::new(certificates.unwrap_or_default(), nobody, &provider)?)
            }
        };
        Ok(Self { roots, provider })
    }
}

impl Roots {
    /// `nobody` is the error where there are none.
    fn new(
        certificates: Vec<CertificateDer<'static>>,
        nobody: &str,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        if store.is_empty() {
            return Err(nobody.to_owned());
        }
        let by_issuer = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone())
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Self { certificates, by_issuer })
    }

    fn has(&self, certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Option<()> {
        self.certificates.iter().find(|root| root.as_ref() == certificate.as_ref())?;
        rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate).ok()?, name).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let now = i64::try_from(now.as_secs()).ok()?;
        let validity = parsed.validity();
        (validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp()).then_some(())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        match roots.by_issuer.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(_) if roots.has(end_entity, server_name, now).is_some() => Ok(ServerCertVerified::assertion()),
            outcome => outcome,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
