//! `internal.apiserver.k8s.io/v1alpha1` StorageVersion: in which version each API server encodes a resource.

use jiff::Timestamp;
use kubernel_meta::{Object, validation};
use serde_json::{Value, json};

use crate::descriptor::kind;
use crate::tree::text;
use crate::{Kind, Strategy, print};

kind! {
    /// The descriptor of StorageVersion.
    pub static KIND = "internal.apiserver.k8s.io", "v1alpha1", "StorageVersion";
    names: "storageversions", "storageversion", short [], categories [];
    definition: "io.k8s.api.apiserverinternal.v1alpha1.StorageVersion";
    namespaced: false, source: Store, hash: "c8YZt5U0nPk=";
    verbs: ALL;
    subresources: [
        "status": STATUS,
    ];
    columns: [
        "Name" name, "CommonEncodingVersion" string, "StorageVersions" string, "Age" string,
    ];
    strategy: StorageVersionStrategy;
}

/// What only StorageVersions know.
#[derive(Debug)]
pub struct StorageVersionStrategy;

impl Strategy for StorageVersionStrategy {
    fn status_keeps_metadata(&self) -> bool {
        true
    }

    fn allow_unconditional_update(&self) -> bool {
        false
    }

    /// None: upstream names none.
    fn reset_fields(&self, _kind: &Kind, _subresource: &str) -> Vec<Vec<&'static str>> {
        Vec::new()
    }

    fn validate_name(&self, name: &str, _prefix: bool) -> Vec<String> {
        // A group and a resource, which is no subdomain where a resource stands alone.
        validation::path_segment_name(name)
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        let servers = object.list_at(&["status", "storageVersions"]);
        let versions: Vec<String> = servers
            .iter()
            .map(|server| format!("{}={}", text(server, "apiServerID"), text(server, "encodingVersion")))
            .collect();
        let common = object.str_at(&["status", "commonEncodingVersion"]);
        let common = if common.is_empty() { "<unset>" } else { common };
        vec![json!(object.name()), json!(common), json!(versions.join(",")), json!(print::age(object, now))]
    }
}
