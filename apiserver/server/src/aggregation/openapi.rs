//! OpenAPI of other servers: v3 documents are theirs to send, the index of them and the one v2 document are merged.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use futures::future::join_all;
use http::request::Parts;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::swagger::{self, Kept};
use super::table::ApiService;
use super::{Aggregation, fetch, proxy};
use crate::ApiServer;
use crate::context::Context;

/// For how long a v2 document is taken for current.
const CURRENT: Duration = Duration::from_secs(60);

/// The v3 index with other servers' documents in it; `None` where there are none.
pub(crate) fn v3_index(aggregation: &Aggregation, own: impl FnOnce() -> Option<Value>) -> Option<Value> {
    let table = aggregation.table();
    if !table.has_remote() {
        return None;
    }
    let mut index = own()?;
    for remote in table.remote().filter_map(|service| aggregation.remote(&service.name)) {
        for (name, url) in &remote.openapi {
            index["paths"][name] = json!({ "serverRelativeURL": url });
        }
    }
    Some(index)
}

/// The v3 document of this name from the server whose it is; `None` where it is this server's own.
pub(crate) async fn v3_document(context: &Context, name: &str, parts: &Parts) -> Option<Response<Body>> {
    let aggregation = context.server.aggregation();
    let table = aggregation.table();
    let has = |service: &&Arc<ApiService>| {
        aggregation.remote(&service.name).is_some_and(|remote| remote.openapi.contains_key(name))
    };
    let service = table.remote().find(has)?;
    let mut request = http::Request::new(());
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = parts.uri.clone();
    Some(proxy::serve(context, service, request.into_parts().0, Body::empty()).await)
}

/// The v2 documents of other servers, each with what its paths begin with; those that can be had now.
pub(crate) async fn v2_documents(server: &ApiServer) -> Vec<(String, Arc<Value>)> {
    let table = server.aggregation().table();
    let asked = table.remote().filter(|service| service.available).map(|service| async move {
        let document = v2_document(server, service).await?;
        Some((format!("{}/", service.path()), document))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// Adds these documents to this server's own one.
pub(crate) fn v2_merged(mut own: Value, others: &[(String, Arc<Value>)]) -> Value {
    others.iter().for_each(|(prefix, document)| swagger::merge(&mut own, document, prefix));
    own
}

async fn v2_document(server: &ApiServer, service: &ApiService) -> Option<Arc<Value>> {
    let remote = server.aggregation().remote(&service.name)?;
    let kept = remote.swagger.lock().clone();
    if let Some(kept) = kept.as_ref().filter(|kept| kept.asked.elapsed() < CURRENT) {
        return Some(kept.document.clone());
    }
    let etag = kept.as_ref().map_or("", |kept| &kept.etag);
    let asked = Instant::now();
    let backend = service.backend.as_ref()?;
    let new = match fetch::get(server, backend, "/openapi/v2", ("application/json", etag), fetch::WAIT).await {
        Ok(answer) if answer.code == StatusCode::OK => {
            let document = Arc::new(serde_json::from_slice(&answer.body).ok()?);
            Some(Kept { document, etag: answer.etag(), asked })
        }
        Ok(answer) if answer.code == StatusCode::NOT_MODIFIED => kept.map(|kept| Kept { asked, ..kept }),
        Ok(answer) => {
            tracing::debug!(name = service.name, code = %answer.code, "no OpenAPI v2 of an APIService");
            kept
        }
        Err(problem) => {
            tracing::debug!(name = service.name, problem, "no OpenAPI v2 of an APIService");
            kept
        }
    };
    remote.swagger.lock().clone_from(&new);
    new.map(|new| new.document)
}
