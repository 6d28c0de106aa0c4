//! What all controllers share, and how they are started.

use std::future::Future;
use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    ConfigMap, Endpoints, Namespace, PersistentVolume, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::VolumeAttributesClass;
use kube::Client;
use kube::runtime::watcher;

use crate::cache::Cache;
use crate::deletions::Deletions;
use crate::events::Events;
use crate::queue::Queues;
use crate::views::{Node, Pod};
use crate::{
    deployment, disruption, endpoints, endpointslice, garbage_collector, namespace, node_lifecycle, pod_gc,
    policy_status, replicaset, resource_quota, root_ca, service_cidrs, serviceaccount, storage_protection,
};

/// What the controllers need to know of the cluster.
#[derive(Clone)]
pub struct Config {
    /// The PEM of the CA that Pods find in `kube-root-ca.crt`.
    pub root_ca: String,
    /// Where work queues are known by their names.
    pub queues: Arc<Queues>,
}

/// What all controllers share.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) caches: Arc<Caches>,
    pub(crate) events: Events,
    pub(crate) deletions: Arc<Deletions>,
    pub(crate) config: Config,
    pub(crate) queues: Arc<Queues>,
}

/// One cache per kind.
pub(crate) struct Caches {
    pub(crate) pods: Arc<Cache<Pod>>,
    pub(crate) nodes: Arc<Cache<Node>>,
    pub(crate) namespaces: Arc<Cache<Namespace>>,
    pub(crate) serviceaccounts: Arc<Cache<ServiceAccount>>,
    /// Only those of the name `kube-root-ca.crt`.
    pub(crate) root_cas: Arc<Cache<ConfigMap>>,
    pub(crate) services: Arc<Cache<Service>>,
    pub(crate) endpoints: Arc<Cache<Endpoints>>,
    pub(crate) endpointslices: Arc<Cache<EndpointSlice>>,
    /// Only those of nodes.
    pub(crate) node_leases: Arc<Cache<Lease>>,
    pub(crate) deployments: Arc<Cache<Deployment>>,
    pub(crate) replicasets: Arc<Cache<ReplicaSet>>,
    pub(crate) budgets: Arc<Cache<PodDisruptionBudget>>,
    pub(crate) policies: Arc<Cache<ValidatingAdmissionPolicy>>,
    pub(crate) quotas: Arc<Cache<ResourceQuota>>,
    pub(crate) claims: Arc<Cache<PersistentVolumeClaim>>,
    pub(crate) volumes: Arc<Cache<PersistentVolume>>,
    pub(crate) volume_classes: Arc<Cache<VolumeAttributesClass>>,
    pub(crate) service_cidrs: Arc<Cache<ServiceCIDR>>,
}

impl Context {
    /// The same under the name by which the controller's events are known.
    pub(crate) fn named(&self, component: &'static str) -> Self {
        Self { events: self.events.of(component), ..self.clone() }
    }
}

/// Runs all controllers until the future is dropped. The identity and the `User-Agent` are the client's.
pub async fn run(client: Client, config: Config) {
    let caches = Arc::new(Caches {
        pods: Cache::new(),
        nodes: Cache::new(),
        namespaces: Cache::new(),
        serviceaccounts: Cache::new(),
        root_cas: Cache::new(),
        services: Cache::new(),
        endpoints: Cache::new(),
        endpointslices: Cache::new(),
        node_leases: Cache::new(),
        deployments: Cache::new(),
        replicasets: Cache::new(),
        budgets: Cache::new(),
        policies: Cache::new(),
        quotas: Cache::new(),
        claims: Cache::new(),
        volumes: Cache::new(),
        volume_classes: Cache::new(),
        service_cidrs: Cache::new(),
    });
    let (events, write_events) = Events::new(client.clone());
    let queues = config.queues.clone();
    let deletions = Arc::default();
    let context = Context { client: client.clone(), caches: caches.clone(), events, deletions, config, queues };
    let all = watcher::Config::default;
    let root_ca = all().fields("metadata.name=kube-root-ca.crt");
    let tasks: Vec<std::pin::Pin<Box<dyn Future<Output = ()> + Send>>> = vec![
        // A controller listens as soon as `run` returns: before the caches begin to fill.
        Box::pin(replicaset::run(context.named("replicaset-controller"))),
        Box::pin(deployment::run(context.named("deployment-controller"))),
        Box::pin(endpoints::run(context.named("endpoint-controller"))),
        Box::pin(endpointslice::run(context.named("endpoint-slice-controller"))),
        Box::pin(namespace::run(context.named("namespace-controller"))),
        Box::pin(serviceaccount::run(context.named("service-account-controller"))),
        Box::pin(root_ca::run(context.named("root-ca-cert-publisher"))),
        Box::pin(garbage_collector::run(context.named("garbage-collector-controller"))),
        Box::pin(node_lifecycle::run(context.named("node-controller"))),
        Box::pin(disruption::run(context.named("disruption-controller"))),
        Box::pin(policy_status::run(context.named("validatingadmissionpolicy-status-controller"))),
        Box::pin(pod_gc::run(context.named("pod-garbage-collector"))),
        Box::pin(resource_quota::run(context.named("resourcequota-controller"))),
        Box::pin(storage_protection::run(context.named("storage-protection-controller"))),
        Box::pin(service_cidrs::run(context.named("service-cidrs-controller"))),
        Box::pin(write_events),
        Box::pin(caches.pods.clone().follow(client.clone(), all())),
        Box::pin(caches.nodes.clone().follow(client.clone(), all())),
        Box::pin(caches.namespaces.clone().follow(client.clone(), all())),
        Box::pin(caches.serviceaccounts.clone().follow(client.clone(), all())),
        Box::pin(caches.root_cas.clone().follow(client.clone(), root_ca)),
        Box::pin(caches.services.clone().follow(client.clone(), all())),
        Box::pin(caches.endpoints.clone().follow(client.clone(), all())),
        Box::pin(caches.endpointslices.clone().follow(client.clone(), all())),
        Box::pin(caches.node_leases.clone().follow(client.clone(), all())),
        Box::pin(caches.deployments.clone().follow(client.clone(), all())),
        Box::pin(caches.replicasets.clone().follow(client.clone(), all())),
        Box::pin(caches.budgets.clone().follow(client.clone(), all())),
        Box::pin(caches.policies.clone().follow(client.clone(), all())),
        Box::pin(caches.quotas.clone().follow(client.clone(), all())),
        Box::pin(caches.claims.clone().follow(client.clone(), all())),
        Box::pin(caches.volumes.clone().follow(client.clone(), all())),
        Box::pin(caches.volume_classes.clone().follow(client.clone(), all())),
        Box::pin(caches.service_cidrs.clone().follow(client, all())),
    ];
    // Each on a task of its own, so that they use all cores; dropping the set stops them all.
    let mut running = tokio::task::JoinSet::new();
    for task in tasks {
        running.spawn(task);
    }
    while let Some(ended) = running.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a controller failed");
        }
    }
}
