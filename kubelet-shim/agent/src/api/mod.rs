//! The kubelet's HTTPS API: logs, Pods, statistics, health, and the doors to exec, attach and port-forward.
//!
//! Who may ask is settled in `auth` before any handler runs.

mod auth;
mod host;
mod logs;
mod metrics;
mod pods;
mod stats;
mod streams;
mod tls;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::node::NodeContext;
use crate::{AgentError, Result};
use auth::Peer;

/// A listener of the kubelet API that is not served yet: whoever has it knows that the port is ours.
pub(crate) struct Listening {
    listener: TcpListener,
    tls: tokio_rustls::TlsAcceptor,
}

/// Takes the port and checks the certificates.
pub(crate) async fn listen(config: &crate::Config) -> Result<Listening> {
    let tls = tls::acceptor(config).map_err(AgentError::Serve)?;
    let address = SocketAddr::new(config.listen_ip, config.port);
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| AgentError::Serve(format!("listening on {address}: {error}")))?;
    Ok(Listening { listener, tls })
}

/// Serves until `shutdown`; `more` are paths of others, behind the same guard.
pub(crate) async fn serve(node: Arc<NodeContext>, more: Router, listening: Listening, shutdown: CancellationToken) {
    let routes = routes(node, more);
    loop {
        let accepted = tokio::select! {
            accepted = listening.listener.accept() => accepted,
            () = shutdown.cancelled() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file descriptors, most likely: waiting is all there is.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            continue;
        };
        let (tls, routes) = (listening.tls.clone(), routes.clone());
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let peer = Peer::of(&stream);
            let routes = routes.layer(axum::Extension(peer));
            let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            let service = TowerToHyperService::new(routes);
            if let Err(error) = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "a connection to the kubelet API broke");
            }
        });
    }
}

fn routes(node: Arc<NodeContext>, more: Router) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok" }))
        .route("/healthz/{*rest}", get(|| async { "ok" }))
        .route("/pods", get(pods::all))
        .route("/runningpods/", get(pods::running))
        .route("/containerLogs/{namespace}/{pod}/{container}", get(logs::container))
        .route("/exec/{namespace}/{pod}/{container}", any(streams::exec))
        .route("/exec/{namespace}/{pod}/{uid}/{container}", any(streams::with_uid::exec))
        .route("/attach/{namespace}/{pod}/{container}", any(streams::attach))
        .route("/attach/{namespace}/{pod}/{uid}/{container}", any(streams::with_uid::attach))
        .route("/portForward/{namespace}/{pod}", any(streams::port_forward))
        .route("/portForward/{namespace}/{pod}/{uid}", any(streams::with_uid::port_forward))
        .route("/stats/summary", get(stats::summary))
        .route("/metrics", get(metrics::of_agent))
        .route("/metrics/resource", get(metrics::resource))
        .route("/metrics/cadvisor", get(metrics::cadvisor))
        .with_state(node.clone())
        .merge(more)
        .layer(middleware::from_fn_with_state(node, guard))
}

async fn guard(State(node): State<Arc<NodeContext>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
    let question = auth::Question::of(&request);
    match auth::check(&node, &peer, &question).await {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// A refusal as upstream's kubelet words it: plain text.
pub(crate) type Refusal = (StatusCode, String);

/// A JSON answer.
pub(crate) struct Json(pub(crate) serde_json::Value);

impl axum::response::IntoResponse for Json {
    fn into_response(self) -> Response {
        ([("content-type", "application/json")], self.0.to_string()).into_response()
    }
}

/// The fields of a query string, decoded; of a repeated one the last.
pub(crate) fn query(raw: Option<&str>) -> HashMap<String, String> {
    pairs(raw).into_iter().collect()
}

/// The fields of a query string in their order, decoded.
pub(crate) fn pairs(raw: Option<&str>) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    let pairs = raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(k, v)| (decode(k), decode(v))).collect()
}
