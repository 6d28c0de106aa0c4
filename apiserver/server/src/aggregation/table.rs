//! The APIServices, read: which group and version goes where, and in which order discovery shows them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kubernel_kinds::custom::compare_versions;
use kubernel_meta::Object;
use serde_json::Value;

use crate::backend::{Origin, Trust};

/// Where a Service listens whose APIService does not say.
const PORT: u16 = 443;
/// Says who keeps an APIService: `onstart` the server when it starts, `true` the server always; else its owner.
pub(super) const MANAGED_LABEL: &str = "kube-aggregator.kubernetes.io/automanaged";

/// An APIService.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiService {
    /// `<version>.<group>`.
    pub(crate) name: String,
    /// The API group.
    pub(crate) group: String,
    /// The version.
    pub(crate) version: String,
    /// The place of the group and of the version in it: the greater, the earlier.
    pub(super) group_priority: i64,
    pub(super) version_priority: i64,
    /// Who serves it; `None` is this server.
    pub(super) backend: Option<Backend>,
    /// Whether its status says so.
    pub(super) available: bool,
    /// The value of [`MANAGED_LABEL`].
    pub(super) managed: String,
    pub(super) spec: Value,
}

/// Who serves an APIService.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) port: u16,
    /// Whom to believe, or why that cannot be said.
    pub(super) trust: Result<Trust, String>,
}

/// All APIServices.
#[derive(Debug, Default)]
pub(super) struct Table {
    all: BTreeMap<String, Arc<ApiService>>,
    /// Those with a Service, by their groups.
    remote: HashMap<String, Vec<Arc<ApiService>>>,
}

impl ApiService {
    pub(super) fn read(object: &Object) -> Self {
        let spec = |field: &str| object.str_at(&["spec", field]).to_owned();
        let number = |field: &str| object.at(&["spec", field]).and_then(Value::as_i64).unwrap_or_default();
        let conditions = object.list_at(&["status", "conditions"]);
        let backend = object.map_at(&["spec", "service"]).map(|_| {
            let of_service = |field: &str| object.str_at(&["spec", "service", field]).to_owned();
            let port = object.at(&["spec", "service", "port"]).and_then(Value::as_u64);
            Backend {
                namespace: of_service("namespace"),
                name: of_service("name"),
                port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(PORT),
                trust: trust(object),
            }
        });
        Self {
            name: object.name().to_owned(),
            group: spec("group"),
            version: spec("version"),
            group_priority: number("groupPriorityMinimum"),
            version_priority: number("versionPriority"),
            backend,
            available: conditions.iter().any(|known| known["type"] == "Available" && known["status"] == "True"),
            managed: object.labels().find(|(key, _)| *key == MANAGED_LABEL).map_or("", |(_, value)| value).to_owned(),
            spec: object.at(&["spec"]).cloned().unwrap_or_default(),
        }
    }

    /// The path of its version: `/apis/<group>/<version>`.
    pub(super) fn path(&self) -> String {
        match self.group.as_str() {
            "" => format!("/api/{}", self.version),
            group => format!("/apis/{group}/{}", self.version),
        }
    }

    /// `<group>/<version>`.
    pub(super) fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }
}

impl Backend {
    /// Its server, for requests in the names of users.
    pub(super) fn origin(&self) -> Result<Origin, String> {
        let trust = self.trust.clone()?;
        Ok(Origin { as_front_proxy: true, ..Origin::service(&self.namespace, &self.name, self.port, trust) })
    }

    /// Its server, for questions of this server's own, whose answers no user takes for anybody else's.
    pub(super) fn any_origin(&self) -> Origin {
        Origin { as_front_proxy: true, ..Origin::service(&self.namespace, &self.name, self.port, Trust::Any) }
    }
}

fn trust(object: &Object) -> Result<Trust, String> {
    if object.at(&["spec", "insecureSkipTLSVerify"]) == Some(&Value::Bool(true)) {
        return Ok(Trust::Any);
    }
    match object.str_at(&["spec", "caBundle"]) {
        "" => Ok(Trust::System),
        text => {
            let pem = STANDARD.decode(text).map_err(|error| error.to_string())?;
            Ok(Trust::Bundle(String::from_utf8_lossy(&pem).into_owned()))
        }
    }
}

