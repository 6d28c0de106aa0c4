//! The API as the parts of this process call it: a `kube::Client` on the server itself, without socket or encryption.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::Body;
use futures::future::BoxFuture;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use kubernel_server::{ApiServer, InProcess, User};
use tower::Service;

use crate::client_metrics::ClientMetrics;

/// A client of this server as this user. Its agent is the name by which managedFields and logs know it.
pub(crate) fn client_as(api: &ApiServer, metrics: Arc<ClientMetrics>, user: User, agent: &'static str) -> kube::Client {
    kube::Client::new(Named { inner: api.service(user), agent, metrics }, "default")
}

#[derive(Clone)]
struct Named {
    inner: InProcess,
    agent: &'static str,
    metrics: Arc<ClientMetrics>,
}

impl Service<Request<kube::client::Body>> for Named {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<kube::client::Body>>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, mut request: Request<kube::client::Body>) -> Self::Future {
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(self.agent));
        let (method, metrics, started) = (request.method().clone(), self.metrics.clone(), Instant::now());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let response = answer.await?;
            metrics.answered(&method, response.status(), started.elapsed());
            Ok(response)
        })
    }
}
