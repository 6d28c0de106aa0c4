//! The control plane: store, API, controllers, in the order in which they need one another.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kubernel_agent::join::Pair;
use kubernel_server::admission::Plugins;
use kubernel_server::pki::{Identity, Pki, ServingNames};
use kubernel_server::{ApiServer, Config, Serving, User};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client_metrics::ClientMetrics;
use crate::frameworks::Frameworks;
use crate::in_process;
use crate::leadership::{Election, Leader};
use crate::node::{Access, Node, default_ip};
use crate::options::{ControlPlaneOptions, Only};
use crate::term::{Acting, Live};

/// A control plane that serves.
pub(crate) struct ControlPlane {
    /// The API.
    pub(crate) api: ApiServer,
    /// Certificates and keys.
    pub(crate) pki: Arc<Pki>,
    live: Arc<Live>,
    election: Option<Arc<Election>>,
    frameworks: Option<Arc<Frameworks>>,
    clients: Arc<ClientMetrics>,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where it is reached, for example `https://127.0.0.1:6443`.
    pub(crate) url: String,
    /// Everything that runs until `stop`.
    pub(crate) tasks: JoinSet<()>,
}

/// Starts it; when this returns, requests are answered. `node` is this machine's node, where there is one.
pub(crate) async fn start(
    options: &ControlPlaneOptions,
    node: Option<&Node>,
    stop: CancellationToken,
) -> Result<ControlPlane, String> {
    let ControlPlaneOptions { data_dir, listen, service_cidr, runtime_config, feature_gates, .. } = options;
    std::fs::create_dir_all(data_dir).map_err(|error| format!("--data-dir {}: {error}", data_dir.display()))?;
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("--listen {listen}: {error}"))?;
    let listen = listener.local_addr().map_err(|error| error.to_string())?;
    let mut addresses: Vec<IpAddr> = Some(listen.ip()).filter(|ip| !ip.is_unspecified()).into_iter().collect();
    let advertised = advertise(options.advertise_address, listen, node);
    addresses.extend(node.map(|node| node.ip));
    addresses.extend(Some(advertised.ip()).filter(|ip| !ip.is_unspecified()));
    let names = ServingNames { hosts: Vec::new(), addresses, service_cidr: *service_cidr };
    let proxies = options.front_proxies.read()?;
    let (store, roster) = options.storage.open(data_dir, &names).await?;
    let pki = Pki::open(data_dir, &names).map_err(|error| error.to_string())?;
    let pki = pki.believing(proxies).map_err(|error| format!("--requestheader-client-ca-file: {error}"))?;
    let pki = Arc::new(pki);
    let tls = pki.server_config().map_err(|error| error.to_string())?;
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let url = format!("https://{host}:{}", listen.port());
    let kubeconfig = data_dir.join("admin.kubeconfig");
    pki.write_kubeconfig(&kubeconfig, &url, &Identity::admin()).map_err(|error| error.to_string())?;
    let frameworks = options.frameworks.bind().await?;
    let live = Arc::new(Live::new(options.frameworks.clone()));
    let config = Config {
        store,
        service_cidr: *service_cidr,
        node_ports: 30000..=32767,
        live: Some(live.clone()),
        advertise: Some(advertised),
        roster,
        requests_max: options.max_requests_inflight.saturating_add(options.max_mutating_requests_inflight),
        pki: Some(pki.clone()),
    };
    let plugins = Plugins::new(&options.enable_admission_plugins, &options.disable_admission_plugins)
        .map_err(|error| error.to_string())?;
    let serving = Serving { versions: runtime_config.clone(), gates: feature_gates.clone(), plugins };
    let api = ApiServer::serving(config, &serving);
    api.start().await.map_err(|error| error.to_string())?;
    let mut tasks = JoinSet::new();
    let listening = CancellationToken::new();
    tasks.spawn(kubernel_server::serve(api.clone(), listener, Arc::new(tls), listening.clone()));
    let (announced, until, delay) = (api.clone(), stop.clone(), options.shutdown_delay_duration);
    tasks.spawn(async move {
        until.cancelled().await;
        tokio::join!(announced.announce_stop(), tokio::time::sleep(delay));
        listening.cancel();
    });
    let clients = Arc::new(ClientMetrics::default());
    api.expose(clients.clone());
    let election = options.storage.is_shared().then(|| {
        let user = User::system("system:kubernel");
        let client = in_process::client_as(&api, clients.clone(), user, "kubernel");
        let mesos = frameworks.as_ref().map(|frameworks| frameworks.address().to_string());
        let from_others = if listen.ip().is_unspecified() { advertised } else { listen };
        let reached = Leader { api: Some(format!("https://{from_others}")), mesos };
        Arc::new(Election::new(client, &listen.to_string(), reached, options.leader_elect_lease_duration))
    });
    if let Some(election) = &election {
        live.follow(election.standing());
    }
    let frameworks = frameworks.map(|frameworks| {
        let client = in_process::client_as(&api, clients.clone(), User::system("system:mesos"), "mesos");
        frameworks.serve(client, election.as_ref().map(|election| election.standing()), &mut tasks, &stop)
    });
    Ok(ControlPlane { api, pki, live, election, frameworks, clients, listen, url, tasks })
}

