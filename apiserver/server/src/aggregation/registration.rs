//! The APIServices of custom resources: written where a group and version comes to be served, deleted with the last
//! resource of it (upstream's autoregister controller). An APIService that somebody else has written stays theirs.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::Service as _;

use super::table::{MANAGED_LABEL, Table};
use super::{MANAGER, USER};
use crate::resources::Resources;
use crate::{ApiServer, User};

/// What custom resources ask for: to be late, and sorted by their versions' names.
const GROUP_PRIORITY: i64 = 1000;
const VERSION_PRIORITY: i64 = 100;
/// The value of the label of what this server always keeps.
const ALWAYS: &str = "true";
const COLLECTION: &str = "/apis/apiregistration.k8s.io/v1/apiservices";
/// How often it is looked whether somebody has changed or deleted one.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// Keeps the APIServices of custom resources until the server stops.
pub(super) async fn run(server: ApiServer) {
    let stop = server.shutdown_token();
    let mut changed = server.aggregation().resources_changed.subscribe();
    loop {
        changed.mark_unchanged();
        for step in steps(&server.resources(), &server.aggregation().table()) {
            if let Err(problem) = step.take(&server).await {
                tracing::debug!(?step, problem, "an APIService stays as it is");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            changed = changed.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// What is to be done to one APIService.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Create { name: String, spec: Value },
    Mend { name: String, spec: Value },
    Delete { name: String },
}

fn steps(resources: &Resources, table: &Table) -> Vec<Step> {
    let custom = resources.iter().filter(|resource| resource.custom.is_some());
    let served: BTreeSet<(&str, &str)> =
        custom.map(|resource| (resource.gvr.group.as_str(), resource.gvr.version.as_str())).collect();
    of_versions(&served, table)
}

fn of_versions(served: &BTreeSet<(&str, &str)>, table: &Table) -> Vec<Step> {
    let wanted = served.iter().filter_map(|(group, version)| {
        let name = format!("{version}.{group}");
        let spec = json!({
            "group": group, "version": version,
            "groupPriorityMinimum": GROUP_PRIORITY, "versionPriority": VERSION_PRIORITY,
        });
        match table.get(&name) {
            None => Some(Step::Create { name, spec }),
            Some(known) if known.managed == ALWAYS && known.spec != spec => Some(Step::Mend { name, spec }),
            Some(_) => None,
        }
    });
    let unwanted = table
        .iter()
        .filter(|known| known.managed == ALWAYS && !served.contains(&(known.group.as_str(), known.version.as_str())));
    wanted.chain(unwanted.map(|known| Step::Delete { name: known.name.clone() })).collect()
}

impl Step {
    async fn take(&self, server: &ApiServer) -> Result<(), String> {
        let (method, path, content_type, body) = match self {
            Self::Create { name, spec } => {
                let labels = json!({ MANAGED_LABEL: ALWAYS });
                let object = json!({
                    "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                    "metadata": { "name": name, "labels": labels }, "spec": spec,
                });
                (Method::POST, COLLECTION.to_owned(), "application/json", object.to_string())
            }
            Self::Mend { name, spec } => {
                let patch = json!([{ "op": "replace", "path": "/spec", "value": spec }]);
                (Method::PATCH, format!("{COLLECTION}/{name}"), "application/json-patch+json", patch.to_string())
            }
            Self::Delete { name } => {
                (Method::DELETE, format!("{COLLECTION}/{name}"), "application/json", String::new())
            }
        };
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, content_type)
            .header(header::USER_AGENT, MANAGER)
            .body(Body::from(body))
            .map_err(|error| error.to_string())?;
        let Ok(response) = server.service(User::system(USER)).call(request).await;
        match response.status() {
            // Somebody else has done it.
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => Ok(()),
            code if code.is_success() => Ok(()),
            code => Err(code.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use kubernel_meta::Object;

    use super::super::ApiService;
    use super::*;

    #[test]
    fn what_is_to_be_done() {
        let spec = |group: &str, priority: i64| json!({"group": group, "version": "v1", "groupPriorityMinimum": priority, "versionPriority": 100});
        let rows =
            [("kept.io", 1000, "true"), ("changed.io", 7, "true"), ("theirs.io", 7, ""), ("gone.io", 1000, "true")];
        let others = [("onstart.io", 1000, "onstart"), ("by-hand.io", 1000, "")];
        let table = Table::new(rows.iter().chain(&others).map(|(group, priority, managed)| {
            let labels = json!({"kube-aggregator.kubernetes.io/automanaged": managed});
            let object = json!({
                "metadata": {"name": format!("v1.{group}"), "labels": labels}, "spec": spec(group, *priority),
            });
            ApiService::read(&Object::from_value(object).unwrap())
        }));
        let served = BTreeSet::from(["kept.io", "changed.io", "theirs.io", "new.io"].map(|group| (group, "v1")));
        let wanted = [
            Step::Mend { name: "v1.changed.io".to_owned(), spec: spec("changed.io", 1000) },
            Step::Create { name: "v1.new.io".to_owned(), spec: spec("new.io", 1000) },
            Step::Delete { name: "v1.gone.io".to_owned() },
        ];
        assert_eq!(of_versions(&served, &table), wanted);
    }
}
