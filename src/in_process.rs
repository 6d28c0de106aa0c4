//! The API as the parts of this process call it: a `kube::Client` on the server itself, without socket or encryption.

use std::task::{Context, Poll};

use axum::body::Body;
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use kubernel_server::{ApiServer, InProcess, User};
use tower::Service;

/// A client of this server under a part's own name, by which managedFields and logs know it.
pub(crate) fn client(api: &ApiServer, name: &'static str) -> kube::Client {
    client_as(api, User::system(&format!("system:{name}")), name)
}

/// A client of this server as this user.
pub(crate) fn client_as(api: &ApiServer, user: User, agent: &'static str) -> kube::Client {
    kube::Client::new(Named { inner: api.service(user), agent }, "default")
}

#[derive(Clone)]
struct Named {
    inner: InProcess,
    agent: &'static str,
}

impl Service<Request<kube::client::Body>> for Named {
    type Response = Response<Body>;
    type Error = std::convert::Infallible;
    type Future = <InProcess as Service<Request<kube::client::Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request<kube::client::Body>>::poll_ready(&mut self.inner, context)
    }

    fn call(&mut self, mut request: Request<kube::client::Body>) -> Self::Future {
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(self.agent));
        self.inner.call(request)
    }
}
