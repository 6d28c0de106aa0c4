//! The services of the cluster, for the environment of containers.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt as _;
use kube::Client;
use kube::api::{Api, DynamicObject};
use kube::runtime::{WatchStreamExt as _, watcher};
use parking_lot::RwLock;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::objects::{resource, tree};

/// Which services there are, by namespace and name.
#[derive(Clone, Default)]
pub(crate) struct Services(Arc<RwLock<BTreeMap<(String, String), Value>>>);

impl Services {
    /// Follows the API until `shutdown`.
    pub(crate) fn follow(client: Client, shutdown: CancellationToken) -> Self {
        let services = Self::default();
        let kept = services.clone();
        tokio::spawn(async move {
            let api: Api<DynamicObject> = Api::all_with(client, &resource("", "v1", "Service", "services"));
            let events = watcher(api, watcher::Config::default()).default_backoff();
            let mut events = pin!(events.take_until(shutdown.cancelled_owned()));
            let mut fresh = BTreeMap::new();
            while let Some(event) = events.next().await {
                match event {
                    Ok(watcher::Event::Init) => fresh.clear(),
                    Ok(watcher::Event::InitApply(object)) => {
                        fresh.insert(key(&object), tree(object));
                    }
                    Ok(watcher::Event::InitDone) => *kept.0.write() = std::mem::take(&mut fresh),
                    Ok(watcher::Event::Apply(object)) => {
                        kept.0.write().insert(key(&object), tree(object));
                    }
                    Ok(watcher::Event::Delete(object)) => {
                        kept.0.write().remove(&key(&object));
                    }
                    Err(error) => tracing::debug!(%error, "watching services"),
                }
            }
        });
        services
    }

    /// The variables of a Pod in `namespace`: always the API server's, with `links` also its own namespace's.
    pub(crate) fn variables(&self, namespace: &str, links: bool) -> Vec<(String, String)> {
        let services = self.0.read();
        let mut out = Vec::new();
        let master = ("default".to_owned(), "kubernetes".to_owned());
        if let Some(service) = services.get(&master) {
            of_service("kubernetes", service, &mut out);
        }
        if links {
            let first = (namespace.to_owned(), String::new());
            let own = services.range(first..).take_while(|((space, _), _)| space == namespace);
            for (key, service) in own.filter(|(key, _)| **key != master) {
                of_service(&key.1, service, &mut out);
            }
        }
        out
    }
}

fn key(object: &DynamicObject) -> (String, String) {
    let meta = &object.metadata;
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

fn of_service(name: &str, service: &Value, out: &mut Vec<(String, String)>) {
    let spec = &service["spec"];
    let Some(ip) = spec["clusterIP"].as_str().filter(|ip| !ip.is_empty() && *ip != "None") else { return };
    let shown = if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() };
    let prefix = variable(name);
    let ports: Vec<&Value> = spec["ports"].as_array().into_iter().flatten().collect();
    let Some(first) = ports.first() else { return };
    out.push((format!("{prefix}_SERVICE_HOST"), ip.to_owned()));
    out.push((format!("{prefix}_SERVICE_PORT"), first["port"].to_string()));
    for port in &ports {
        if let Some(name) = port["name"].as_str().filter(|name| !name.is_empty()) {
            out.push((format!("{prefix}_SERVICE_PORT_{}", variable(name)), port["port"].to_string()));
        }
    }
    for (index, port) in ports.iter().enumerate() {
        let protocol = port["protocol"].as_str().unwrap_or("TCP");
        let number = &port["port"];
        let url = format!("{}://{shown}:{number}", protocol.to_lowercase());
        if index == 0 {
            out.push((format!("{prefix}_PORT"), url.clone()));
        }
        let long = format!("{prefix}_PORT_{number}_{protocol}");
        out.push((long.clone(), url));
        out.push((format!("{long}_PROTO"), protocol.to_lowercase()));
        out.push((format!("{long}_PORT"), number.to_string()));
        out.push((format!("{long}_ADDR"), ip.to_owned()));
    }
}

fn variable(name: &str) -> String {
    name.to_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables() {
        let services = Services::default();
        let put = |space: &str, name: &str, spec: Value| {
            services.0.write().insert((space.into(), name.into()), json!({"spec": spec}));
        };
        let port = json!([{"name": "web-ui", "port": 80, "protocol": "TCP"}]);
        put("default", "kubernetes", json!({"clusterIP": "10.96.0.1", "ports": [{"port": 443, "protocol": "TCP"}]}));
        put("shop", "my-web", json!({"clusterIP": "10.96.0.7", "ports": port}));
        put("shop", "headless", json!({"clusterIP": "None", "ports": port}));
        put("other", "far", json!({"clusterIP": "10.96.0.8", "ports": port}));
        let found: BTreeMap<_, _> = services.variables("shop", true).into_iter().collect();
        for (name, value) in [
            ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
            ("KUBERNETES_SERVICE_PORT", "443"),
            ("KUBERNETES_PORT", "tcp://10.96.0.1:443"),
            ("MY_WEB_SERVICE_HOST", "10.96.0.7"),
            ("MY_WEB_SERVICE_PORT_WEB_UI", "80"),
            ("MY_WEB_PORT_80_TCP_ADDR", "10.96.0.7"),
            ("MY_WEB_PORT_80_TCP_PROTO", "tcp"),
        ] {
            assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
        }
        assert!(!found.keys().any(|name| name.starts_with("FAR") || name.starts_with("HEADLESS")));
        assert!(services.variables("shop", false).iter().all(|(name, _)| name.starts_with("KUBERNETES_")));
    }
}
