//! Front proxies: servers that pass on other people's requests and say in headers whose they are. They prove themselves
//! with a certificate of an authority that issues nothing else. This server is one (extension API servers believe it),
//! and it believes others. What the headers say, [`crate::authn`] reads.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};

use super::authority::failed;
use super::{Authority, Identity, Issued, Usage};
use crate::Error;

/// The name that this server shows to extension API servers.
const NAME: &str = "front-proxy-client";

/// Which front proxies are believed, and in which headers they speak (upstream's `--requestheader-*`). Names of headers
/// count whatever their case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHeaders {
    /// Certificates (PEM) of authorities besides the cluster's own for front proxies.
    pub authorities_pem: String,
    /// The common names that are believed; none is all.
    pub allowed_names: Vec<String>,
    /// Who: the first header that is there.
    pub username: Vec<String>,
    /// The uid: the first header that is there.
    pub uid: Vec<String>,
    /// Groups: all values of all headers.
    pub group: Vec<String>,
    /// What the names of headers begin with that carry anything more.
    pub extra_prefix: Vec<String>,
}

/// The certificates of front proxies.
pub struct FrontProxy {
    authority: Authority,
    client: Issued,
    believed: RequestHeaders,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// What a connection's certificate says where it is a front proxy's. TLS has verified it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyIdentity {
    /// The common name.
    pub name: String,
}

impl Default for RequestHeaders {
    fn default() -> Self {
        let one = |text: &str| vec![text.to_owned()];
        Self {
            authorities_pem: String::new(),
            allowed_names: one(NAME),
            username: one("X-Remote-User"),
            uid: one("X-Remote-Uid"),
            group: one("X-Remote-Group"),
            extra_prefix: one("X-Remote-Extra-"),
        }
    }
}

impl FrontProxy {
    pub(super) fn open(folder: &Path) -> Result<Self, Error> {
        let (certificate, key) = (folder.join("front-proxy-ca.crt"), folder.join("front-proxy-ca.key"));
        let authority = Authority::open(&certificate, &key, "kubernel-front-proxy-ca")?;
        let client = authority.open_issued(folder, NAME, &Identity::user(NAME, None), Usage::Client)?;
        let believed = RequestHeaders::default();
        let verifier = verifier(roots(&authority, &believed)?)?;
        Ok(Self { authority, client, believed, verifier })
    }

    pub(super) fn believing(self, believed: RequestHeaders) -> Result<Self, Error> {
        let verifier = verifier(roots(&self.authority, &believed)?)?;
        Ok(Self { believed, verifier, ..self })
    }

    /// What this server shows to extension API servers.
    pub fn client(&self) -> &Issued {
        &self.client
    }

    /// Whom it believes.
    pub fn believed(&self) -> &RequestHeaders {
        &self.believed
    }

    /// The authorities whose front proxies are believed here, and this server's own: what extension API servers have to
    /// know (PEM).
    pub fn authorities_pem(&self) -> String {
        format!("{}{}", self.authority.certificate_pem(), self.believed.authorities_pem)
    }

    /// The certificates of these authorities.
    pub(super) fn roots(&self) -> Result<RootCertStore, Error> {
        roots(&self.authority, &self.believed)
    }

    /// Which front proxy shows these certificates, its own first; `None` where it is none that is believed.
    pub fn identify(&self, chain: &[CertificateDer<'_>]) -> Option<ProxyIdentity> {
        let (own, others) = chain.split_first()?;
        self.verifier.verify_client_cert(own, others, UnixTime::now()).ok()?;
        let (_, parsed) = x509_parser::parse_x509_certificate(own).ok()?;
        let name = parsed.subject().iter_common_name().next()?.as_str().ok()?.to_owned();
        let allowed = &self.believed.allowed_names;
        (allowed.is_empty() || allowed.contains(&name)).then_some(ProxyIdentity { name })
    }
}

/// Checks the certificates of clients against these roots.
pub(super) fn verifier(roots: RootCertStore) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(failed)
}

fn roots(authority: &Authority, believed: &RequestHeaders) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate_der().clone()).map_err(failed)?;
    for certificate in CertificateDer::pem_slice_iter(believed.authorities_pem.as_bytes()) {
        roots.add(certificate.map_err(failed)?).map_err(failed)?;
    }
    Ok(roots)
}
