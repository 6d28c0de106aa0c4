//! Mesos frameworks beside Pods: the door on an address of its own, and the bridge behind it.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use clap::Args;
use http::{Request, StatusCode};
use kubernel_frameworks::{self as bridge, Cluster};
use kubernel_ledger::Ledger;
use kubernel_mesos::{Access, Authorizer, Door, Leader, WORK_MAX};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::leadership::Standing;
use crate::options::duration;

/// How soon the cluster's identity is read again when it is not there yet.
const RETRY: Duration = Duration::from_millis(100);
/// How long a request waits for the door to open.
const OPENS_WITHIN: Duration = Duration::from_secs(5);

/// Of the Mesos door.
#[derive(Args, Clone)]
pub(crate) struct FrameworkOptions {
    /// Where Mesos frameworks are served, without encryption; nowhere where not given
    #[arg(long, env = "KUBERNEL_MESOS_LISTEN", value_name = "ADDRESS")]
    pub(crate) mesos_listen: Option<SocketAddr>,
    /// How often frameworks are told that the door lives
    #[arg(long, env = "KUBERNEL_MESOS_HEARTBEAT", default_value = "15s", value_name = "TIME", value_parser = duration)]
    pub(crate) mesos_heartbeat: Duration,
    /// How long an offer is open at most
    #[arg(long, env = "KUBERNEL_MESOS_OFFER_TIMEOUT", default_value = "60s", value_name = "TIME", value_parser = duration)]
    pub(crate) mesos_offer_timeout: Duration,
    /// The only roles that frameworks may be in; all where not given
    #[arg(long, env = "KUBERNEL_MESOS_ROLES", value_delimiter = ',', value_name = "ROLES")]
    pub(crate) mesos_roles: Vec<String>,
    /// Who frameworks and operators are, in Mesos' JSON; nobody has to say it where not given
    #[arg(long, env = "KUBERNEL_MESOS_CREDENTIALS", value_name = "FILE")]
    pub(crate) mesos_credentials: Option<PathBuf>,
    /// Who may do what, in Mesos' JSON; everybody may do everything where not given
    #[arg(long, env = "KUBERNEL_MESOS_ACLS", value_name = "FILE")]
    pub(crate) mesos_acls: Option<PathBuf>,
    /// How many calls frameworks may make, in Mesos' JSON
    #[arg(long, env = "KUBERNEL_MESOS_RATE_LIMITS", value_name = "FILE")]
    pub(crate) mesos_rate_limits: Option<PathBuf>,
}

/// The door: its address is taken once, and what is behind it changes with who leads.
pub(crate) struct Frameworks {
    /// Taken by whoever serves it.
    listener: Option<TcpListener>,
    address: SocketAddr,
    heartbeat: Duration,
    roles: BTreeSet<String>,
    access: Access,
    /// What answers at the moment.
    inside: watch::Sender<Option<Router>>,
    /// What answers while another server leads: of a door that nobody comes through.
    aside: OnceLock<Router>,
    leader: watch::Sender<Leader>,
}

impl FrameworkOptions {
    /// What the kernel has to know of frameworks.
    pub(crate) fn kernel(&self) -> kubernel_kernel::Config {
        let offer_ms_max = u64::try_from(self.mesos_offer_timeout.as_millis()).ok();
        // A restarted server must not give an offer the number of one that somebody may still answer.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offers_after = u64::try_from(since_1970.as_millis()).unwrap_or_default();
        kubernel_kernel::Config { offer_ms_max, offers_after, ..kubernel_kernel::Config::default() }
    }

    /// Takes the address, where one is given.
    pub(crate) async fn bind(&self) -> Result<Option<Frameworks>, String> {
        let Some(address) = self.mesos_listen else { return Ok(None) };
        let wrong = |error: std::io::Error| format!("--mesos-listen {address}: {error}");
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let roles = self.mesos_roles.iter().cloned().collect();
        let (credentials, acls, limits) = (&self.mesos_credentials, &self.mesos_acls, &self.mesos_rate_limits);
        let access = Access::load(credentials.as_deref(), acls.as_deref(), limits.as_deref());
        let access =
            access.map_err(|error| format!("--mesos-credentials, --mesos-acls, --mesos-rate-limits: {error}"))?;
        let leader = watch::Sender::new(Leader::Me);
        let access = Access { leader: leader.subscribe(), ..access };
        Ok(Some(Frameworks {
            listener: Some(listener),
            address,
            heartbeat: self.mesos_heartbeat,
            roles,
            access,
            inside: watch::Sender::default(),
            aside: OnceLock::new(),
            leader,
        }))
    }
}

