//! Discovery documents with the groups and versions of other servers in them, in the order that APIServices ask for.
//! What this server says of itself keeps its own order; a version that another server serves takes the place of its own.

use std::cmp::Reverse;
use std::sync::Arc;

use serde_json::{Value, json};

use super::table::{Table, VersionOrder};
use super::{Aggregation, ApiService, Merged};
use crate::discovery::Hashed;
use crate::resources::Resources;

/// The place of a group that is always here and of which there is no APIService: before all others.
const FIRST: i64 = i64::MAX;
const OWN_GROUP: &str = "apiregistration.k8s.io";
/// The place of a group and a version without an APIService: that of custom resources.
const GROUP_PRIORITY: i64 = 1000;
const VERSION_PRIORITY: i64 = 100;

/// A group's versions, each with what a document says of it.
type Group = (String, Vec<(String, Value)>);

impl Aggregation {
    /// The aggregated document with other servers' versions in it; `None` where there are none.
    pub(crate) fn aggregated(&self, resources: &Arc<Resources>, own: &Hashed) -> Option<Arc<Hashed>> {
        let table = self.table();
        if !table.has_remote() {
            return None;
        }
        let generation = self.generation();
        let mut merged = self.merged.lock();
        if let Some(known) = &*merged
            && known.generation == generation
            && Arc::ptr_eq(&known.resources, resources)
        {
            return Some(known.document.clone());
        }
        let document = Arc::new(self.merge_aggregated(&table, own)?);
        *merged = Some(Merged { resources: resources.clone(), generation, document: document.clone() });
        Some(document)
    }

    fn merge_aggregated(&self, table: &Table, own: &Hashed) -> Option<Hashed> {
        let mut list: Value = serde_json::from_slice(&own.json).ok()?;
        let own: Vec<Group> = list["items"].as_array()?.iter().map(group_of_item).collect();
        let of = |service: &ApiService| match self.remote(&service.name) {
            Some(remote) => remote.discovery.clone(),
            None => json!({ "version": service.version, "freshness": "Stale" }),
        };
        let items = merge(table, own, of).into_iter().map(|(name, versions)| {
            let versions: Vec<Value> = versions.into_iter().map(|(_, entry)| entry).collect();
            json!({ "metadata": { "name": name }, "versions": versions })
        });
        list["items"] = items.collect();
        Some(Hashed::new(&list))
    }

    /// An `APIGroupList` with other servers' groups and versions in it.
    pub(crate) fn groups(&self, mut own: Value) -> Value {
        let table = self.table();
        if table.has_remote() {
            let groups: Vec<Group> = own["groups"].as_array().into_iter().flatten().map(group_of_entry).collect();
            own["groups"] = merge(&table, groups, entry).into_iter().map(|group| described(&group)).collect();
        }
        own
    }

    /// An `APIGroup` with other servers' versions in it; `None` where nobody serves the group.
    pub(crate) fn group(&self, name: &str, own: Option<Value>) -> Option<Value> {
        let table = self.table();
        if !table.remote().any(|service| service.group == name) {
            return own;
        }
        let own: Vec<Group> = own.iter().map(group_of_entry).collect();
        let group = merge(&table, own, entry).into_iter().find(|(group, _)| group == name)?;
        let mut found = described(&group);
        found["kind"] = json!("APIGroup");
        found["apiVersion"] = json!("v1");
        Some(found)
    }

    /// The paths of the groups and versions of other servers.
    pub(crate) fn paths(&self) -> Vec<String> {
        let table = self.table();
        let of = |service: &Arc<ApiService>| {
            let path = service.path();
            let group = path.rsplit_once('/').map(|(group, _)| group.to_owned());
            group.into_iter().chain([path])
        };
        table.remote().flat_map(of).collect()
    }
}

