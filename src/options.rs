//! The command line: every flag has an environment twin.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::Ipv4Net;
use kubernel_agent::Containerd;
use kubernel_agent::hollow::Failure;
use kubernel_server::pki::RequestHeaders;
use kubernel_server::{FeatureGates, RuntimeConfig};

use crate::archive::{BackupOptions, MigrateOptions, RestoreOptions};
use crate::frameworks::FrameworkOptions;
use crate::storage::StorageOptions;

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
    /// A whole cluster on this machine: control plane and node in one process
    Up(UpOptions),
    /// The control plane without a node
    Server(ServerOptions),
    /// A node of a cluster whose control plane runs elsewhere
    Agent(AgentOptions),
    /// Simulated nodes whose Pods start at once, for scale tests
    Hollow(HollowOptions),
    /// Write a whole cluster to a file, while it runs or not
    Backup(BackupOptions),
    /// Make a cluster of such a file
    Restore(RestoreOptions),
    /// Move a cluster that does not run from its data folder to etcd, or back
    Migrate(MigrateOptions),
}

/// Of `kubernel up`.
#[derive(Args)]
pub(crate) struct UpOptions {
    #[command(flatten)]
    pub(crate) control_plane: ControlPlaneOptions,
    #[command(flatten)]
    pub(crate) node: NodeOptions,
}

/// Of `kubernel agent`.
#[derive(Args)]
pub(crate) struct AgentOptions {
    /// Where the API is, like https://10.0.0.1:6443
    #[arg(long, env = "KUBERNEL_SERVER", value_name = "URL")]
    pub(crate) server: String,
    /// What lets this machine in: the text in the control plane's pki/join-token; not needed when it has been in before
    #[arg(long, env = "KUBERNEL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Where everything is kept
    #[arg(long, env = "KUBERNEL_DATA_DIR", default_value = "/var/lib/kubernel-agent", value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
    /// Where the addresses of Services come from; as the control plane has it
    #[arg(long, env = "KUBERNEL_SERVICE_CIDR", default_value = "10.96.0.0/16", value_name = "CIDR")]
    pub(crate) service_cidr: Ipv4Net,
    #[command(flatten)]
    pub(crate) node: NodeOptions,
}

/// Of everything with a node.
#[derive(Args)]
pub(crate) struct NodeOptions {
    /// The node's name; the host's name where not given
    #[arg(long, env = "KUBERNEL_NODE_NAME", value_name = "NAME")]
    pub(crate) node_name: Option<String>,
    /// The address under which the node is reached; found out where not given
    #[arg(long, env = "KUBERNEL_NODE_IP", value_name = "IP")]
    pub(crate) node_ip: Option<IpAddr>,
    /// The socket of a containerd that runs already, or none for a node without containers, which runs processes only;
    /// a containerd of our own is started where not given
    #[arg(long, env = "KUBERNEL_CONTAINERD", value_name = "SOCKET|none", value_parser = containerd)]
    pub(crate) containerd: Option<Containerd>,
    /// Where the addresses of this node's Pods come from
    #[arg(long, env = "KUBERNEL_POD_CIDR", default_value = "10.244.0.0/24", value_name = "CIDR")]
    pub(crate) pod_cidr: Ipv4Net,
    /// The name of the Pods' bridge and of the packet filter's table
    #[arg(long, env = "KUBERNEL_BRIDGE", default_value = "kubernel0", value_name = "NAME")]
    pub(crate) bridge: String,
    /// The port of the kubelet API
    #[arg(long, env = "KUBERNEL_KUBELET_PORT", default_value_t = 10250, value_name = "PORT")]
    pub(crate) kubelet_port: u16,
    /// Where Mesos' agent API is served on this node, to executors and to Mesos' tools
    #[arg(long, env = "KUBERNEL_MESOS_AGENT_LISTEN", default_value = "127.0.0.1:5051", value_name = "ADDRESS")]
    pub(crate) mesos_agent_listen: SocketAddr,
    /// Where the containers' logs go
    #[arg(long, env = "KUBERNEL_LOG_DIR", default_value = "/var/log/pods", value_name = "DIR")]
    pub(crate) log_dir: PathBuf,
}