impl Frameworks {
    /// Where frameworks reach it.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop`. While another server leads, as `standing` says, frameworks are sent there.
    pub(crate) fn serve(
        mut self,
        client: kube::Client,
        standing: Option<watch::Receiver<Standing>>,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) -> Arc<Self> {
        let listener = self.listener.take();
        let frameworks = Arc::new(self);
        if let Some(listener) = listener {
            let inside = frameworks.inside.subscribe();
            let router = Router::new().fallback(move |request: Request<Body>| answer(inside.clone(), request));
            tasks.spawn(kubernel_mesos::serve(listener, router, stop.clone()));
        }
        if let Some(standing) = standing {
            tasks.spawn(frameworks.clone().follow(client, standing, stop.clone()));
        }
        frameworks
    }

    /// Knows who leads.
    async fn follow(
        self: Arc<Self>,
        client: kube::Client,
        mut standing: watch::Receiver<Standing>,
        stop: CancellationToken,
    ) {
        self.leader.send_replace(leader(&standing.borrow_and_update()));
        let Some(cluster) = cluster(&client, &stop).await else { return };
        let (work_to, _) = tokio::sync::mpsc::channel(1);
        let door = Door::new(Arc::default(), self.config(cluster), work_to);
        let aside = self.aside.get_or_init(|| kubernel_mesos::master(door, self.access.clone())).clone();
        self.inside.send_if_modified(|inside| inside.is_none() && inside.replace(aside).is_none());
        loop {
            self.leader.send_replace(leader(&standing.borrow_and_update()));
            tokio::select! {
                () = stop.cancelled() => return,
                changed = standing.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Runs the bridge, and the door when the cluster is known, until `stop`; it answers when the bridge knows what was
    /// there before.
    pub(crate) async fn lead(self: Arc<Self>, client: kube::Client, ledger: Arc<Ledger>, stop: CancellationToken) {
        let Some(cluster) = cluster(&client, &stop).await else { return };
        let (work_to, work) = tokio::sync::mpsc::channel(WORK_MAX);
        let door = Door::new(ledger.clone(), self.config(cluster), work_to);
        self.inside.send_replace(Some(kubernel_mesos::master(door.clone(), self.access.clone())));
        let config = bridge::Config { ledger, door: door.clone(), work };
        tracing::info!(address = %self.address, "Mesos frameworks are served");
        tokio::join!(door.run(stop.clone()), bridge::run(client, config, stop.clone()));
        self.inside.send_replace(self.aside.get().cloned());
    }

    fn config(&self, cluster: Cluster) -> kubernel_mesos::Config {
        let ip = Some(self.address.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
        let mut config = kubernel_mesos::Config::new(cluster.id, ip.to_string(), ip, self.address.port());
        config.first_framework = cluster.first_framework;
        config.heartbeat = self.heartbeat;
        config.limits = self.access.limits.clone();
        config.authorizer = self.access.acls.clone();
        if !self.roles.is_empty() {
            config.authorizer = Arc::new(Listed { roles: self.roles.clone(), others: config.authorizer });
        }
        config
    }
}

/// Frameworks may be in these roles alone, if others do not mind.
#[derive(Debug)]
struct Listed {
    roles: BTreeSet<String>,
    others: Arc<dyn Authorizer>,
}

impl Authorizer for Listed {
    fn may_register(&self, principal: Option<&str>, role: &str) -> bool {
        self.roles.contains(role) && self.others.may_register(principal, role)
    }

    fn may_run(&self, principal: Option<&str>, user: &str) -> bool {
        self.others.may_run(principal, user)
    }
}

/// The door's answer, when it has been opened.
async fn answer(mut inside: watch::Receiver<Option<Router>>, request: Request<Body>) -> Response {
    let opened = tokio::time::timeout(OPENS_WITHIN, inside.wait_for(Option::is_some)).await;
    let router = opened.ok().and_then(|router| router.ok()?.clone());
    match router {
        Some(router) => router.oneshot(request).await.into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "No leader elected").into_response(),
    }
}

/// Who leads, in the door's words.
fn leader(standing: &Standing) -> Leader {
    match standing {
        Standing::Us => Leader::Me,
        Standing::Another(leader) => leader.mesos.clone().map_or(Leader::None, Leader::Other),
        Standing::Nobody => Leader::None,
    }
}

/// What frameworks and offers are named after, as soon as it is there.
async fn cluster(client: &kube::Client, stop: &CancellationToken) -> Option<Cluster> {
    loop {
        if let Ok(Some(cluster)) = Cluster::read(client).await {
            return Some(cluster);
        }
        tokio::select! { () = stop.cancelled() => return None, () = tokio::time::sleep(RETRY) => {} }
    }
}
