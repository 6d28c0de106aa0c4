//! What the server is made of.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use ipnet::Ipv4Net;
use kubernel_meta::Object;
use kubernel_store::{Roster, Store};
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::admission::policy::Policies;
use crate::admission::{Hooks, ParsedObjects, Plugins, Turns};
use crate::aggregation::{self, Aggregation};
use crate::alloc::Allocator;
use crate::authn::Authenticator;
use crate::authz::{Authorizer, NodeAuthorizer};
use crate::backend::Connections;
use crate::bootstrap::endpoints;
use crate::crds::Crds;
use crate::flow::{self, Flow};
use crate::follow::Followed;
use crate::metrics::{Counted, Metrics};
use crate::pki::Pki;
use crate::resources::{KindHandle, Resource, Resources};
use crate::verbs::Hubs;
use crate::{Error, Serving, User, bootstrap, codec, crds, handler, sweep};

/// What the server is built from.
pub struct Config {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Where ClusterIPs come from.
    pub service_cidr: Ipv4Net,
    /// Where node ports come from.
    pub node_ports: RangeInclusive<u16>,
    /// Objects that are never stored.
    pub live: Option<Arc<dyn LiveObjects>>,
    /// Where Pods reach the server; without it, or where it is a loopback address, the `kubernetes` Service has no
    /// endpoints.
    pub advertise: Option<SocketAddr>,
    /// The list of the cluster's servers, where there may be others: all of them are that Service's endpoints.
    pub roster: Option<Roster>,
    /// How many requests run at once, reads and writes together (upstream's `--max-requests-inflight` and
    /// `--max-mutating-requests-inflight`): the seats that flow control divides.
    pub requests_max: u32,
    /// Certificates and keys. Without them nobody but callers in the same process is known, and no token is issued.
    pub pki: Option<Arc<Pki>>,
}

/// Objects that live in somebody's memory (the kernel's offers and agents).
pub trait LiveObjects: Send + Sync + 'static {
    /// Where they are.
    fn place(&self) -> LivePlace {
        LivePlace::Here
    }

    /// All objects of a plural resource name, sorted by name.
    fn list(&self, plural: &str) -> Vec<Object>;

    /// Counts up whenever any of them may have changed.
    fn changed(&self) -> tokio::sync::watch::Receiver<u64>;
}

/// Which server of a cluster has the live objects: the one that leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LivePlace {
    /// This one.
    Here,
    /// The one with this URL, such as `https://10.0.0.1:6443`.
    There(String),
    /// None at the moment.
    Nowhere,
}

/// The API server: a handle, cheap to clone.
#[derive(Clone)]
pub struct ApiServer(Arc<Shared>);

struct Shared {
    config: Config,
    authenticator: Authenticator,
    authorizer: Authorizer,
    node_authorizer: NodeAuthorizer,
    parsed_objects: ParsedObjects,
    policies: Policies,
    quota_turns: Turns,
    plugins: Plugins,
    resources: ArcSwap<Resources>,
    shutdown: CancellationToken,
    stopping: CancellationToken,
    /// Whose turn it is to write where the API is reached.
    endpoints_turn: Mutex<()>,
    flow: Flow,
    hubs: Hubs,
    allocator: Arc<Allocator>,
    crds: Crds,
    aggregation: Aggregation,
    connections: Connections,
    hooks: Followed<Hooks>,
    metrics: Metrics,
    counted: Arc<Counted>,
    features: Vec<(&'static str, &'static str, bool)>,
}

/// The server as one user of the same process calls it: no socket, no encryption, the same way otherwise.
#[derive(Clone)]
pub struct InProcess {
    server: ApiServer,
    user: User,
}

impl ApiServer {
    /// A server over this store, of what is served by default.
    pub fn new(config: Config) -> Self {
        Self::serving(config, &Serving::default())
    }

    /// A server over this store, of other versions as well.
    pub fn serving(mut config: Config, serving: &Serving) -> Self {
        let counted = Counted::new(config.store);
        config.store = counted.clone();
        let built_in = serving
            .kinds()
            .into_iter()
            .map(|kind| Arc::new(Resource::new(KindHandle::BuiltIn(kind), codec::built_in_schema(kind))))
            .collect();
        let allocator = Arc::new(Allocator::new(config.service_cidr, config.node_ports.clone()));
        let front_proxy = config.pki.as_ref().map(|pki| pki.front_proxy().client().clone());
        let connections = Connections::new(config.store.clone(), front_proxy);
        Self(Arc::new(Shared {
            flow: Flow::new(config.requests_max),
            config,
            connections,
            hooks: Followed::default(),
            allocator,
            resources: ArcSwap::from_pointee(Resources::new(built_in)),
            shutdown: CancellationToken::new(),
            stopping: CancellationToken::new(),
            endpoints_turn: Mutex::default(),
            hubs: Hubs::default(),
            authenticator: Authenticator::default(),
            authorizer: Authorizer::default(),
            node_authorizer: NodeAuthorizer::default(),
            parsed_objects: ParsedObjects::default(),
            crds: Crds::default(),
            aggregation: Aggregation::default(),
            policies: Policies::default(),
            quota_turns: Turns::default(),
            plugins: serving.plugins,
            metrics: Metrics::default(),
            counted,
            features: serving.gates.all(),
        }))
    }

