//! A node by itself: joins the cluster of a kubeconfig.
//!
//! `node KUBECONFIG DATA_DIR NODE_NAME PORT CERT_PEM KEY_PEM CA_PEM [CNI_CONF_DIR [CLUSTER_DNS]]`, or
//! `node hollow KUBECONFIG COUNT`.

use std::error::Error;

use kubernel_agent::hollow::{self, HollowConfig};
use kubernel_agent::{Config, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |index: usize| args.get(index).cloned().ok_or_else(|| format!("argument {} is missing", index + 1));
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stop.cancel();
        }
    });
    if arg(0)? == "hollow" {
        let config = HollowConfig { nodes: arg(2)?.parse()?, ..HollowConfig::default() };
        return Ok(hollow::run(config, client(&arg(1)?).await?, shutdown).await?);
    }
    let mut config = Config::new(arg(2)?, [127, 0, 0, 1].into(), arg(1)?);
    config.log_dir = config.data_dir.join("logs");
    config.port = arg(3)?.parse()?;
    config.serving_cert_pem = std::fs::read(arg(4)?)?;
    config.serving_key_pem = std::fs::read(arg(5)?)?;
    config.client_ca_pem = std::fs::read(arg(6)?)?;
    config.cni_conf_dir = args.get(7).map(Into::into);
    config.cluster_dns = args.get(8).map(|ip| ip.parse()).transpose()?.into_iter().collect();
    run(config, client(&arg(0)?).await?, shutdown).await?;
    Ok(())
}

async fn client(path: &str) -> Result<kube::Client, Box<dyn Error>> {
    let kubeconfig = kube::config::Kubeconfig::read_from(path)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    Ok(kube::Client::try_from(config)?)
}
