//! Endpoints: the older form of what stands behind a Service, still read by many clients.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort, EndpointSubset, Endpoints, ObjectReference, Service};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{DeleteParams, PostParams};
use kube::{Api, Resource};

use crate::backends::{self, Backend, HEADLESS, Port};
use crate::key::Key;
use crate::queue::Next;
use crate::views::Pod;
use crate::{Context, Error};

/// How many Services are worked on at once.
const WORKERS: usize = 8;
/// More addresses than this are left out (upstream's maxCapacity).
const ADDRESSES_MAX: usize = 1000;
/// The annotation that says so.
const OVER_CAPACITY: &str = "endpoints.kubernetes.io/over-capacity";
const MANAGED_BY: (&str, &str) = ("endpoints.kubernetes.io/managed-by", "endpoint-controller");

/// Listens from now on; works while the future is polled.
pub(crate) fn run(context: Context) -> impl Future<Output = ()> {
    let queue = context.queues.queue("endpoint");
    backends::listen(&queue, &context.caches.services, &context.caches.pods);
    let on_endpoints = queue.clone();
    context.caches.endpoints.listen(move |before, after| {
        if let Some(endpoints) = after.or(before) {
            on_endpoints.add(Key::of(&**endpoints));
        }
    });
    async move {
        context.caches.services.synced().await;
        context.caches.pods.synced().await;
        context.caches.endpoints.synced().await;
        queue.run(WORKERS, |key| reconcile(&context, key)).await;
    }
}

async fn reconcile(context: &Context, key: Key) -> Result<Next, Error> {
    let api: Api<Endpoints> = Api::namespaced(context.client.clone(), &key.namespace);
    let current = context.caches.endpoints.get(&key);
    let Some(service) = context.caches.services.get(&key) else {
        let ours =
            |endpoints: &Endpoints| endpoints.metadata.labels.as_ref().and_then(|all| all.get(MANAGED_BY.0)).is_some();
        if current.is_some_and(|endpoints| ours(&endpoints)) {
            match api.delete(&key.name, &DeleteParams::default()).await {
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                other => other.map(drop)?,
            }
        }
        return Ok(Next::Done);
    };
    if !backends::is_managed(&service) || service.metadata.deletion_timestamp.is_some() {
        return Ok(Next::Done);
    }
    let pods = context.caches.pods.in_namespace(&key.namespace);
    let wanted = plan(&service, &pods, current.as_deref());
    match current {
        None => drop(api.create(&PostParams::default(), &wanted).await?),
        Some(current) if same(&current, &wanted) => {}
        Some(_) => drop(api.replace(&key.name, &PostParams::default(), &wanted).await?),
    }
    Ok(Next::Done)
}

fn same(a: &Endpoints, b: &Endpoints) -> bool {
    a.subsets.as_deref().unwrap_or_default() == b.subsets.as_deref().unwrap_or_default()
        && a.metadata.labels == b.metadata.labels
        && a.metadata.annotations == b.metadata.annotations
}

