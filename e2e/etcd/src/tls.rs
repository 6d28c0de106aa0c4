//! Certificates of an etcd cluster and of its clients.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

/// Files that a client and a member are given.
pub struct Certificates {
    /// Who signed everything.
    pub authority: PathBuf,
    /// The client's certificate.
    pub client: PathBuf,
    /// The client's key.
    pub client_key: PathBuf,
    /// The members' certificate.
    pub(crate) server: PathBuf,
    /// The members' key.
    pub(crate) server_key: PathBuf,
}

impl Certificates {
    pub(crate) fn make(folder: &Path) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = params("etcd-ca");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).expect("a certificate");
        let issuer = Issuer::new(params, key);
        let leaf = |name: &str| {
            let key = KeyPair::generate().expect("a key");
            // Members are clients of themselves, too.
            let mut params = self::params(name);
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
            let certificate = params.signed_by(&key, &issuer).expect("a certificate");
            let path = crate::write(folder, &format!("{name}.crt"), &certificate.pem());
            (path, crate::write(folder, &format!("{name}.key"), &key.serialize_pem()))
        };
        let (client, client_key) = leaf("client");
        let (server, server_key) = leaf("server");
        let authority = crate::write(folder, "ca.crt", &authority.pem());
        Self { authority, client, client_key, server, server_key }
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("valid names");
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
