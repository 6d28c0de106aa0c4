//! The way of a simulated node to the API, and how it is cut off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::{Request, Response};
use kube::Client;
use kube::client::Body;
use tokio::sync::watch;
use tower::Service;

/// Whether a node's requests pass, and how slowly; and what it thinks of its disk.
#[derive(Debug, Default)]
pub(super) struct Gate {
    /// How many failures hold it shut.
    shut: watch::Sender<u32>,
    slow_ms: AtomicU64,
    disk_full: Arc<AtomicBool>,
}

impl Gate {
    /// Holds the node's requests back, until it is opened as often as it was shut.
    pub(super) fn shut(&self) {
        self.shut.send_modify(|shut| *shut += 1);
    }

    /// Lets them go, where nobody else holds them.
    pub(super) fn open(&self) {
        self.shut.send_modify(|shut| *shut = shut.saturating_sub(1));
    }

    /// Whether the node is cut off.
    pub(super) fn is_shut(&self) -> bool {
        *self.shut.borrow() > 0
    }

    /// From now on every request takes so long.
    pub(super) fn slow(&self, by: Duration) {
        self.slow_ms.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Has the node think that its disk is full, or no more.
    pub(super) fn fill_disk(&self, full: bool) {
        self.disk_full.store(full, Ordering::Relaxed);
    }

    /// What the node looks at.
    pub(super) fn disk_full(&self) -> Arc<AtomicBool> {
        self.disk_full.clone()
    }

    /// A client whose requests go through the gate.
    pub(super) fn client(self: &Arc<Self>, inner: &Client) -> Client {
        Client::new(Gated { gate: self.clone(), inner: inner.clone() }, inner.default_namespace())
    }
}

#[derive(Clone)]
struct Gated {
    gate: Arc<Gate>,
    inner: Client,
}

impl Service<Request<Body>> for Gated {
    type Response = Response<Body>;
    type Error = tower::BoxError;
    type Future = BoxFuture<'static, Result<Response<Body>, tower::BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (gate, inner) = (self.gate.clone(), self.inner.clone());
        Box::pin(async move {
            // A gate that is gone is open.
            let _ = gate.shut.subscribe().wait_for(|shut| *shut == 0).await;
            tokio::time::sleep(Duration::from_millis(gate.slow_ms.load(Ordering::Relaxed))).await;
            Ok(inner.send(request).await?)
        })
    }
}