    /// Writes what a new cluster starts with, and reads what the server keeps in memory of the store: roles, bindings,
    /// allocated addresses. To be awaited once, before the first request.
    pub async fn start(&self) -> Result<(), Error> {
        // First what is taken: the default Services are written like any other.
        self.0.allocator.start(self.store()).await?;
        self.0.policies.start(&**self.store()).await?;
        bootstrap::run(self).await?;
        self.0.hooks.start(&**self.store()).await?;
        crds::start(self).await?;
        aggregation::start(self).await?;
        self.0.flow.start(&**self.store()).await?;
        flow::settle(self).await?;
        endpoints::ensure(self, endpoints::Port::Ours).await?;
        tokio::spawn(endpoints::keep(self.clone()));
        tokio::spawn(flow::run(self.clone(), self.shutdown_token()));
        tokio::spawn(bootstrap::keep(self.clone(), self.shutdown_token()));
        tokio::spawn(crate::alloc::keep(self.clone(), self.store().revision(), self.shutdown_token()));
        tokio::spawn(sweep::run(self.store().clone(), self.shutdown_token()));
        Ok(())
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.config.store
    }

    /// What knows users.
    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }

    /// What knows roles and bindings.
    pub(crate) fn authorizer(&self) -> &Authorizer {
        &self.0.authorizer
    }

    /// What knows admission policies.
    pub(crate) fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// Whose turn it is to be counted against quotas.
    pub(crate) fn quota_turns(&self) -> &Turns {
        &self.0.quota_turns
    }

    /// Which admission plug-ins run.
    pub(crate) fn plugins(&self) -> Plugins {
        self.0.plugins
    }

    /// What admission has parsed already.
    pub(crate) fn parsed_objects(&self) -> &ParsedObjects {
        &self.0.parsed_objects
    }

    /// What knows what nodes may read.
    pub(crate) fn node_authorizer(&self) -> &NodeAuthorizer {
        &self.0.node_authorizer
    }

    /// The resources that are served now.
    pub fn resources(&self) -> Arc<Resources> {
        self.0.resources.load_full()
    }

    /// Serves these resources from now on.
    pub(crate) fn set_resources(&self, resources: Resources) {
        self.0.resources.store(Arc::new(resources));
        self.0.aggregation.resources_changed();
    }

    /// What knows which custom resources there are.
    pub(crate) fn crds(&self) -> &Crds {
        &self.0.crds
    }

    /// What knows which groups and versions other servers serve.
    pub(crate) fn aggregation(&self) -> &Aggregation {
        &self.0.aggregation
    }

    /// From now on `/readyz` says that the server is about to stop, while it still answers everything: whoever chooses
    /// between servers has time to choose another one (upstream's `--shutdown-delay-duration`). Returns when the
    /// endpoints of the Service `kubernetes` do not name it any more.
    pub async fn announce_stop(&self) {
        self.0.stopping.cancel();
        endpoints::withdraw(self).await;
    }

    /// Whether the server is about to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.0.stopping.is_cancelled()
    }

    /// Is cancelled when the server is about to stop.
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }

    /// Waits for the turn to write where the API is reached.
    pub(crate) async fn endpoints_turn(&self) -> MutexGuard<'_, ()> {
        self.0.endpoints_turn.lock().await
    }

    /// Ends all watches, so that connections can close.
    pub fn shut_down(&self) {
        self.0.stopping.cancel();
        self.0.shutdown.cancel();
    }

    /// What Services hold.
    pub(crate) fn allocator(&self) -> &Arc<Allocator> {
        &self.0.allocator
    }

    /// The configured admission webhooks.
    pub(crate) fn hooks(&self) -> &Followed<Hooks> {
        &self.0.hooks
    }

    /// Connections to webhooks and extension API servers.
    pub(crate) fn connections(&self) -> &Connections {
        &self.0.connections
    }

    /// Shows metrics of another part of this process, too.
    pub fn expose(&self, source: Arc<dyn kubernel_metrics::Source>) {
        self.0.metrics.others.write().push(source);
    }

    /// What was counted.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// What was counted of the store.
    pub(crate) fn counted(&self) -> &Counted {
        &self.0.counted
    }

    /// The feature gates: name, stage, and whether each is on.
    pub(crate) fn features(&self) -> &[(&'static str, &'static str, bool)] {
        &self.0.features
    }

    /// Where narrow watchers get their events.
    pub(crate) fn hubs(&self) -> &Hubs {
        &self.0.hubs
    }

    /// Who may run.
    pub(crate) fn flow(&self) -> &Flow {
        &self.0.flow
    }

    /// Is cancelled when the server shuts down.
    pub(crate) fn shutdown_token(&self) -> CancellationToken {
        self.0.shutdown.clone()
    }

    /// The server as an axum router, for connections.
    pub fn router(&self) -> Router {
        let server = self.clone();
        Router::new().fallback(move |request: Request<Body>| {
            let server = server.clone();
            async move { handler::handle(server, request).await }
        })
    }

    /// The server as this user of the same process calls it.
    pub fn service(&self, user: User) -> InProcess {
        InProcess { server: self.clone(), user }
    }
}

impl<B> Service<Request<B>> for InProcess
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = futures::future::BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let server = self.server.clone();
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(self.user.clone());
        Box::pin(async move { Ok(handler::handle(server, request).await) })
    }
}
