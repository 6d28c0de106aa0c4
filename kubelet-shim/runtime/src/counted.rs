//! A connection to the runtime that counts its calls, under the names that a kubelet has for them.
//!
//! It sees calls as HTTP: the last word of the path is the operation, and a refusal without an answer has its status in
//! the headers.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures::future::BoxFuture;
use kubernel_metrics::{About, Counter, Family, Histogram, Page, Source, buckets};
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tonic::transport::{Channel, Error};
use tower::Service;

const LABELS: &[&str] = &["operation_type"];

/// Calls of the runtime, by operation.
pub struct RuntimeMetrics {
    durations: Family<Histogram>,
    errors: Family<Counter>,
}

impl Default for RuntimeMetrics {
    fn default() -> Self {
        let durations = About {
            name: "kubelet_runtime_operations_duration_seconds",
            help: "[ALPHA] How long calls of the container runtime took, in seconds.",
            labels: LABELS,
        };
        Self {
            durations: Family::new(durations, || Histogram::new(&buckets::RUNTIME_SECS)),
            errors: Family::counters(
                "kubelet_runtime_operations_errors_total",
                "[ALPHA] Calls of the container runtime that failed.",
                LABELS,
            ),
        }
    }
}

impl Source for RuntimeMetrics {
    fn write(&self, page: &mut Page) {
        page.counter("kubelet_runtime_operations_total", "[ALPHA] Calls of the container runtime.");
        self.durations.each(|values, took| page.sample(&[(LABELS[0], values[0])], took.count()));
        self.durations.write(page);
        self.errors.write(page);
    }
}

/// A channel whose calls are counted.
#[derive(Clone)]
pub(crate) struct Counted {
    channel: Channel,
    metrics: Arc<RuntimeMetrics>,
}

impl Counted {
    pub(crate) fn new(channel: Channel, metrics: Arc<RuntimeMetrics>) -> Self {
        Self { channel, metrics }
    }
}

impl Service<Request<Body>> for Counted {
    type Response = Response<Body>;
    type Error = Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let operation = operation(request.uri().path());
        let (metrics, started) = (self.metrics.clone(), Instant::now());
        let answer = self.channel.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.durations.with(&[&operation]).observe(started.elapsed().as_secs_f64());
            let refused = |answer: &Response<Body>| answer.headers().get("grpc-status").is_some_and(|code| code != "0");
            if answer.as_ref().map_or(true, refused) {
                metrics.errors.with(&[&operation]).inc();
            }
            answer
        })
    }
}

/// `/runtime.v1.RuntimeService/RunPodSandbox` as `run_podsandbox`.
fn operation(path: &str) -> String {
    let call = path.rsplit('/').next().unwrap_or_default().replace("PodSandbox", "Podsandbox");
    let mut name = String::with_capacity(call.len() + 4);
    for character in call.chars() {
        if character.is_ascii_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.push(character.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_have_the_kubelets_names() {
        for (path, expect) in [
            ("/runtime.v1.RuntimeService/RunPodSandbox", "run_podsandbox"),
            ("/runtime.v1.RuntimeService/ListPodSandbox", "list_podsandbox"),
            ("/runtime.v1.RuntimeService/CreateContainer", "create_container"),
            ("/runtime.v1.ImageService/PullImage", "pull_image"),
            ("/runtime.v1.RuntimeService/Version", "version"),
        ] {
            assert_eq!(operation(path), expect);
        }
    }
}
