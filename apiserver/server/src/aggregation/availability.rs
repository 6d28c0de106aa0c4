//! Whether an APIService is available: first by what the store says of its Service, then by asking its server. Reasons
//! and messages are upstream's.

use futures::FutureExt as _;
use futures::future::select_ok;
use http::StatusCode;
use kubernel_meta::Object;
use kubernel_store::{At, Store, StoreError};
use serde_json::Value;

use super::fetch;
use super::table::{ApiService, Backend};
use crate::{ApiServer, document};

/// How many questions are asked at once; one good answer is enough.
const QUESTIONS: usize = 5;
const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// The condition `Available`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// `True`, `False` or `Unknown`.
    pub(super) status: &'static str,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

impl Condition {
    fn no(reason: &'static str, message: String) -> Self {
        Self { status: "False", reason, message }
    }
}

/// Looks at the Service and its endpoints and asks the server.
pub(super) async fn check(server: &ApiServer, service: &ApiService, backend: &Backend) -> Condition {
    let known = match Known::read(&**server.store(), backend).await {
        Ok(known) => known,
        Err(error) => {
            let Backend { namespace, name, .. } = backend;
            let message = format!("service/{name} in {namespace:?} cannot be checked due to: {error}");
            return Condition { status: "Unknown", reason: "ServiceAccessError", message };
        }
    };
    if let Some(problem) = missing(&known, backend) {
        return problem;
    }
    let host = known.service.as_ref().map(|service| service.str_at(&["spec", "clusterIP"])).unwrap_or_default();
    match ask(server, service, backend, host).await {
        Ok(()) => Condition { status: "True", reason: "Passed", message: "all checks passed".to_owned() },
        Err(message) => Condition::no("FailedDiscoveryCheck", message),
    }
}

/// A Service and its EndpointSlices.
#[derive(Default)]
struct Known {
    service: Option<Object>,
    slices: Vec<Object>,
}

impl Known {
    async fn read(store: &dyn Store, Backend { namespace, name, .. }: &Backend) -> Result<Self, StoreError> {
        let key = format!("/registry/core/services/{namespace}/{name}");
        let service = store.snapshot(&key, At::Latest).await?.get(&key);
        let prefix = format!("/registry/discovery.k8s.io/endpointslices/{namespace}/");
        let slices = store.snapshot(&prefix, At::Latest).await?;
        let is_ours = |entry: &std::sync::Arc<kubernel_store::Entry>| {
            let labels = &entry.index.labels;
            labels.iter().any(|(key, value)| &**key == SERVICE_NAME && **value == **name)
        };
        let ours = slices.range(&prefix, "").filter(is_ours);
        Ok(Self {
            service: service.and_then(|entry| document::parse(&entry.json).ok()),
            slices: ours.filter_map(|entry| document::parse(&entry.json).ok()).collect(),
        })
    }
}

/// What is missing before a server can be asked.
fn missing(known: &Known, Backend { namespace, name, port, .. }: &Backend) -> Option<Condition> {
    let Some(service) = &known.service else {
        return Some(Condition::no("ServiceNotFound", format!("service/{name} in {namespace:?} is not present")));
    };
    if !matches!(service.str_at(&["spec", "type"]), "" | "ClusterIP") {
        return None;
    }
    let ports = service.list_at(&["spec", "ports"]);
    let Some(found) = ports.iter().find(|known| known["port"].as_u64() == Some(u64::from(*port))) else {
        let message = format!("service/{name} in {namespace:?} is not listening on port {port}");
        return Some(Condition::no("ServicePortError", message));
    };
    if known.slices.is_empty() {
        let message = format!("cannot find endpointslices for service/{name} in {namespace:?}");
        return Some(Condition::no("EndpointsNotFound", message));
    }
    let port_name = found["name"].as_str().unwrap_or_default();
    let is_ready = |endpoint: &Value| endpoint["conditions"]["ready"] != Value::Bool(false);
    let is_port = |port: &Value| port["name"].as_str().unwrap_or_default() == port_name && !port["port"].is_null();
    let serves = |slice: &Object| {
        slice.list_at(&["endpoints"]).iter().any(is_ready) && slice.list_at(&["ports"]).iter().any(is_port)
    };
    if known.slices.iter().any(serves) {
        return None;
    }
    let message =
        format!("endpointslices for service/{name} in {namespace:?} have no addresses with port name {port_name:?}");
    Some(Condition::no("MissingEndpoints", message))
}

/// Asks the server for the resources of the version; the error is upstream's text.
async fn ask(server: &ApiServer, service: &ApiService, backend: &Backend, host: &str) -> Result<(), String> {
    let host = match host {
        "" | "None" => format!("{}.{}.svc", backend.name, backend.namespace),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    let url = format!("https://{host}:{}{}", backend.port, service.path());
    let question = || {
        async {
            let failed = |text: String| format!("failing or missing response from {url}: {text}");
            let path = service.path();
            let answer = fetch::head(server, backend, &path).await;
            let code = answer.map_err(|text| failed(format!("Get {url:?}: {text}")))?;
            if code.is_success() {
                return Ok(());
            }
            Err(failed(format!("bad status from {url}: {}", StatusCode::as_u16(&code))))
        }
        .boxed()
    };
    select_ok((0..QUESTIONS).map(|_| question())).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reasons() {
        let backend = Backend { namespace: "n".into(), name: "s".into(), port: 443, trust: Err(String::new()) };
        let object = |value: Value| Object::from_value(value).unwrap();
        let service = |kind: &str, port: u16| {
            Some(object(json!({"spec": {"type": kind, "ports": [{"name": "https", "port": port}]}})))
        };
        let slice = |ready: Value, name: &str| {
            object(json!({
                "endpoints": [{"conditions": {"ready": ready}}], "ports": [{"name": name, "port": 8443}],
            }))
        };
        let rows = [
            (None, vec![], "ServiceNotFound", "service/s in \"n\" is not present"),
            (service("ClusterIP", 80), vec![], "ServicePortError", "service/s in \"n\" is not listening on port 443"),
            (
                service("ClusterIP", 443),
                vec![],
                "EndpointsNotFound",
                "cannot find endpointslices for service/s in \"n\"",
            ),
            (
                service("ClusterIP", 443),
                vec![slice(json!(false), "https"), slice(json!(true), "http")],
                "MissingEndpoints",
                "endpointslices for service/s in \"n\" have no addresses with port name \"https\"",
            ),
            (service("ClusterIP", 443), vec![slice(json!(true), "https")], "", ""),
            (service("ClusterIP", 443), vec![slice(Value::Null, "https")], "", ""),
            (service("ExternalName", 80), vec![], "", ""),
            (service("NodePort", 80), vec![], "", ""),
        ];
        for (service, slices, reason, message) in rows {
            let found = missing(&Known { service, slices }, &backend);
            let found = found.as_ref().map_or(("", ""), |found| (found.reason, &found.message));
            assert_eq!(found, (reason, message));
        }
    }
}
