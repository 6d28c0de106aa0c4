//! The control plane: store, API, controllers, in the order in which they need one another.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use kubernel_agent::join::Pair;
use kubernel_ledger::Ledger;
use kubernel_meta::Object;
use kubernel_server::admission::Plugins;
use kubernel_server::pki::{Identity, Pki, ServingNames};
use kubernel_server::{ApiServer, Config, LiveObjects, Serving, User};
use kubernel_store::Embedded;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client_metrics::ClientMetrics;
use crate::frameworks::Frameworks;
use crate::in_process;
use crate::node::{Access, Node};
use crate::options::{ControlPlaneOptions, Only};

/// The kernel's ledger, as the API shows it.
struct Live(Arc<Ledger>);

impl LiveObjects for Live {
    fn list(&self, plural: &str) -> Vec<Object> {
        self.0.list(plural)
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.0.changed()
    }
}

/// A control plane that serves.
pub(crate) struct ControlPlane {
    /// The API.
    pub(crate) api: ApiServer,
    /// Certificates and keys.
    pub(crate) pki: Arc<Pki>,
    ledger: Arc<Ledger>,
    frameworks: Option<Frameworks>,
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
    let advertised = node.map_or(listen, |node| node.api_address(listen));
    addresses.extend(node.map(|node| node.ip));
    addresses.extend(node.map(|_| advertised.ip()));
    let names = ServingNames { hosts: Vec::new(), addresses, service_cidr: *service_cidr };
    let proxies = options.front_proxies.read()?;
    let pki = Pki::open(data_dir, &names).map_err(|error| error.to_string())?;
    let pki = pki.believing(proxies).map_err(|error| format!("--requestheader-client-ca-file: {error}"))?;
    let pki = Arc::new(pki);
    let store =
        Embedded::open(&data_dir.join("store"), &kubernel_server::reindex).map_err(|error| error.to_string())?;
    let tls = pki.server_config().map_err(|error| error.to_string())?;
    let host = if listen.ip().is_unspecified() { "127.0.0.1".to_owned() } else { listen.ip().to_string() };
    let url = format!("https://{host}:{}", listen.port());
    let kubeconfig = data_dir.join("admin.kubeconfig");
    pki.write_kubeconfig(&kubeconfig, &url, &Identity::admin()).map_err(|error| error.to_string())?;
    let frameworks = options.frameworks.bind().await?;
    let ledger = Arc::new(Ledger::new(options.frameworks.kernel()));
    let config = Config {
        store,
        service_cidr: *service_cidr,
        node_ports: 30000..=32767,
        live: Some(Arc::new(Live(ledger.clone()))),
        advertise: Some(advertised),
        requests_max: options.max_requests_inflight.saturating_add(options.max_mutating_requests_inflight),
        pki: Some(pki.clone()),
    };
    let plugins = Plugins::new(&options.enable_admission_plugins, &options.disable_admission_plugins)
        .map_err(|error| error.to_string())?;
    let serving = Serving { versions: runtime_config.clone(), gates: feature_gates.clone(), plugins };
    let api = ApiServer::serving(config, &serving);
    api.start().await.map_err(|error| error.to_string())?;
    let mut tasks = JoinSet::new();
    tasks.spawn(kubernel_server::serve(api.clone(), listener, Arc::new(tls), stop));
    let clients = Arc::new(ClientMetrics::default());
    api.expose(clients.clone());
    Ok(ControlPlane { api, pki, ledger, frameworks, clients, listen, url, tasks })
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

    /// Starts what acts on the API: controllers and scheduler. `instance` names this process in events.
    pub(crate) fn run(&mut self, only: Option<Only>, instance: &str, stop: &CancellationToken) {
        if only == Some(Only::Api) {
            return;
        }
        let root_ca = self.pki.authority().certificate_pem().to_owned();
        let config = kubernel_controllers::Config { root_ca, queues: Arc::default() };
        self.api.expose(config.queues.clone());
        let controllers = kubernel_controllers::run(self.client("kube-controller-manager"), config);
        let (ledger, until) = (self.ledger.clone(), stop.clone());
        self.tasks.spawn(async move { ledger.keep_time(until).await });
        let (ledger, metrics) = (self.ledger.clone(), Arc::new(kubernel_scheduler::SchedulerMetrics::default()));
        self.api.expose(metrics.clone());
        let config = kubernel_scheduler::Config {
            ledger,
            instance: instance.to_owned(),
            metrics,
            offers: self.frameworks.is_some(),
        };
        let client = self.client("kube-scheduler");
        self.tasks.spawn(kubernel_scheduler::run(client, config, stop.clone()));
        if let Some(frameworks) = self.frameworks.take() {
            frameworks.run(self.client("mesos"), self.ledger.clone(), &mut self.tasks, stop);
        }
        let on_controllers = stop.clone();
        self.tasks.spawn(async move {
            tokio::select! { () = controllers => {}, () = on_controllers.cancelled() => {} }
        });
        let (api, stop) = (self.api.clone(), stop.clone());
        self.tasks.spawn(async move {
            let identity = async {
                tokio::join!(kubernel_server::pki::sign_requests(&api), kubernel_server::authz::aggregate_roles(&api))
            };
            tokio::select! { ((), ()) = identity => {}, () = stop.cancelled() => {} }
        });
    }
}