impl Table {
    pub(super) fn new(services: impl IntoIterator<Item = ApiService>) -> Self {
        let all: BTreeMap<String, Arc<ApiService>> =
            services.into_iter().map(|service| (service.name.clone(), Arc::new(service))).collect();
        let mut remote: HashMap<String, Vec<Arc<ApiService>>> = HashMap::new();
        for service in all.values().filter(|service| service.backend.is_some()) {
            remote.entry(service.group.clone()).or_default().push(service.clone());
        }
        Self { all, remote }
    }

    /// The APIService with a Service that this path is below.
    pub(super) fn find(&self, path: &str) -> Option<&Arc<ApiService>> {
        if self.remote.is_empty() {
            return None;
        }
        let mut words = path.strip_prefix('/')?.splitn(4, '/');
        let (group, version) = match words.next()? {
            "api" => ("", words.next()?),
            "apis" => (words.next()?, words.next()?),
            _ => return None,
        };
        self.remote.get(group)?.iter().find(|service| service.version == version)
    }

    /// Those with a Service.
    pub(super) fn remote(&self) -> impl Iterator<Item = &Arc<ApiService>> {
        self.all.values().filter(|service| service.backend.is_some())
    }

    /// Whether any has a Service.
    pub(super) fn has_remote(&self) -> bool {
        !self.remote.is_empty()
    }

    /// The APIService of this name.
    pub(super) fn get(&self, name: &str) -> Option<&Arc<ApiService>> {
        self.all.get(name)
    }

    /// All, by their names.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<ApiService>> {
        self.all.values()
    }

    /// The place of a group: the greatest that an APIService of it asks for, or `otherwise`.
    pub(super) fn group_priority(&self, group: &str, otherwise: i64) -> i64 {
        let of_group = self.all.values().filter(|service| service.group == group);
        of_group.map(|service| service.group_priority).max().unwrap_or(otherwise)
    }
}

/// What to sort the versions of a group by.
#[derive(PartialEq, Eq)]
pub(super) struct VersionOrder(Reverse<i64>, String);

impl VersionOrder {
    pub(super) fn new(priority: i64, version: &str) -> Self {
        Self(Reverse(priority), version.to_owned())
    }
}

impl Ord for VersionOrder {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0).then_with(|| compare_versions(&other.1, &self.1))
    }
}

impl PartialOrd for VersionOrder {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn service(group: &str, version: &str, backend: bool) -> ApiService {
        let mut spec = json!({"group": group, "version": version, "groupPriorityMinimum": 100, "versionPriority": 10});
        if backend {
            spec["service"] = json!({"namespace": "n", "name": "s"});
        }
        let object = json!({"metadata": {"name": format!("{version}.{group}")}, "spec": spec});
        ApiService::read(&Object::from_value(object).unwrap())
    }

    #[test]
    fn paths() {
        let table = Table::new([
            service("a.io", "v1", true),
            service("a.io", "v2", false),
            service("b.io", "v1", false),
            service("", "v1", false),
        ]);
        for (path, wanted) in [
            ("/apis/a.io/v1", "v1.a.io"),
            ("/apis/a.io/v1/", "v1.a.io"),
            ("/apis/a.io/v1/namespaces/n/things/x/sub", "v1.a.io"),
            ("/apis/a.io", ""),
            ("/apis/a.io/v2/things", ""),
            ("/apis/a.io/v11/things", ""),
            ("/apis/b.io/v1/things", ""),
            ("/api/v1/pods", ""),
            ("/version", ""),
            ("//apis/a.io/v1", ""),
        ] {
            assert_eq!(table.find(path).map_or("", |service| &service.name), wanted, "{path}");
        }
    }

    #[test]
    fn versions_by_priority_then_by_name() {
        let mut all = [(10, "v1"), (100, "v1beta1"), (10, "v2"), (10, "v2alpha1"), (10, "v10")];
        all.sort_by_key(|(priority, version)| VersionOrder::new(*priority, version));
        assert_eq!(all.map(|(_, version)| version), ["v1beta1", "v10", "v2", "v1", "v2alpha1"]);
    }
}
