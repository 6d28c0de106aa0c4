//! Mesos frameworks beside Pods: the door on an address of its own, and the bridge behind it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use kubernel_frameworks::{self as bridge, Cluster};
use kubernel_ledger::Ledger;
use kubernel_mesos::{Access, Authorizer, Door, WORK_MAX};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How soon the cluster's identity is read again when it is not there yet.
const RETRY: Duration = Duration::from_millis(100);

/// Of the Mesos door.
#[derive(Args)]
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

/// The door, about to be opened.
pub(crate) struct Frameworks {
    listener: TcpListener,
    address: SocketAddr,
    heartbeat: Duration,
    roles: BTreeSet<String>,
    access: Access,
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
        Ok(Some(Frameworks { listener, address, heartbeat: self.mesos_heartbeat, roles, access }))
    }
}

impl Frameworks {
    /// Starts the bridge, and the door when the cluster is known; it answers when the bridge knows what was there before.
    pub(crate) fn run(
        self,
        client: kube::Client,
        ledger: Arc<Ledger>,
        tasks: &mut JoinSet<()>,
        stop: &CancellationToken,
    ) {
        let stop = stop.clone();
        tasks.spawn(async move {
            let Some(cluster) = cluster(&client, &stop).await else { return };
            let ip = Some(self.address.ip()).filter(|ip| !ip.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
            let config = self.config(cluster, ip);
            let (work_to, work) = tokio::sync::mpsc::channel(WORK_MAX);
            let door = Door::new(ledger.clone(), config, work_to);
            let router = kubernel_mesos::master(door.clone(), self.access);
            let config = bridge::Config { ledger, door: door.clone(), work };
            tracing::info!(address = %self.address, "Mesos frameworks are served");
            tokio::join!(
                door.run(stop.clone()),
                bridge::run(client, config, stop.clone()),
                kubernel_mesos::serve(self.listener, router, stop.clone()),
            );
        });
    }

    fn config(&self, cluster: Cluster, ip: IpAddr) -> kubernel_mesos::Config {
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

/// What frameworks and offers are named after, as soon as it is there.
async fn cluster(client: &kube::Client, stop: &CancellationToken) -> Option<Cluster> {
    loop {
        if let Ok(Some(cluster)) = Cluster::read(client).await {
            return Some(cluster);
        }
        tokio::select! { () = stop.cancelled() => return None, () = tokio::time::sleep(RETRY) => {} }
    }
}

/// A time as Mesos and Kubernetes write it: `15s`, `500ms`, `2m`, `10secs`.
fn duration(text: &str) -> Result<Duration, String> {
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
