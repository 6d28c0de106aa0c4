//! What one server of a cluster does, the one that leads: the kernel, the scheduler, the controllers, the Mesos door.
//!
//! Every term begins with an empty kernel, which is rebuilt from the API, and ends with all of it.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use kubernel_controllers::queue::Queues;
use kubernel_ledger::Ledger;
use kubernel_meta::Object;
use kubernel_scheduler::SchedulerMetrics;
use kubernel_server::{ApiServer, LiveObjects, LivePlace, User};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client_metrics::ClientMetrics;
use crate::frameworks::{FrameworkOptions, Frameworks};
use crate::in_process;
use crate::leadership::{Election, Standing};

/// How long the parts of a term have for their end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// The kernel's ledger, as the API shows it: of the current term, where this server leads.
pub(crate) struct Live {
    ledger: ArcSwapOption<Ledger>,
    options: FrameworkOptions,
    /// Where several servers may lead.
    standing: Mutex<Option<watch::Receiver<Standing>>>,
}

impl Live {
    /// Nobody leads yet.
    pub(crate) fn new(options: FrameworkOptions) -> Self {
        Self { ledger: ArcSwapOption::empty(), options, standing: Mutex::default() }
    }

    /// From now on, this says who leads.
    pub(crate) fn follow(&self, standing: watch::Receiver<Standing>) {
        *self.standing.lock() = Some(standing);
    }

    fn begin(&self) -> Arc<Ledger> {
        let ledger = Arc::new(Ledger::new(self.options.kernel()));
        self.ledger.store(Some(ledger.clone()));
        ledger
    }
}

impl LiveObjects for Live {
    fn place(&self) -> LivePlace {
        if self.ledger.load().is_some() {
            return LivePlace::Here;
        }
        let Some(standing) = self.standing.lock().clone() else { return LivePlace::Here };
        let standing = standing.borrow();
        match &*standing {
            Standing::Another(leader) => leader.api.clone().map_or(LivePlace::Nowhere, LivePlace::There),
            _ => LivePlace::Nowhere,
        }
    }

    fn list(&self, plural: &str) -> Vec<Object> {
        self.ledger.load().as_ref().map(|ledger| ledger.list(plural)).unwrap_or_default()
    }

    fn changed(&self) -> watch::Receiver<u64> {
        self.ledger.load().as_ref().map_or_else(|| watch::channel(0).1, |ledger| ledger.changed())
    }
}

/// Everything that a term needs.
pub(crate) struct Acting {
    pub(crate) api: ApiServer,
    pub(crate) root_ca: String,
    pub(crate) clients: Arc<ClientMetrics>,
    pub(crate) instance: String,
    pub(crate) live: Arc<Live>,
    pub(crate) frameworks: Option<Arc<Frameworks>>,
    pub(crate) scheduler: Arc<SchedulerMetrics>,
    pub(crate) queues: Arc<Queues>,
}

impl Acting {
    /// Leads whenever it is this server's turn, or all the time where there is no other one.
    pub(crate) async fn run(self, election: Option<Arc<Election>>, stop: CancellationToken) {
        let Some(election) = election else { return self.lead(stop).await };
        while let Some(lost) = election.win(&stop).await {
            let term = lost.child_token();
            let until = term.clone();
            let on_stop = stop.clone();
            tokio::spawn(async move {
                tokio::select! { () = on_stop.cancelled() => until.cancel(), () = until.cancelled() => {} }
            });
            self.lead(term).await;
            let holds = !lost.is_cancelled();
            lost.cancel();
            if holds {
                election.release().await;
            }
            if stop.is_cancelled() {
                return;
            }
        }
    }

    fn client(&self, name: &'static str) -> kube::Client {
        in_process::client_as(&self.api, self.clients.clone(), User::system(&format!("system:{name}")), name)
    }

    /// One term.
    async fn lead(&self, term: CancellationToken) {
        let ledger = self.live.begin();
        let mut tasks = JoinSet::new();
        let config = kubernel_controllers::Config { root_ca: self.root_ca.clone(), queues: self.queues.clone() };
        let controllers = kubernel_controllers::run(self.client("kube-controller-manager"), config);
        let on_controllers = term.clone();
        tasks.spawn(async move {
            tokio::select! { () = controllers => {}, () = on_controllers.cancelled() => {} }
        });
        let (clock, until) = (ledger.clone(), term.clone());
        tasks.spawn(async move { clock.keep_time(until).await });
        let config = kubernel_scheduler::Config {
            ledger: ledger.clone(),
            instance: self.instance.clone(),
            metrics: self.scheduler.clone(),
            offers: self.frameworks.is_some(),
        };
        tasks.spawn(kubernel_scheduler::run(self.client("kube-scheduler"), config, term.clone()));
        if let Some(frameworks) = &self.frameworks {
            tasks.spawn(frameworks.clone().lead(self.client("mesos"), ledger, term.clone()));
        }
        let (api, until) = (self.api.clone(), term.clone());
        tasks.spawn(async move {
            let identity = async {
                tokio::join!(kubernel_server::pki::sign_requests(&api), kubernel_server::authz::aggregate_roles(&api))
            };
            tokio::select! { ((), ()) = identity => {}, () = until.cancelled() => {} }
        });
        term.cancelled().await;
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(END_WITHIN, ended).await.is_err() {
            tracing::warn!("parts of the control plane did not end in time");
        }
        // What is left of them ends with the set.
        tasks.shutdown().await;
        self.live.ledger.store(None);
    }
}
