//! The endpoints of a Service: what a request to it is sent to. The server may run on a machine where ClusterIPs lead
//! nowhere, so endpoints are dialed directly (upstream's `--enable-aggregator-routing`).

use kubernel_meta::{ApiError, Gvr, Object, Reason};
use kubernel_store::{At, Entry, Store};
use rand::seq::SliceRandom as _;
use serde_json::Value;

use super::Address;

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Where requests to a port of a Service may go, in random order and never empty; 404 and 503 with upstream's texts.
pub(crate) async fn addresses(
    store: &dyn Store,
    namespace: &str,
    name: &str,
    port: u16,
) -> Result<Vec<Address>, ApiError> {
    let service = get(store, &format!("/registry/core/services/{namespace}/{name}"))
        .await?
        // Upstream's lister calls the resource so.
        .ok_or_else(|| ApiError::not_found(&Gvr::new("", "v1", "service"), name))?;
    if service.str_at(&["spec", "type"]) == "ExternalName" {
        return Ok(vec![Address { host: service.str_at(&["spec", "externalName"]).to_owned(), port }]);
    }
    let port_name = find_port(&service, name, port)?;
    let mut found = of_slices(store, namespace, name, &port_name).await?;
    if found.is_empty() {
        let endpoints = get(store, &format!("/registry/core/endpoints/{namespace}/{name}")).await?;
        found = endpoints.map(|endpoints| of_endpoints(&endpoints, &port_name)).unwrap_or_default();
    }
    if found.is_empty() {
        return Err(unavailable(format!("no endpoints available for service {name:?}")));
    }
    found.shuffle(&mut rand::rng());
    Ok(found)
}

/// The name by which endpoints know the port.
fn find_port(service: &Object, name: &str, port: u16) -> Result<String, ApiError> {
    let known = service.list_at(&["spec", "ports"]).iter().find(|known| known["port"].as_u64() == Some(port.into()));
    let found = known.map(|known| known["name"].as_str().unwrap_or_default().to_owned());
    found.ok_or_else(|| unavailable(format!("no service port {port} found for service {name:?}")))
}

async fn of_slices(store: &dyn Store, namespace: &str, name: &str, port: &str) -> Result<Vec<Address>, ApiError> {
    let prefix = format!("/registry/discovery.k8s.io/endpointslices/{namespace}/");
    let snapshot = store.snapshot(&prefix, At::Latest).await.map_err(ApiError::internal)?;
    let is_ours = |entry: &std::sync::Arc<Entry>| {
        entry.index.labels.iter().any(|(key, value)| &**key == SERVICE_NAME && &**value == name)
    };
    let mut found = Vec::new();
    for slice in snapshot.range(&prefix, "").filter(is_ours).filter_map(|entry| parse(&entry)) {
        let known = slice.list_at(&["ports"]).iter().find(|known| known["name"].as_str().unwrap_or_default() == port);
        let Some(port) = known.and_then(number) else { continue };
        let ready = |endpoint: &&Value| endpoint["conditions"]["ready"].as_bool().unwrap_or(true);
        for endpoint in slice.list_at(&["endpoints"]).iter().filter(ready) {
            let address = endpoint["addresses"].as_array().and_then(|addresses| addresses.first()?.as_str());
            found.extend(address.map(|host| Address { host: host.to_owned(), port }));
        }
    }
    Ok(found)
}

fn of_endpoints(endpoints: &Object, port: &str) -> Vec<Address> {
    let mut found = Vec::new();
    for subset in endpoints.list_at(&["subsets"]) {
        let list = |field: &str| subset[field].as_array().map_or(&[][..], Vec::as_slice);
        let known = list("ports").iter().find(|known| known["name"].as_str().unwrap_or_default() == port);
        let Some(port) = known.and_then(number) else { continue };
        let hosts = list("addresses").iter().filter_map(|address| address["ip"].as_str());
        found.extend(hosts.map(|host| Address { host: host.to_owned(), port }));
    }
    found
}

fn number(port: &Value) -> Option<u16> {
    u16::try_from(port["port"].as_u64()?).ok()
}

async fn get(store: &dyn Store, key: &str) -> Result<Option<Object>, ApiError> {
    let snapshot = store.snapshot(key, At::Latest).await.map_err(ApiError::internal)?;
    Ok(snapshot.get(key).and_then(|entry| parse(&entry)))
}

fn parse(entry: &Entry) -> Option<Object> {
    serde_json::from_slice(&entry.json).ok().map(Object::new)
}

fn unavailable(message: String) -> ApiError {
    ApiError::new(503, Reason::ServiceUnavailable, message)
}