/// Where others reach an API that listens there: where the operator says, else where this machine's node knows, else the
/// address of this machine on its way to the world where it listens on all of them.
fn advertise(asked: Option<IpAddr>, listen: SocketAddr, node: Option<&Node>) -> SocketAddr {
    let here = || if listen.ip().is_unspecified() { default_ip().unwrap_or(listen.ip()) } else { listen.ip() };
    match (asked, node) {
        (Some(ip), _) => SocketAddr::new(ip, listen.port()),
        (None, Some(node)) => node.api_address(listen),
        (None, None) => SocketAddr::new(here(), listen.port()),
    }
}

impl ControlPlane {
    /// A client of the API for a part of this process, which has this name.
    pub(crate) fn client(&self, name: &'static str) -> kube::Client {
        self.client_as(User::system(&format!("system:{name}")), name)
    }

    /// A client of the API as this user.
    pub(crate) fn client_as(&self, user: User, agent: &'static str) -> kube::Client {
        in_process::client_as(&self.api, self.clients.clone(), user, agent)
    }

    /// What the node in this process is given.
    pub(crate) fn access(&self, node: &Node) -> Result<Access, String> {
        let serving = self.pki.node_serving(&node.name, &[node.ip]).map_err(|error| error.to_string())?;
        let user = User::new(format!("system:node:{}", node.name), &["system:nodes", "system:authenticated"]);
        Ok(Access {
            kubelet: self.client_as(user, "kubelet"),
            proxy: self.client("kube-proxy"),
            serving: Pair { certificate_pem: serving.certificate_pem, key_pem: serving.key_pem },
            ca_pem: self.pki.authority().certificate_pem().to_owned(),
        })
    }

    /// Starts what acts on the API, while this server leads: controllers, scheduler, the kernel and its door. `instance`
    /// names this process in events.
    pub(crate) fn run(&mut self, only: Option<Only>, instance: &str, stop: &CancellationToken) {
        if only == Some(Only::Api) {
            if let Some(election) = &self.election {
                self.tasks.spawn(election.clone().observe(stop.clone()));
            }
            return;
        }
        let acting = Acting {
            api: self.api.clone(),
            root_ca: self.pki.authority().certificate_pem().to_owned(),
            clients: self.clients.clone(),
            instance: instance.to_owned(),
            live: self.live.clone(),
            frameworks: self.frameworks.take(),
            scheduler: Arc::default(),
            queues: Arc::default(),
        };
        self.api.expose(acting.scheduler.clone());
        self.api.expose(acting.queues.clone());
        self.tasks.spawn(acting.run(self.election.clone(), stop.clone()));
    }
}