/// The Endpoints that the Service should have.
fn plan(service: &Service, pods: &[Arc<Pod>], current: Option<&Endpoints>) -> Endpoints {
    let publish = backends::publishes_unready(service);
    let backends = backends::backends(service, pods);
    let mut subsets: BTreeMap<Vec<Port>, (Vec<EndpointAddress>, Vec<EndpointAddress>)> = BTreeMap::new();
    let mut count = 0;
    for backend in backends.iter().filter(|backend| publish || !backend.pod.is_terminating()) {
        count += 1;
        if count > ADDRESSES_MAX {
            break;
        }
        let subset = subsets.entry(backend.ports.clone()).or_default();
        let list = if publish || backend.pod.is_ready() { &mut subset.0 } else { &mut subset.1 };
        list.push(address(backend, service));
    }
    let some = |list: Vec<EndpointAddress>| (!list.is_empty()).then_some(list);
    let subsets: Vec<EndpointSubset> = subsets
        .into_iter()
        .map(|(ports, (mut ready, mut unready))| {
            ready.sort_by(|a, b| a.ip.cmp(&b.ip));
            unready.sort_by(|a, b| a.ip.cmp(&b.ip));
            EndpointSubset {
                addresses: some(ready),
                not_ready_addresses: some(unready),
                ports: (!ports.is_empty()).then(|| ports.into_iter().map(endpoint_port).collect()),
            }
        })
        .collect();
    let mut labels = service.metadata.labels.clone().unwrap_or_default();
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    if backends::is_headless(service) {
        labels.insert(HEADLESS.to_owned(), String::new());
    }
    let mut annotations = current.and_then(|current| current.metadata.annotations.clone()).unwrap_or_default();
    annotations.remove(OVER_CAPACITY);
    if count > ADDRESSES_MAX {
        annotations.insert(OVER_CAPACITY.to_owned(), "truncated".to_owned());
    }
    Endpoints {
        metadata: ObjectMeta {
            name: service.metadata.name.clone(),
            namespace: service.metadata.namespace.clone(),
            resource_version: current.and_then(|current| current.metadata.resource_version.clone()),
            labels: Some(labels),
            annotations: (!annotations.is_empty()).then_some(annotations),
            ..ObjectMeta::default()
        },
        subsets: (!subsets.is_empty()).then_some(subsets),
    }
}

fn address(backend: &Backend<'_>, service: &Service) -> EndpointAddress {
    let pod = backend.pod;
    EndpointAddress {
        hostname: backends::hostname(pod, service),
        ip: pod.status.pod_ip.clone(),
        node_name: (!pod.spec.node_name.is_empty()).then(|| pod.spec.node_name.clone()),
        target_ref: Some(target(pod)),
    }
}

/// The reference by which an endpoint names its Pod.
pub(crate) fn target(pod: &Pod) -> ObjectReference {
    let full = pod.object_ref(&());
    ObjectReference {
        kind: full.kind,
        name: full.name,
        namespace: full.namespace,
        uid: full.uid,
        ..ObjectReference::default()
    }
}

fn endpoint_port(port: Port) -> EndpointPort {
    EndpointPort {
        app_protocol: port.app_protocol,
        name: (!port.name.is_empty()).then_some(port.name),
        port: port.port,
        protocol: Some(port.protocol),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(service: Value, pods: Value, subsets: Value) {
        let service: Service = serde_json::from_value(json!({"metadata": {"name": "web"}, "spec": service})).unwrap();
        let pods: Vec<Pod> = serde_json::from_value(pods).unwrap();
        let pods: Vec<Arc<Pod>> = pods.into_iter().map(Arc::new).collect();
        let planned = serde_json::to_value(plan(&service, &pods, None).subsets).unwrap();
        assert_eq!(planned, subsets, "{service:?}");
    }

    fn pod(name: &str, ready: bool) -> Value {
        let status = if ready { "True" } else { "False" };
        json!({
            "metadata": {"name": name, "labels": {"app": "web"}},
            "spec": {"nodeName": "n", "containers": [{"ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]}]},
            "status": {"phase": "Running", "podIP": format!("10.0.0.{}", name.len()), "conditions": [{"type": "Ready", "status": status}]},
        })
    }

    #[test]
    fn addresses_are_ready_or_not_and_ports_are_resolved() {
        let address = |name: &str| json!({"ip": format!("10.0.0.{}", name.len()), "nodeName": "n", "targetRef": {"kind": "Pod", "name": name}});
        let ports = json!([{"port": 8080, "protocol": "TCP"}]);
        let named =
            json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http", "protocol": "TCP"}]});
        let pods = json!([pod("a", true), pod("bb", false)]);
        let both = json!([{"addresses": [address("a")], "notReadyAddresses": [address("bb")], "ports": ports}]);
        check(named, pods.clone(), both);
        let publishing = json!({"selector": {"app": "web"}, "publishNotReadyAddresses": true,
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}]});
        check(publishing, pods.clone(), json!([{"addresses": [address("a"), address("bb")], "ports": ports}]));
        check(json!({"selector": {"app": "other"}, "ports": [{"port": 80}]}), pods.clone(), Value::Null);
        let missing =
            json!({"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "grpc", "protocol": "TCP"}]});
        check(missing, pods, Value::Null);
    }
}
