//! Where a proxied node, Pod or Service is: from `name`, `name:port` or `scheme:name:port` to an address. An address that
//! a client could have made up is not dialed: loopback and link-local ones, and endpoints that are no Pod's.

use std::net::IpAddr;
use std::sync::Arc;

use kubernel_meta::{ApiError, Gvr, Object, Reason};
use kubernel_store::{At, Entry};
use rand::seq::SliceRandom as _;
use serde_json::Value;

use crate::backend::Address;
use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::verbs::{get, store_error};

use super::kubelet::{self, Backend, Tls};

const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// A name with what may stand around it.
#[derive(Debug, PartialEq, Eq)]
struct Name<'a> {
    encrypted: bool,
    name: &'a str,
    /// A number or a name; may be empty.
    port: &'a str,
}

impl<'a> Name<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let words: Vec<&str> = text.split(':').collect();
        let (scheme, name, port) = match words.as_slice() {
            [name] => ("", *name, ""),
            [name, port] => ("", *name, *port),
            [scheme, name, port] => (*scheme, *name, *port),
            _ => return None,
        };
        let is_known = matches!(scheme, "" | "http" | "https");
        (is_known && !name.is_empty()).then_some(Self { encrypted: scheme == "https", name, port })
    }

    fn tls(&self) -> Tls {
        if self.encrypted { Tls::Any } else { Tls::None }
    }

    /// The port that a URL of the scheme has.
    fn default_port(&self) -> u16 {
        if self.encrypted { 443 } else { 80 }
    }
}

fn read<'a>(context: &'a Context, what: &str) -> Result<Name<'a>, ApiError> {
    let text = context.info.name.as_str();
    Name::parse(text).ok_or_else(|| ApiError::bad_request(format!("invalid {what} request {text:?}")))
}

/// A node's kubelet, or another port of the node.
pub(super) async fn node(context: &Context) -> Result<Backend, ApiError> {
    let name = read(context, "node")?;
    let kubelet = kubelet::of_node(context, name.name).await?;
    if name.port.is_empty() || name.port == kubelet.address.port.to_string() {
        return Ok(kubelet);
    }
    let allowed = tokio::net::lookup_host((kubelet.address.host.as_str(), 0)).await;
    let allowed = allowed.map_err(|_| ApiError::bad_request("no addresses for hostname"))?;
    if !allowed.map(|address| address.ip()).all(is_global) {
        return Err(ApiError::bad_request("address not allowed"));
    }
    let address = Address { host: kubelet.address.host, port: number(name.port)? };
    Ok(Backend { address, tls: name.tls() })
}

/// A port of a Pod: the first that it names, where the client does not.
pub(super) async fn pod(context: &Context, pods: &Arc<Resource>) -> Result<Backend, ApiError> {
    let name = read(context, "pod")?;
    let entry = get::entry(context, pods, &context.info.namespace, name.name, At::Latest).await?;
    let pod = document::decode(pods, &entry)?;
    let host = pod_ips(&pod).next().unwrap_or_default().to_owned();
    if !host.parse().is_ok_and(is_global) {
        return Err(ApiError::bad_request("address not allowed"));
    }
    let of_container = |container: &Value| container["ports"].as_array().and_then(|ports| ports.first().cloned());
    let first = pod.list_at(&["spec", "containers"]).iter().find_map(of_container);
    let first = first.and_then(|port| u16::try_from(port["containerPort"].as_u64()?).ok());
    let port = match (name.port, first) {
        ("", Some(port)) => port,
        ("", None) => name.default_port(),
        (text, _) => number(text)?,
    };
    Ok(Backend { address: Address { host, port }, tls: name.tls() })
}

/// An endpoint of a Service that is a Pod of its namespace.
pub(super) async fn service(context: &Context) -> Result<Backend, ApiError> {
    let name = read(context, "service")?;
    let namespace = context.info.namespace.as_str();
    let port_name = match name.port.parse::<u64>() {
        Ok(number) => named_port(context, name.name, number).await?,
        Err(_) => name.port.to_owned(),
    };
    let nobody = |whom: &str| {
        ApiError::new(503, Reason::ServiceUnavailable, format!("no endpoints available for service {whom:?}"))
    };
    let mut candidates = endpoints(context, namespace, name.name).await?;
    if candidates.is_empty() {
        return Err(nobody(name.name));
    }
    candidates.retain(|candidate| candidate.port_name == port_name);
    candidates.shuffle(&mut rand::rng());
    for candidate in candidates {
        if is_own_pod(context, namespace, &candidate).await? {
            return Ok(Backend { address: candidate.address, tls: name.tls() });
        }
    }
    Err(nobody(&context.info.name))
}

/// The name of a Service's port.
async fn named_port(context: &Context, service: &str, number: u64) -> Result<String, ApiError> {
    let services = context.resources.find("", "v1", "services").ok_or_else(ApiError::unknown_resource)?;
    let entry = get::entry(context, services, &context.info.namespace, service, At::Latest).await?;
    let object = document::decode(services, &entry)?;
    let known = object.list_at(&["spec", "ports"]).iter().find(|known| known["port"].as_u64() == Some(number));
    let name = known.map(|known| known["name"].as_str().unwrap_or_default().to_owned());
    name.ok_or_else(|| {
        let message = format!("no service port {number} found for service {service:?}");
        ApiError::new(503, Reason::ServiceUnavailable, message)
    })
}

