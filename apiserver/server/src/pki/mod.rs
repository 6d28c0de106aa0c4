//! The cluster's certificates and keys in `<data-dir>/pki/`: its own CA, the serving certificate, client certificates,
//! and the key that signs ServiceAccount tokens.
//!
//! Everything is made on first start and read again later. Private keys are readable by the owner alone.
//! [`crate::authn`] turns certificates and tokens into users; [`sign_requests`] is the one part that needs the API.

mod authority;
mod files;
mod front_proxy;
mod join;
mod kubeconfig;
pub(crate) mod proof;
mod request;
mod shared;
mod signer;
#[cfg(test)]
mod tests;
mod tls;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::Ipv4Net;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::Error;

pub use authority::{Authority, Identity, Issued, Usage};
pub use front_proxy::{FrontProxy, ProxyIdentity, RequestHeaders};
pub use join::JoinToken;
pub(crate) use proof::Proof;
pub use request::{RequestSubject, sign_requests};
pub use shared::SharedPki;
pub use signer::{Claims, ISSUER, KubernetesClaims, Reference, TokenError, TokenSigner};
pub use tls::{PeerIdentity, server_config};

/// What the serving certificate has to be good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServingNames {
    /// Host names besides the ones that every cluster has.
    pub hosts: Vec<String>,
    /// Addresses besides 127.0.0.1, ::1 and the `kubernetes` Service's: where the server listens, the node's address.
    pub addresses: Vec<IpAddr>,
    /// Where ClusterIPs come from: the first is the `kubernetes` Service's.
    pub service_cidr: Ipv4Net,
}

/// The cluster's certificates and keys.
pub struct Pki {
    folder: PathBuf,
    authority: Arc<Authority>,
    serving: Issued,
    kubelet_client: Issued,
    clients: Arc<dyn ClientCertVerifier>,
    front_proxy: FrontProxy,
    signer: Arc<TokenSigner>,
    join_token: JoinToken,
    addresses: Vec<IpAddr>,
}

impl Pki {
    /// Reads `<data_dir>/pki/`, making what is missing; issues the serving certificate again where `names` changed or
    /// half of its life is over. Creates the folder with mode 0700.
    pub fn open(data_dir: &Path, names: &ServingNames) -> Result<Self, Error> {
        let folder = data_dir.join("pki");
        files::create_folder(&folder)?;
        let authority = Authority::open(&folder.join("ca.crt"), &folder.join("ca.key"), "kubernel-ca")?;
        let identity = Identity { name: "kube-apiserver".to_owned(), group: None, names: names.all() };
        let serving = authority.open_issued(&folder, "apiserver", &identity, Usage::Server)?;
        let identity = Identity::user("kube-apiserver-kubelet-client", Some(crate::authn::user::MASTERS));
        let kubelet_client = authority.open_issued(&folder, "apiserver-kubelet-client", &identity, Usage::Client)?;
        let front_proxy = FrontProxy::open(&folder)?;
        let signer = TokenSigner::open(&folder.join("sa.key"))?;
        let join_token = JoinToken::open(&folder.join("join-token"), authority.certificate_der())?;
        let authority = Arc::new(authority);
        let mut roots = RootCertStore::empty();
        roots.add(authority.certificate_der().clone()).map_err(authority::failed)?;
        let clients = front_proxy::verifier(roots)?;
        let signer = Arc::new(signer);
        let addresses = names.addresses.clone();
        Ok(Self { folder, authority, serving, kubelet_client, clients, front_proxy, signer, join_token, addresses })
    }

    /// The same, with these front proxies believed besides the cluster's own.
    pub fn believing(self, proxies: RequestHeaders) -> Result<Self, Error> {
        let front_proxy = self.front_proxy.believing(proxies)?;
        Ok(Self { front_proxy, ..self })
    }

    /// TLS of the API's port: clients may show certificates of the cluster's authority or of front proxies'.
    pub fn server_config(&self) -> Result<ServerConfig, Error> {
        let mut roots = self.front_proxy.roots()?;
        roots.add(self.authority.certificate_der().clone()).map_err(authority::failed)?;
        tls::config(&self.serving, roots)
    }

