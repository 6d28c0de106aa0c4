//! Who came, whether they were believed, and whether they might do what they wanted.

use std::time::Duration;

use jiff::Timestamp;
use kubernel_metrics::{About, Counter, Histogram, Kind, Page, buckets};

use crate::User;
use crate::authz::Decision;

/// How long client certificates still are valid, in seconds: from nothing to a year.
static EXPIRATION_SECS: [f64; 14] = [
    0.0,
    1800.0,
    3600.0,
    7200.0,
    21600.0,
    43200.0,
    86400.0,
    172_800.0,
    345_600.0,
    604_800.0,
    2_592_000.0,
    7_776_000.0,
    15_552_000.0,
    31_104_000.0,
];
/// The users that are told apart; all others are counted together.
const USERS: [&str; 7] =
    ["admin", "client", "kube_proxy", "kubelet", "system:serviceaccount:kube-system:default", "email_id", "other"];
const EMAIL: usize = 5;
const OTHER: usize = 6;

/// All of it.
pub(crate) struct IdentityMetrics {
    users: [Counter; USERS.len()],
    believed: Histogram,
    refused: Histogram,
    allowed: Histogram,
    denied: Histogram,
    authentication: Histogram,
    authorization: Histogram,
    flow: Histogram,
    certificate_secs: Histogram,
}

impl Default for IdentityMetrics {
    fn default() -> Self {
        let decisions = || Histogram::new(&buckets::DOUBLING_SECS);
        let filters = || Histogram::new(&buckets::FILTER_SECS);
        Self {
            users: Default::default(),
            believed: decisions(),
            refused: decisions(),
            allowed: decisions(),
            denied: decisions(),
            authentication: filters(),
            authorization: filters(),
            flow: filters(),
            certificate_secs: Histogram::new(&EXPIRATION_SECS),
        }
    }
}

impl IdentityMetrics {
    /// A request was asked who sends it; nobody is an answer that was not believed.
    pub(crate) fn authenticated(&self, user: Option<&User>, took: Duration) {
        let secs = took.as_secs_f64();
        self.authentication.observe(secs);
        let Some(user) = user else { return self.refused.observe(secs) };
        self.believed.observe(secs);
        let known = USERS[..EMAIL].iter().position(|known| *known == user.name);
        self.users[known.unwrap_or(if user.name.contains('@') { EMAIL } else { OTHER })].inc();
    }

    /// A request was asked whether it may.
    pub(crate) fn authorized(&self, decision: &Decision, took: Duration) {
        let secs = took.as_secs_f64();
        self.authorization.observe(secs);
        match decision {
            Decision::Allow(_) => self.allowed.observe(secs),
            Decision::Deny(_) => self.denied.observe(secs),
        }
    }

    /// A request got its place, or was sent away.
    pub(crate) fn placed(&self, took: Duration) {
        self.flow.observe(took.as_secs_f64());
    }

    /// A client has shown a certificate that expires then.
    pub(crate) fn certificate(&self, expires: Timestamp, now: Timestamp) {
        self.certificate_secs.observe(expires.duration_since(now).as_secs_f64());
    }

    pub(super) fn write(&self, page: &mut Page) {
        page.counter("authenticated_user_requests", "[ALPHA] Requests by the user who sent them.");
        for (user, count) in USERS.iter().zip(&self.users).filter(|(_, count)| count.get() > 0) {
            page.sample(&[("username", user)], count.get());
        }
        let outcomes = [("failure", &self.refused), ("success", &self.believed)];
        decisions(
            page,
            ("authentication_attempts", "[ALPHA] Requests by whether their sender was believed."),
            AUTHENTICATED,
            outcomes,
        );
        let outcomes = [("allowed", &self.allowed), ("denied", &self.denied)];
        decisions(
            page,
            ("authorization_attempts_total", "[ALPHA] Requests by whether they were allowed."),
            AUTHORIZED,
            outcomes,
        );
        let filter = About {
            name: "apiserver_request_filter_duration_seconds",
            help: "[ALPHA] How long each filter took that a request goes through, in seconds.",
            labels: &["filter"],
        };
        page.metric(&filter, Kind::Histogram);
        page.histogram(&[("filter", "authentication")], &self.authentication);
        page.histogram(&[("filter", "authorization")], &self.authorization);
        page.histogram(&[("filter", "priorityandfairness")], &self.flow);
        let expiration = About {
            name: "apiserver_client_certificate_expiration_seconds",
            help: "[ALPHA] For how long the certificates of clients were still valid, in seconds.",
            labels: &[],
        };
        page.metric(&expiration, Kind::Histogram);
        page.histogram(&[], &self.certificate_secs);
    }
}

const AUTHENTICATED: About = About {
    name: "authentication_duration_seconds",
    help: "[ALPHA] How long it took to know who sends a request, in seconds.",
    labels: &["result"],
};
const AUTHORIZED: About = About {
    name: "authorization_duration_seconds",
    help: "[ALPHA] How long it took to decide whether a request is allowed, in seconds.",
    labels: &["result"],
};

/// A counter and a histogram of the same decisions.
fn decisions(
    page: &mut Page,
    (name, help): (&'static str, &'static str),
    durations: About,
    outcomes: [(&str, &Histogram); 2],
) {
    page.counter(name, help);
    for (result, took) in outcomes {
        page.sample(&[("result", result)], took.count());
    }
    page.metric(&durations, Kind::Histogram);
    for (result, took) in outcomes {
        page.histogram(&[("result", result)], took);
    }
}
