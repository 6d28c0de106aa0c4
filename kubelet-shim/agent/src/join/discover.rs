//! The first call to a cluster that is not trusted yet, and the clients that trust it afterwards.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::config::{
    AuthInfo, Cluster, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};
use kube::{Api, Client, Config};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::{Credential, failed};
use crate::{AgentError, Result};

const NAME: &str = "node";

/// The CA that the cluster at `server` says it has, if it is trusted. Nothing else of what the server says is believed,
/// and nothing is sent that others must not see.
pub(super) async fn ca(server: &str, trusts: &(dyn Fn(&CertificateDer<'_>) -> bool + Send + Sync)) -> Result<String> {
    let stranger = Cluster { insecure_skip_tls_verify: Some(true), ..cluster(server) };
    let client = connect(stranger, AuthInfo::default()).await?;
    let info = Api::<ConfigMap>::namespaced(client, "kube-public").get("cluster-info").await;
    let info = info.map_err(|error| failed(&error))?;
    let text = info.data.as_ref().and_then(|data| data.get("kubeconfig")).map(String::as_str).unwrap_or_default();
    let refused = |why: &str| AgentError::Join(format!("{server}: its cluster-info {why}"));
    let known = Kubeconfig::from_yaml(text).map_err(|_| refused("is no kubeconfig"))?;
    let data = known.clusters.first().and_then(|named| named.cluster.as_ref()?.certificate_authority_data.clone());
    let pem = data.and_then(|data| base64::Engine::decode(&base64::engine::general_purpose::STANDARD, data).ok());
    let pem =
        pem.and_then(|pem| String::from_utf8(pem).ok()).ok_or_else(|| refused("names no certificate authority"))?;
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| refused("names no certificate authority"))?;
    if trusts(&der) {
        Ok(pem)
    } else {
        Err(refused("names another certificate authority than the token: is it the right cluster?"))
    }
}

/// A client that believes this CA alone.
pub(super) async fn client(server: &str, ca_pem: &str, credential: Credential) -> Result<Client> {
    let encode = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text);
    let trusted = Cluster { certificate_authority_data: Some(encode(ca_pem)), ..cluster(server) };
    let auth = match credential {
        Credential::Token(token) => AuthInfo { token: Some(token.into()), ..AuthInfo::default() },
        Credential::Pair(pair) => AuthInfo {
            client_certificate_data: Some(encode(&pair.certificate_pem)),
            client_key_data: Some(encode(&pair.key_pem).into()),
            ..AuthInfo::default()
        },
    };
    connect(trusted, auth).await
}

fn cluster(server: &str) -> Cluster {
    Cluster { server: Some(server.to_owned()), ..Cluster::default() }
}

async fn connect(cluster: Cluster, auth: AuthInfo) -> Result<Client> {
    let name = || NAME.to_owned();
    let context = Context { cluster: name(), user: Some(name()), ..Context::default() };
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster { name: name(), cluster: Some(cluster), other: Default::default() }],
        auth_infos: vec![NamedAuthInfo { name: name(), auth_info: Some(auth), other: Default::default() }],
        contexts: vec![NamedContext { name: name(), context: Some(context), other: Default::default() }],
        current_context: Some(name()),
        ..Kubeconfig::default()
    };
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let config = config.map_err(|error| AgentError::Join(error.to_string()))?;
    Client::try_from(config).map_err(|error| failed(&error))
}