fn containerd(text: &str) -> Result<Containerd, std::convert::Infallible> {
    Ok(if text == "none" { Containerd::Absent } else { Containerd::Socket(text.into()) })
}

/// Of `kubernel hollow`.
#[derive(Args)]
pub(crate) struct HollowOptions {
    /// How many nodes
    #[arg(long, env = "KUBERNEL_NODES", default_value_t = 100, value_name = "N")]
    pub(crate) nodes: u32,
    /// How to reach the API
    #[arg(long, env = "KUBECONFIG", value_name = "FILE")]
    pub(crate) kubeconfig: PathBuf,
    /// What goes wrong, like crash=10@30s+20s: ten nodes are gone after 30 s for 20 s. Others are hang, flap, disk-full,
    /// and slow, which takes how slow requests are. May be given many times
    #[arg(long, env = "KUBERNEL_FAIL", value_delimiter = ',', value_name = "KIND=NODES@AFTER+FOR")]
    pub(crate) fail: Vec<Failure>,
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
    /// The address at which Pods and other servers reach the API; --listen's where not given, or one of this machine's
    /// where that is all of them
    #[arg(long, env = "KUBERNEL_ADVERTISE_ADDRESS", value_name = "IP")]
    pub(crate) advertise_address: Option<IpAddr>,
    /// Where the addresses of Services come from
    #[arg(long, env = "KUBERNEL_SERVICE_CIDR", default_value = "10.96.0.0/16", value_name = "CIDR")]
    pub(crate) service_cidr: Ipv4Net,
    /// How many reading requests run at once; with the writing ones the seats of priority and fairness
    #[arg(long, env = "KUBERNEL_MAX_REQUESTS_INFLIGHT", default_value_t = 400, value_name = "N")]
    pub(crate) max_requests_inflight: u32,
    /// How many writing requests run at once
    #[arg(long, env = "KUBERNEL_MAX_MUTATING_REQUESTS_INFLIGHT", default_value_t = 200, value_name = "N")]
    pub(crate) max_mutating_requests_inflight: u32,
    /// API versions and resources to switch on or off, like api/beta=true,scheduling.k8s.io/v1alpha2=true
    #[arg(
        long,
        env = "KUBERNEL_RUNTIME_CONFIG",
        default_value = "",
        value_name = "SWITCHES",
        hide_default_value = true
    )]
    pub(crate) runtime_config: RuntimeConfig,
    /// Feature gates to switch on or off, like GenericWorkload=true
    #[arg(
        long,
        env = "KUBERNEL_FEATURE_GATES",
        default_value = "",
        value_name = "SWITCHES",
        hide_default_value = true
    )]
    pub(crate) feature_gates: FeatureGates,
    #[command(flatten)]
    pub(crate) storage: StorageOptions,
    /// How long the other servers of an etcd believe in a leading one that is silent; whole seconds
    #[arg(long, env = "KUBERNEL_LEADER_ELECT_LEASE_DURATION", default_value = "3s", value_name = "TIME", value_parser = seconds)]
    pub(crate) leader_elect_lease_duration: Duration,
    /// How long a server that is asked to stop still answers, while `/readyz` says that it will not
    #[arg(long, env = "KUBERNEL_SHUTDOWN_DELAY_DURATION", default_value = "0s", value_name = "TIME", value_parser = delay)]
    pub(crate) shutdown_delay_duration: Duration,
    #[command(flatten)]
    pub(crate) front_proxies: FrontProxyOptions,
    #[command(flatten)]
    pub(crate) frameworks: FrameworkOptions,
    /// Admission plug-ins to run besides the default ones, like DenyServiceExternalIPs
    #[arg(long, env = "KUBERNEL_ENABLE_ADMISSION_PLUGINS", value_delimiter = ',', value_name = "NAMES")]
    pub(crate) enable_admission_plugins: Vec<String>,
    /// Admission plug-ins not to run, like LimitRanger
    #[arg(long, env = "KUBERNEL_DISABLE_ADMISSION_PLUGINS", value_delimiter = ',', value_name = "NAMES")]
    pub(crate) disable_admission_plugins: Vec<String>,
}