    /// Who shows these certificates, its own first; TLS has verified that they come from one of the authorities.
    pub fn identify(&self, chain: &[CertificateDer<'_>]) -> (Option<PeerIdentity>, Option<ProxyIdentity>) {
        let Some((own, others)) = chain.split_first() else { return (None, None) };
        let proxy = self.front_proxy.identify(chain);
        let is_client = self.clients.verify_client_cert(own, others, UnixTime::now()).is_ok();
        (is_client.then(|| PeerIdentity::read(own)).flatten(), proxy)
    }

    /// The certificates of front proxies.
    pub fn front_proxy(&self) -> &FrontProxy {
        &self.front_proxy
    }

    /// The CA that signs everything and that clients trust.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// The CA's certificate file, for programs that want a path.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.join("ca.crt")
    }

    /// What all servers of the cluster have in common.
    pub fn shared(&self) -> Result<SharedPki, Error> {
        SharedPki::read(&self.folder)
    }

    /// What the server shows to its clients.
    pub fn serving(&self) -> &Issued {
        &self.serving
    }

    /// What the server shows to kubelets when it is *their* client.
    pub fn kubelet_client(&self) -> &Issued {
        &self.kubelet_client
    }

    /// What signs and checks ServiceAccount tokens.
    pub fn signer(&self) -> &Arc<TokenSigner> {
        &self.signer
    }

    /// What a new node shows on its first call.
    pub fn join_token(&self) -> &JoinToken {
        &self.join_token
    }

    /// The addresses under which the API is reached.
    pub fn addresses(&self) -> &[IpAddr] {
        &self.addresses
    }

    /// The client certificate of a node: user `system:node:NAME` in group `system:nodes`.
    pub fn node_client(&self, node: &str) -> Result<Issued, Error> {
        let name = format!("{}{node}", crate::authn::user::NODE_PREFIX);
        self.authority.issue(&Identity::user(&name, Some(crate::authn::user::NODES)), Usage::Client)
    }

    /// The certificate that a node's kubelet API shows, good for its name and addresses.
    pub fn node_serving(&self, node: &str, addresses: &[IpAddr]) -> Result<Issued, Error> {
        let mut names = vec![node.to_owned(), "localhost".to_owned()];
        names.extend(addresses.iter().map(ToString::to_string));
        let name = format!("{}{node}", crate::authn::user::NODE_PREFIX);
        let identity = Identity { name, group: Some(crate::authn::user::NODES.to_owned()), names };
        self.authority.issue(&identity, Usage::Server)
    }

    /// Writes a kubeconfig with a fresh client certificate for this user: atomically, readable by the owner alone.
    /// `server` is an URL such as `https://127.0.0.1:6443`.
    pub fn write_kubeconfig(&self, path: &Path, server: &str, user: &Identity) -> Result<(), Error> {
        let issued = self.authority.issue(user, Usage::Client)?;
        let text = kubeconfig::render(server, self.authority.certificate_pem(), &user.name, &issued);
        files::write_private(path, text.as_bytes())
    }
}

impl Identity {
    /// Who may do everything: `kubernetes-admin` in `system:masters`.
    pub fn admin() -> Self {
        Self::user("kubernetes-admin", Some(crate::authn::user::MASTERS))
    }

    /// A user of this name, in at most one group.
    pub fn user(name: &str, group: Option<&str>) -> Self {
        Self { name: name.to_owned(), group: group.map(str::to_owned), names: Vec::new() }
    }
}

impl ServingNames {
    /// All names and addresses as text, sorted, each once.
    pub fn all(&self) -> Vec<String> {
        const HOSTS: [&str; 5] = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
        ];
        let mut all: Vec<String> = HOSTS.iter().map(|host| (*host).to_owned()).collect();
        all.extend(self.hosts.iter().cloned());
        all.extend(["127.0.0.1".to_owned(), "::1".to_owned()]);
        all.extend(self.service_cidr.hosts().next().map(|ip| ip.to_string()));
        all.extend(self.addresses.iter().filter(|ip| !ip.is_unspecified()).map(ToString::to_string));
        all.sort_unstable();
        all.dedup();
        all
    }
}
