//! `/metrics` and `/metrics/slis`: what the server counts, under upstream's names, labels and buckets, so that known
//! dashboards and alerts find it.
//!
//! Who does something counts it in [`Metrics`]; what can be read off the state (stored objects, seats, addresses) is
//! read when somebody scrapes. Other parts of the process, and controllers and scheduler are such, show theirs through
//! [`ApiServer::expose`](crate::ApiServer::expose). What does not apply to this server is left out, not faked.

mod admission;
mod conversion;
mod flow;
mod identity;
mod page;
mod policies;
mod requests;
mod state;
mod store;

pub(crate) use admission::{AdmissionMetrics, Called, Step};
pub(crate) use conversion::ConversionMetrics;
pub(crate) use identity::IdentityMetrics;
pub(crate) use page::{serve, slis};
pub(crate) use policies::PolicyMetrics;
pub(crate) use requests::{Measure, RequestMetrics, Waited};
pub(crate) use store::Counted;

use std::sync::Arc;

use kubernel_metrics::{Counter, Page, Source};
use parking_lot::RwLock;

use crate::discovery::health::HealthMetrics;

/// What the server has counted so far.
#[derive(Default)]
pub(crate) struct Metrics {
    /// Requests and watches.
    pub(crate) requests: RequestMetrics,
    /// Who came, and whether they might.
    pub(crate) identity: IdentityMetrics,
    /// Admission.
    pub(crate) admission: AdmissionMetrics,
    /// What policies found.
    pub(crate) policies: PolicyMetrics,
    /// Conversions of custom resources by webhooks.
    pub(crate) conversion: ConversionMetrics,
    /// Health checks.
    pub(crate) health: HealthMetrics,
    /// Connections that never became any.
    pub(crate) tls_handshake_errors: Counter,
    /// What other parts of the process show.
    pub(crate) others: RwLock<Vec<Arc<dyn Source>>>,
}

impl Source for Metrics {
    fn write(&self, page: &mut Page) {
        self.requests.write(page);
        self.identity.write(page);
        self.admission.write(page);
        self.policies.write(page);
        self.conversion.write(page);
        page.counter(
            "apiserver_tls_handshake_errors_total",
            "[ALPHA] Connections that failed before they were secure.",
        );
        page.sample(&[], self.tls_handshake_errors.get());
        for other in self.others.read().iter() {
            other.write(page);
        }
    }
}
