//! The `kubernel` binary: flags and wiring only.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::Ipv4Net;
use kubernel_server::pki::{Identity, Pki, ServingNames, server_config};
use kubernel_server::{ApiServer, Config};
use kubernel_store::Embedded;
use tokio_util::sync::CancellationToken;

/// The Kubernetes API on a two-level resource kernel: one big computer out of many machines.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The control plane without a node
    Server(ServerArgs),
}

#[derive(Args)]
struct ServerArgs {
    /// Where everything is kept
    #[arg(long, env = "KUBERNEL_DATA_DIR", default_value = "/var/lib/kubernel")]
    data_dir: PathBuf,
    /// Where the API is served
    #[arg(long, env = "KUBERNEL_LISTEN", default_value = "127.0.0.1:6443")]
    listen: SocketAddr,
    /// Where the addresses of Services come from
    #[arg(long, env = "KUBERNEL_SERVICE_CIDR", default_value = "10.96.0.0/16")]
    service_cidr: Ipv4Net,
    /// Serve this part alone
    #[arg(long, env = "KUBERNEL_ONLY")]
    only: Option<Only>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Only {
    /// The API without controllers and scheduler
    Api,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = tracing_subscriber::EnvFilter::try_from_env("KUBERNEL_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("no runtime: {error}")),
    };
    let outcome = match cli.command {
        Command::Server(args) => runtime.block_on(server(args)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn fail(message: &str) -> ExitCode {
    eprintln!("kubernel: {message}");
    ExitCode::from(2)
}

async fn server(args: ServerArgs) -> Result<(), String> {
    let ServerArgs { data_dir, listen, service_cidr, only } = args;
    let _ = only;
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|e| format!("--listen {listen}: {e}"))?;
    let listen = listener.local_addr().map_err(|e| e.to_string())?;
    let addresses: Vec<IpAddr> = Some(listen.ip()).filter(|ip| !ip.is_unspecified()).into_iter().collect();
    let names = ServingNames { hosts: Vec::new(), addresses, service_cidr };
    let pki = Pki::open(&data_dir, &names).map_err(|e| e.to_string())?;
    let store = Embedded::open(&data_dir.join("store"), &kubernel_server::reindex).map_err(|e| e.to_string())?;
    let tls = server_config(pki.serving(), pki.authority()).map_err(|e| e.to_string())?;
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let url = format!("https://{host}:{}", listen.port());
    let kubeconfig = data_dir.join("admin.kubeconfig");
    pki.write_kubeconfig(&kubeconfig, &url, &Identity::admin()).map_err(|e| e.to_string())?;
    let pki = Some(Arc::new(pki));
    let api = ApiServer::new(Config {
        store,
        service_cidr,
        node_ports: 30000..=32767,
        live: None,
        advertise: Some(listen),
        pki,
    });
    api.start().await.map_err(|e| e.to_string())?;
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        wait_for_signal().await;
        on_signal.cancel();
    });
    tracing::info!(%url, kubeconfig = %kubeconfig.display(), "the API is served");
    kubernel_server::serve(api, listener, Arc::new(tls), stop).await;
    Ok(())
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = terminate.recv() => {}
        outcome = tokio::signal::ctrl_c() => drop(outcome),
    }
}