/// An address that a Service may be reached at, and whose it is said to be.
struct Candidate {
    address: Address,
    port_name: String,
    target: Value,
}

/// The ready endpoints of a Service, of its Endpoints or, where there are none, of its EndpointSlices; 404 where there is
/// neither.
async fn endpoints(context: &Context, namespace: &str, name: &str) -> Result<Vec<Candidate>, ApiError> {
    let store = context.server.store();
    let key = format!("/registry/core/endpoints/{namespace}/{name}");
    if let Some(entry) = store.snapshot(&key, At::Latest).await.map_err(store_error)?.get(&key) {
        let object = document::parse(&entry.json)?;
        let subsets = object.list_at(&["subsets"]).iter();
        return Ok(subsets.flat_map(|subset| pairs(&subset["addresses"], &subset["ports"], "ip")).collect());
    }
    let prefix = format!("/registry/discovery.k8s.io/endpointslices/{namespace}/");
    let snapshot = store.snapshot(&prefix, At::Latest).await.map_err(store_error)?;
    let is_ours =
        |entry: &Arc<Entry>| entry.index.labels.iter().any(|(key, value)| &**key == SERVICE_NAME && &**value == name);
    let (mut found, mut any) = (Vec::new(), false);
    for entry in snapshot.range(&prefix, "").filter(is_ours) {
        any = true;
        let slice = document::parse(&entry.json)?;
        let ready = slice.list_at(&["endpoints"]).iter().filter(|known| known["conditions"]["ready"] != false);
        let ready: Vec<Value> = ready.cloned().collect();
        let ports = slice.at(&["ports"]).cloned().unwrap_or_default();
        found.extend(pairs(&Value::Array(ready), &ports, "addresses"));
    }
    if any { Ok(found) } else { Err(ApiError::not_found(&Gvr::new("", "v1", "endpoints"), name)) }
}

/// Each address with each port; `field` is where the address is.
fn pairs(addresses: &Value, ports: &Value, field: &str) -> Vec<Candidate> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut found = Vec::new();
    for (from, port) in list(addresses).iter().flat_map(|from| list(ports).into_iter().map(move |port| (from, port))) {
        let host = from[field].as_str().or_else(|| from[field][0].as_str());
        let number = port["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let (Some(host), Some(number)) = (host, number) else { continue };
        found.push(Candidate {
            address: Address { host: host.to_owned(), port: number },
            port_name: port["name"].as_str().unwrap_or_default().to_owned(),
            target: from["targetRef"].clone(),
        });
    }
    found
}

/// Whether an endpoint is what it is said to be: a Pod of this namespace with this address.
async fn is_own_pod(context: &Context, namespace: &str, candidate: &Candidate) -> Result<bool, ApiError> {
    let text = |field: &str| candidate.target[field].as_str().unwrap_or_default();
    if text("name").is_empty() || text("namespace") != namespace {
        return Ok(false);
    }
    let key = format!("/registry/core/pods/{namespace}/{}", text("name"));
    let snapshot = context.server.store().snapshot(&key, At::Latest).await.map_err(store_error)?;
    let Some(entry) = snapshot.get(&key) else { return Ok(false) };
    let pod = document::parse(&entry.json)?;
    Ok(pod_ips(&pod).any(|ip| ip == candidate.address.host))
}

fn pod_ips(pod: &Object) -> impl Iterator<Item = &str> {
    pod.list_at(&["status", "podIPs"]).iter().filter_map(|known| known["ip"].as_str())
}

fn number(port: &str) -> Result<u16, ApiError> {
    port.parse().map_err(|_| {
        let message = format!("error trying to reach service: dial tcp: lookup tcp/{port}: unknown port");
        ApiError::new(503, Reason::ServiceUnavailable, message)
    })
}

/// Go's `IsGlobalUnicast`.
fn is_global(ip: IpAddr) -> bool {
    let is_link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, wanted) in [
            ("a", Some((false, "a", ""))),
            ("a:80", Some((false, "a", "80"))),
            ("a:web", Some((false, "a", "web"))),
            ("http:a:80", Some((false, "a", "80"))),
            ("https:a:", Some((true, "a", ""))),
            (":a:80", Some((false, "a", "80"))),
            ("ftp:a:80", None),
            ("http::80", None),
            ("a:b:c:d", None),
            (":80", None),
        ] {
            let found = Name::parse(text);
            assert_eq!(found.as_ref().map(|name| (name.encrypted, name.name, name.port)), wanted, "{text}");
        }
    }

    #[test]
    fn addresses() {
        for (ip, wanted) in [
            ("10.0.0.1", true),
            ("8.8.8.8", true),
            ("fd00::1", true),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("224.0.0.1", false),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("::1", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_global(ip.parse().unwrap()), wanted, "{ip}");
        }
    }
}
