//! The command line: every flag has an environment twin.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::Ipv4Net;

/// The Kubernetes API on a two-level resource kernel: one big computer out of many machines.
#[derive(Parser)]
#[command(version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the process is.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// The control plane without a node
    Server(ServerOptions),
}

/// Of `kubernel server`.
#[derive(Args)]
pub(crate) struct ServerOptions {
    #[command(flatten)]
    pub(crate) control_plane: ControlPlaneOptions,
    /// Serve this part alone
    #[arg(long, env = "KUBERNEL_ONLY", value_name = "PART")]
    pub(crate) only: Option<Only>,
}

/// Of everything with a control plane.
#[derive(Args)]
pub(crate) struct ControlPlaneOptions {
    /// Where everything is kept
    #[arg(long, env = "KUBERNEL_DATA_DIR", default_value = "/var/lib/kubernel", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where the API is served
    #[arg(long, env = "KUBERNEL_LISTEN", default_value = "127.0.0.1:6443", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Where the addresses of Services come from
    #[arg(long, env = "KUBERNEL_SERVICE_CIDR", default_value = "10.96.0.0/16", value_name = "CIDR")]
    pub(crate) service_cidr: Ipv4Net,
}

/// A part that can be served alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// The API without controllers and scheduler
    Api,
}
