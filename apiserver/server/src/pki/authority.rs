//! The certificate authority: ECDSA P-256, made once, and what it issues.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::files;
use crate::Error;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the CA is good for.
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long an issued certificate is good for: below the 825 days that some clients put up with.
const ISSUED_LIFE: Duration = DAY.saturating_mul(800);
/// Certificates start to be good this long ago, for machines whose clocks are behind.
const CLOCK_SKEW: Duration = Duration::from_secs(5 * 60);

/// A certificate authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// Whom a certificate speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The common name: the user.
    pub name: String,
    /// The organization: the user's group.
    pub group: Option<String>,
    /// Host names and addresses (subject alternative names).
    pub names: Vec<String>,
}

/// What a certificate is for (extended key usage).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// To be shown by a server.
    Server,
    /// To be shown by a client.
    Client,
}

/// A certificate with its private key, both PEM.
#[derive(Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key (PKCS #8).
    pub key_pem: String,
}

impl Authority {
    /// Reads the CA from these files, or makes it, with this common name.
    pub fn open(certificate: &Path, key: &Path, name: &str) -> Result<Self, Error> {
        if let (Some(pem), Some(key_pem)) = (files::read(certificate)?, files::read(key)?) {
            return Self::load(pem, &key_pem);
        }
        let (key_pair, pem) = Self::generate(name)?;
        // The key comes first: a certificate without its key would be taken for a complete CA by a reader.
        files::write_private(key, key_pair.serialize_pem().as_bytes())?;
        files::write_public(certificate, pem.as_bytes())?;
        Self::load(pem, &key_pair.serialize_pem())
    }

    fn generate(name: &str) -> Result<(KeyPair, String), Error> {
        let key_pair = KeyPair::generate().map_err(failed)?;
        let mut params = params(name, None, AUTHORITY_LIFE);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key_pair).map_err(failed)?;
        Ok((key_pair, certificate.pem()))
    }

    fn load(pem: String, key_pem: &str) -> Result<Self, Error> {
        let key_pair = KeyPair::from_pem(key_pem).map_err(failed)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(failed)?;
        let issuer = Issuer::from_ca_cert_der(&der, key_pair).map_err(failed)?;
        Ok(Self { issuer, pem, der })
    }

    /// The CA's certificate.
    pub fn certificate_pem(&self) -> &str {
        &self.pem
    }

    /// The CA's certificate.
    pub fn certificate_der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// A new key with a certificate.
    pub fn issue(&self, identity: &Identity, usage: Usage) -> Result<Issued, Error> {
        let key_pair = KeyPair::generate().map_err(failed)?;
        let mut params = params(&identity.name, identity.group.as_deref(), ISSUED_LIFE);
        params.subject_alt_names = CertificateParams::new(identity.names.clone()).map_err(failed)?.subject_alt_names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage.purpose()];
        let certificate = params.signed_by(&key_pair, &self.issuer).map_err(failed)?;
        Ok(Issued { certificate_pem: certificate.pem(), key_pem: key_pair.serialize_pem() })
    }

    /// Signs a certificate signing request (PEM) as it stands, for this long at most, and returns the certificate
    /// (PEM). Whoever calls has checked who asks for what.
    pub fn sign_request(&self, request_pem: &str, usages: &[Usage], life_secs: u64) -> Result<String, Error> {
        let mut request = CertificateSigningRequestParams::from_pem(request_pem).map_err(failed)?;
        let life = Duration::from_secs(life_secs).min(ISSUED_LIFE);
        let fresh = params("", None, life);
        request.params.not_before = fresh.not_before;
        request.params.not_after = fresh.not_after;
        request.params.use_authority_key_identifier_extension = true;
        request.params.is_ca = IsCa::ExplicitNoCa;
        request.params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        request.params.extended_key_usages = usages.iter().map(|usage| usage.purpose()).collect();
        Ok(request.signed_by(&self.issuer).map_err(failed)?.pem())
    }

    /// Reads a certificate and key from `<folder>/<file>.{crt,key}`; issues and writes them where they are missing,
    /// were issued for somebody else or by another CA, or are past half their life.
    pub(super) fn open_issued(
        &self,
        folder: &Path,
        file: &str,
        identity: &Identity,
        usage: Usage,
    ) -> Result<Issued, Error> {
        let (certificate, key) = (folder.join(format!("{file}.crt")), folder.join(format!("{file}.key")));
        // What the certificate says of itself is not compared name by name: its request is kept beside it.
        let wanted = format!("{identity:?} {usage:?} {}", super::join::fingerprint(&self.der));
        let note = folder.join(format!("{file}.for"));
        if let (Some(certificate_pem), Some(key_pem), Some(kept)) =
            (files::read(&certificate)?, files::read(&key)?, files::read(&note)?)
            && kept == wanted
            && is_fresh(&certificate_pem)
        {
            return Ok(Issued { certificate_pem, key_pem });
        }
        let issued = self.issue(identity, usage)?;
        // A crash in between leaves the old note or none, and the next start issues again.
        files::write_public(&note, b"")?;
        files::write_private(&key, issued.key_pem.as_bytes())?;
        files::write_public(&certificate, issued.certificate_pem.as_bytes())?;
        files::write_public(&note, wanted.as_bytes())?;
        Ok(issued)
    }
}

impl Usage {
    fn purpose(self) -> ExtendedKeyUsagePurpose {
        match self {
            Self::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Self::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }
    }
}

impl Issued {
    /// The certificate in DER.
    pub fn certificate_der(&self) -> Result<CertificateDer<'static>, Error> {
        CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).map_err(failed)
    }

    /// The private key in DER.
    pub fn key_der(&self) -> Result<PrivateKeyDer<'static>, Error> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(failed)
    }
}

/// What `map_err` wants where a certificate could not be made or read.
pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Certificate(error.to_string())
}

fn params(name: &str, group: Option<&str>, life: Duration) -> CertificateParams {
    let now = SystemTime::now();
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = (now - CLOCK_SKEW).into();
    params.not_after = (now + life).into();
    params.use_authority_key_identifier_extension = true;
    params
}

/// Whether more than half of the certificate's life is left.
fn is_fresh(certificate_pem: &str) -> bool {
    let Ok(der) = CertificateDer::from_pem_slice(certificate_pem.as_bytes()) else { return false };
    let Ok((_, certificate)) = x509_parser::parse_x509_certificate(&der) else { return false };
    let left = certificate.validity().time_to_expiration().map_or(0, |left| left.whole_seconds());
    u64::try_from(left).is_ok_and(|left_secs| left_secs > ISSUED_LIFE.as_secs() / 2)
}
