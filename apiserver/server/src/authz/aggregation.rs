//! Aggregated ClusterRoles in the store: their rules are written out, for whoever reads them (upstream's clusterrole-
//! aggregation controller). Decisions do not wait for it; see `index`.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use kubernel_meta::Object;
use kubernel_store::At;
use serde_json::Value;
use tower::Service;

use super::Rule;
use crate::{ApiServer, Error, User};

const PREFIX: &str = "/registry/rbac.authorization.k8s.io/clusterroles/";
const MANAGER: &str = "clusterrole-aggregation-controller";
/// How long to wait before the store is asked again after it failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Keeps the rules of aggregated ClusterRoles written out until it is dropped.
pub async fn aggregate_roles(server: &ApiServer) {
    loop {
        if let Err(error) = follow(server).await {
            tracing::warn!(%error, "aggregated roles are read again");
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

async fn follow(server: &ApiServer) -> Result<(), Error> {
    let mut watch = server.store().watch(PREFIX, server.store().revision())?;
    loop {
        write_out(server).await?;
        watch.next().await?;
    }
}

/// Writes the rules of each aggregated role whose object says something else.
async fn write_out(server: &ApiServer) -> Result<(), Error> {
    let snapshot = server.store().snapshot(PREFIX, At::Latest).await?;
    for entry in snapshot.range(PREFIX, "") {
        let Some(mut role) = serde_json::from_slice(&entry.json).ok().map(Object::new) else { continue };
        if role.at(&["aggregationRule"]).is_none_or(Value::is_null) {
            continue;
        }
        let Ok(rules) = server.authorizer().rules_of("ClusterRole", role.name(), "") else { continue };
        if rules == Rule::parse_all(role.list_at(&["rules"])) {
            continue;
        }
        let rules: Vec<Value> = rules.iter().map(Rule::to_value).collect();
        role.set(&["rules"], rules);
        if let Err(problem) = put(server, &role).await {
            tracing::warn!(role = role.name(), problem, "an aggregated role could not be written");
        }
    }
    Ok(())
}

async fn put(server: &ApiServer, role: &Object) -> Result<(), String> {
    let request = Request::builder()
        .method(Method::PUT)
        .uri(format!("/apis/rbac.authorization.k8s.io/v1/clusterroles/{}", role.name()))
        .header(http::header::CONTENT_TYPE, "application/json")
        .header(http::header::USER_AGENT, MANAGER)
        .body(Body::from(serde_json::to_vec(role.map()).map_err(|error| error.to_string())?))
        .map_err(|error| error.to_string())?;
    let Ok(response) = server.service(User::system("system:clusterrole-aggregation-controller")).call(request).await;
    // A conflict means another change, which is another event.
    let status = response.status();
    if status.is_success() || status == StatusCode::CONFLICT { Ok(()) } else { Err(status.to_string()) }
}
