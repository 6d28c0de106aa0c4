//! The API server alone, without controllers, scheduler and node: `serve DATA_DIR LISTEN`.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use kubernel_server::pki::{Identity, Pki, ServingNames};
use kubernel_server::{ApiServer, Config};
use kubernel_store::Embedded;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = PathBuf::from(arguments.next().ok_or("usage: serve DATA_DIR LISTEN")?);
    let listen: SocketAddr = arguments.next().ok_or("usage: serve DATA_DIR LISTEN")?.parse()?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let service_cidr = "10.96.0.0/16".parse()?;
    let names = ServingNames { hosts: Vec::new(), addresses: vec![listen.ip()], service_cidr };
    let pki = Pki::open(&data_dir, &names)?;
    let store = Embedded::open(&data_dir.join("store"), &kubernel_server::reindex)?;
    let tls = Arc::new(pki.server_config()?);
    pki.write_kubeconfig(&data_dir.join("admin.kubeconfig"), &format!("https://{listen}"), &Identity::admin())?;
    let pki = Some(Arc::new(pki));
    let api = ApiServer::new(Config {
        store,
        service_cidr,
        node_ports: 30000..=32767,
        live: None,
        requests_max: 600,
        pki,
        advertise: None,
        roster: None,
    });
    api.start().await?;
    kubernel_server::serve(api, listener, tls, CancellationToken::new()).await;
    Ok(())
}
