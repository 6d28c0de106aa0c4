//! A node on a machine of its own: joins a cluster whose control plane runs elsewhere.

use kubernel_agent::join::{Join, Membership, join};
use kubernel_server::pki::JoinToken;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::node::{self, Access, Node};
use crate::options::AgentOptions;
use crate::progress::Progress;

/// Runs it until `stop`.
pub(crate) async fn run(options: AgentOptions, stop: CancellationToken) -> Result<(), String> {
    let progress = Progress::start();
    let AgentOptions { server, token, data_dir, service_cidr, node: node_options } = options;
    std::fs::create_dir_all(&data_dir).map_err(|error| format!("--data-dir {}: {error}", data_dir.display()))?;
    let token = token.as_deref().map(read).transpose()?;
    let node = Node::new(&node_options, &data_dir, service_cidr)?;
    let bearer = token.as_ref().map(JoinToken::bearer);
    let trusts = move |ca: &CertificateDer<'_>| token.as_ref().is_some_and(|token| token.trusts(ca));
    let wanted = Join {
        server,
        token: bearer,
        trusts: Box::new(trusts),
        node_name: node.name.clone(),
        node_ip: node.ip,
        data_dir: data_dir.clone(),
    };
    let Membership { client, ca_pem, serving } = tokio::select! {
        joined = join(wanted) => joined.map_err(|error| error.to_string())?,
        () = stop.cancelled() => return Ok(()),
    };
    progress.done(&format!("{} is in the cluster", node.name));
    let access = Access { kubelet: client.clone(), proxy: client.clone(), serving, ca_pem };
    let mut tasks = JoinSet::new();
    let name = node.run(&node_options, &data_dir, access, &mut tasks, &stop).await?;
    tokio::select! {
        () = node::ready(client, &name) => progress.done(&format!("node {name} is ready")),
        () = stop.cancelled() => {}
    }
    while tasks.join_next().await.is_some() {}
    Ok(())
}

/// Reads a token; it must name the authority that is to be trusted.
fn read(text: &str) -> Result<JoinToken, String> {
    let token = JoinToken::parse(text.trim());
    token.filter(JoinToken::names_authority).ok_or_else(|| {
        "--token: want ID.SECRET@sha256:FINGERPRINT, as in pki/join-token below the control plane's --data-dir"
            .to_owned()
    })
}