/// This server's groups and those of the table's other servers, in order.
fn merge(table: &Table, own: Vec<Group>, entry: impl Fn(&ApiService) -> Value) -> Vec<Group> {
    let mut groups = own;
    for service in table.remote().filter(|service| !service.group.is_empty()) {
        let at = groups.iter().position(|(name, _)| *name == service.group).unwrap_or_else(|| {
            groups.push((service.group.clone(), Vec::new()));
            groups.len() - 1
        });
        let versions = &mut groups[at].1;
        versions.retain(|(version, _)| *version != service.version);
        versions.push((service.version.clone(), entry(service)));
        versions.sort_by_key(|(version, _)| {
            let known = table.get(&format!("{version}.{}", service.group));
            VersionOrder::new(known.map_or(VERSION_PRIORITY, |known| known.version_priority), version)
        });
    }
    let place = |name: &str| match name {
        OWN_GROUP => FIRST,
        name => table.group_priority(name, GROUP_PRIORITY),
    };
    groups.sort_by_key(|(name, _)| (Reverse(place(name)), name.clone()));
    groups
}

fn group_of_item(item: &Value) -> Group {
    let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    (name, versions_of(item))
}

fn group_of_entry(group: &Value) -> Group {
    (group["name"].as_str().unwrap_or_default().to_owned(), versions_of(group))
}

fn versions_of(group: &Value) -> Vec<(String, Value)> {
    let versions = group["versions"].as_array().into_iter().flatten();
    versions.map(|entry| (entry["version"].as_str().unwrap_or_default().to_owned(), entry.clone())).collect()
}

fn entry(service: &ApiService) -> Value {
    json!({ "groupVersion": service.group_version(), "version": service.version })
}

fn described((name, versions): &Group) -> Value {
    let versions: Vec<&Value> = versions.iter().map(|(_, entry)| entry).collect();
    json!({ "name": name, "versions": versions, "preferredVersion": versions.first() })
}

#[cfg(test)]
mod tests {
    use kubernel_meta::Object;

    use super::*;

    /// `group version group-priority version-priority`, and whether another server serves it.
    fn table(rows: &[(&str, &str, i64, i64, bool)]) -> Table {
        Table::new(rows.iter().map(|(group, version, of_group, of_version, remote)| {
            let mut spec = json!({
                "group": group, "version": version, "groupPriorityMinimum": of_group, "versionPriority": of_version,
            });
            if *remote {
                spec["service"] = json!({"namespace": "n", "name": "s"});
            }
            let object = json!({"metadata": {"name": format!("{version}.{group}")}, "spec": spec});
            ApiService::read(&Object::from_value(object).unwrap())
        }))
    }

    #[test]
    fn order() {
        let own = |groups: &[(&str, &[&str])]| -> Vec<Group> {
            let version = |version: &&str| ((*version).to_owned(), json!("own"));
            groups.iter().map(|(name, all)| ((*name).to_owned(), all.iter().map(version).collect())).collect()
        };
        let rows = [
            ("apps", "v1", 17_800, 15, false),
            ("batch", "v1", 17_400, 15, false),
            ("custom.io", "v1", 1000, 100, false),
            ("a.io", "v1", 1000, 10, true),
            ("a.io", "v2", 1000, 10, true),
            ("early.io", "v1", 17_500, 10, true),
            ("late.io", "v1", 100, 10, true),
            ("custom.io", "v2", 1000, 200, true),
            ("batch", "v1", 17_400, 15, true),
        ];
        let groups =
            own(&[("apiregistration.k8s.io", &["v1"]), ("apps", &["v1"]), ("batch", &["v1"]), ("custom.io", &["v1"])]);
        let merged: Vec<String> = merge(&table(&rows), groups, |_| json!("remote"))
            .into_iter()
            .flat_map(|(name, versions)| {
                versions.into_iter().map(move |(version, from)| format!("{name}/{version} {}", from.as_str().unwrap()))
            })
            .collect();
        let wanted = [
            "apiregistration.k8s.io/v1 own",
            "apps/v1 own",
            "early.io/v1 remote",
            "batch/v1 remote",
            "a.io/v2 remote",
            "a.io/v1 remote",
            "custom.io/v2 remote",
            "custom.io/v1 own",
            "late.io/v1 remote",
        ];
        assert_eq!(merged, wanted);
    }

    #[test]
    fn nothing_changes_where_nobody_else_serves() {
        let aggregation = Aggregation::default();
        aggregation.set_table(table(&[("apps", "v1", 1, 1, false)]));
        let own = json!({"groups": [{"name": "z"}, {"name": "apps"}]});
        assert_eq!(aggregation.groups(own.clone()), own);
        assert_eq!(aggregation.group("z", None), None);
    }
}
