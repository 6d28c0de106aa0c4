//! How a machine becomes a node of a cluster: it knows a token, and leaves with certificates (KEP-130, kubelet TLS
//! bootstrapping).
//!
//! 1. `kube-public/cluster-info`, which anybody may read, names the cluster's CA; the token's fingerprint says whether it
//!    is the right one (`discover.rs`).
//! 2. With the token it asks for a client certificate as `system:node:NAME`.
//! 3. With that it asks for the certificate that its kubelet API shows (`request.rs`).
//!
//! Keys never leave the machine. What was given is kept in `<data dir>/pki` (`keep.rs`) and used again until half of
//! its life is over; then the next start asks anew, with the old certificate instead of the token.

mod discover;
mod keep;
mod request;

use std::net::IpAddr;
use std::path::PathBuf;

use kube::Client;
use rustls_pki_types::CertificateDer;

use crate::{AgentError, Result};
use keep::Folder;
use request::Wanted;

/// What a machine knows when it comes.
pub struct Join {
    /// Where the API is, for example `https://10.0.0.1:6443`.
    pub server: String,
    /// The bearer token `id.secret`; none where the machine has been here before.
    pub token: Option<String>,
    /// Whether this is the cluster's CA; asked once, before anything else is believed.
    pub trusts: Box<dyn Fn(&CertificateDer<'_>) -> bool + Send + Sync>,
    /// The name that the node is to have.
    pub node_name: String,
    /// The address under which it is reached.
    pub node_ip: IpAddr,
    /// Folder of everything the node keeps.
    pub data_dir: PathBuf,
}

/// What a node needs to take part.
pub struct Membership {
    /// The API as this node.
    pub client: Client,
    /// The cluster's CA, PEM.
    pub ca_pem: String,
    /// What the kubelet API shows.
    pub serving: Pair,
}

/// A certificate with its key, PEM.
#[derive(Clone)]
pub struct Pair {
    /// The certificate.
    pub certificate_pem: String,
    /// The key.
    pub key_pem: String,
}

/// Joins, or comes back.
///
/// # Errors
/// When the API is not there or is another cluster's, when the token is not taken, when a certificate is not approved
/// in time, or when the folder cannot be written.
pub async fn join(join: Join) -> Result<Membership> {
    let folder = Folder::open(&join.data_dir.join("pki"))?;
    let ca_pem = match folder.ca()? {
        Some(ca_pem) => ca_pem,
        None if join.token.is_none() => return Err(stranger()),
        None => {
            let ca_pem = discover::ca(&join.server, join.trusts.as_ref()).await?;
            folder.keep_ca(&ca_pem)?;
            ca_pem
        }
    };
    let client = |credential| discover::client(&join.server, &ca_pem, credential);
    let kept = folder.pair("client")?;
    let own = match (kept, &join.token) {
        (Some((pair, true)), _) => pair,
        (Some((pair, false)), _) if !keep::is_over(&pair.certificate_pem) => {
            let asked = request::get(&client(Credential::Pair(pair)).await?, &Wanted::client(&join.node_name)).await?;
            folder.keep("client", &asked)?;
            asked
        }
        (_, Some(token)) => {
            let asked =
                request::get(&client(Credential::Token(token.clone())).await?, &Wanted::client(&join.node_name))
                    .await?;
            folder.keep("client", &asked)?;
            asked
        }
        (_, None) => return Err(stranger()),
    };
    let client = client(Credential::Pair(own)).await?;
    let wanted = Wanted::serving(&join.node_name, join.node_ip);
    let serving = match folder.pair("serving")? {
        Some((pair, true)) if wanted.fits(&pair.certificate_pem) => pair,
        _ => {
            let asked = request::get(&client, &wanted).await?;
            folder.keep("serving", &asked)?;
            asked
        }
    };
    Ok(Membership { client, ca_pem, serving })
}

fn stranger() -> AgentError {
    AgentError::Join("this machine has no certificate that is good: it needs a token".to_owned())
}

/// What the API's answer, or its silence, is to whoever started the node.
fn failed(error: &kube::Error) -> AgentError {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = deeper.source();
    }
    AgentError::Join(text)
}

/// By what a client is known to the API.
enum Credential {
    Token(String),
    Pair(Pair),
}