/// Which front proxies are believed besides the cluster's own servers, and in which headers they say whose requests they
/// pass on.
#[derive(Args)]
pub(crate) struct FrontProxyOptions {
    /// Certificates of the authorities of front proxies
    #[arg(long, env = "KUBERNEL_REQUESTHEADER_CLIENT_CA_FILE", value_name = "FILE")]
    pub(crate) requestheader_client_ca_file: Option<PathBuf>,
    /// The common names of front proxies, separated by commas; none is all
    #[arg(
        long,
        env = "KUBERNEL_REQUESTHEADER_ALLOWED_NAMES",
        value_delimiter = ',',
        default_value = "front-proxy-client",
        value_name = "NAMES"
    )]
    pub(crate) requestheader_allowed_names: Vec<String>,
    /// Headers with the user's name
    #[arg(
        long,
        env = "KUBERNEL_REQUESTHEADER_USERNAME_HEADERS",
        value_delimiter = ',',
        default_value = "X-Remote-User",
        value_name = "HEADERS"
    )]
    pub(crate) requestheader_username_headers: Vec<String>,
    /// Headers with the user's uid
    #[arg(
        long,
        env = "KUBERNEL_REQUESTHEADER_UID_HEADERS",
        value_delimiter = ',',
        default_value = "X-Remote-Uid",
        value_name = "HEADERS"
    )]
    pub(crate) requestheader_uid_headers: Vec<String>,
    /// Headers with the user's groups
    #[arg(
        long,
        env = "KUBERNEL_REQUESTHEADER_GROUP_HEADERS",
        value_delimiter = ',',
        default_value = "X-Remote-Group",
        value_name = "HEADERS"
    )]
    pub(crate) requestheader_group_headers: Vec<String>,
    /// What the names of headers with anything more of the user begin with
    #[arg(
        long,
        env = "KUBERNEL_REQUESTHEADER_EXTRA_HEADERS_PREFIX",
        value_delimiter = ',',
        default_value = "X-Remote-Extra-",
        value_name = "PREFIXES"
    )]
    pub(crate) requestheader_extra_headers_prefix: Vec<String>,
}

impl FrontProxyOptions {
    /// Read; the error is a line for whoever started the server.
    pub(crate) fn read(&self) -> Result<RequestHeaders, String> {
        let file = self.requestheader_client_ca_file.as_ref();
        let read = |path: &PathBuf| {
            std::fs::read_to_string(path)
                .map_err(|error| format!("--requestheader-client-ca-file {}: {error}", path.display()))
        };
        let set = |texts: &[String]| texts.iter().filter(|text| !text.is_empty()).cloned().collect();
        Ok(RequestHeaders {
            authorities_pem: file.map(read).transpose()?.unwrap_or_default(),
            allowed_names: set(&self.requestheader_allowed_names),
            username: set(&self.requestheader_username_headers),
            uid: set(&self.requestheader_uid_headers),
            group: set(&self.requestheader_group_headers),
            extra_prefix: set(&self.requestheader_extra_headers_prefix),
        })
    }
}

/// A part that can be served alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Only {
    /// The API without controllers and scheduler
    Api,
}

/// A time as Mesos and Kubernetes write it: `15s`, `500ms`, `2m`, `10secs`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| format!("{text:?} is no time such as 15s"))?;
    match &text[digits.len()..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "secs" => Ok(Duration::from_secs(number)),
        "m" | "mins" => Ok(Duration::from_secs(number * 60)),
        _ => Err(format!("{text:?} is no time such as 15s")),
    }
    .and_then(|time| if time.is_zero() { Err("the time must not be 0".to_owned()) } else { Ok(time) })
}

/// The same, or nothing.
fn delay(text: &str) -> Result<Duration, String> {
    if matches!(text, "0" | "0s") { Ok(Duration::ZERO) } else { duration(text) }
}

/// The same in whole seconds.
fn seconds(text: &str) -> Result<Duration, String> {
    let time = duration(text)?;
    if time.subsec_nanos() == 0 { Ok(time) } else { Err(format!("{text:?} is not a whole number of seconds")) }
}
