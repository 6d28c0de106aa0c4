//! `/healthz`, `/livez` and `/readyz`, whole or check by check, in upstream's words.
//!
//! The checks carry the names that upstream's have, because probes and runbooks exclude and ask for them by name. Most
//! of them say that something was done before the first request: the server does not listen earlier.

use axum::body::Body;
use http::{Response, StatusCode};
use kubernel_metrics::{Counter, Family, Gauge, Page};

use crate::ApiServer;
use crate::context::Context;
use crate::respond;

/// A check: what it is called, which endpoints have it, and what it looks at.
struct Check {
    name: &'static str,
    /// Whether `/readyz` alone has it.
    ready_only: bool,
    looks_at: LooksAt,
}

enum LooksAt {
    /// That we can answer at all.
    Ourselves,
    /// Whether the store takes writes.
    Store,
    /// Whether the server is about to stop.
    Shutdown,
}

const fn done(name: &'static str) -> Check {
    Check { name, ready_only: false, looks_at: LooksAt::Ourselves }
}

/// All checks, in the order in which they are shown.
const CHECKS: [Check; 24] = [
    done("ping"),
    done("log"),
    Check { name: "etcd", ready_only: false, looks_at: LooksAt::Store },
    Check { name: "etcd-readiness", ready_only: true, looks_at: LooksAt::Store },
    Check { name: "informer-sync", ready_only: true, looks_at: LooksAt::Ourselves },
    done("poststarthook/start-apiserver-admission-initializer"),
    done("poststarthook/generic-apiserver-start-informers"),
    done("poststarthook/priority-and-fairness-config-consumer"),
    done("poststarthook/priority-and-fairness-filter"),
    done("poststarthook/storage-object-count-tracker-hook"),
    done("poststarthook/start-apiextensions-informers"),
    done("poststarthook/start-apiextensions-controllers"),
    done("poststarthook/crd-informer-synced"),
    done("poststarthook/start-system-namespaces-controller"),
    done("poststarthook/start-service-ip-repair-controllers"),
    done("poststarthook/rbac/bootstrap-roles"),
    done("poststarthook/scheduling/bootstrap-system-priority-classes"),
    done("poststarthook/priority-and-fairness-config-producer"),
    done("poststarthook/bootstrap-controller"),
    done("poststarthook/start-kubernetes-service-cidr-controller"),
    done("poststarthook/kube-apiserver-autoregistration"),
    done("autoregister-completion"),
    done("poststarthook/apiservice-openapiv3-controller"),
    Check { name: "shutdown", ready_only: true, looks_at: LooksAt::Shutdown },
];

/// How the checks went when somebody asked: `/metrics/slis`.
pub(crate) struct HealthMetrics {
    last: Family<Gauge>,
    all: Family<Counter>,
}

impl Default for HealthMetrics {
    fn default() -> Self {
        Self {
            last: Family::gauges(
                "kubernetes_healthcheck",
                "[STABLE] Whether a check passed when it was last asked.",
                &["name", "type"],
            ),
            all: Family::counters(
                "kubernetes_healthchecks_total",
                "[STABLE] How often checks were asked, by how they went.",
                &["name", "status", "type"],
            ),
        }
    }
}

impl HealthMetrics {
    fn count(&self, name: &str, endpoint: &str, passed: bool) {
        self.last.with(&[name, endpoint]).set(i64::from(passed));
        self.all.with(&[name, if passed { "success" } else { "error" }, endpoint]).inc();
    }

    /// Writes all of it.
    pub(crate) fn write(&self, page: &mut Page) {
        self.last.write(page);
        self.all.write(page);
    }
}

impl Check {
    fn run(&self, server: &ApiServer) -> Result<(), String> {
        match self.looks_at {
            LooksAt::Ourselves => Ok(()),
            LooksAt::Store => server.store().health(),
            LooksAt::Shutdown if server.is_stopping() => Err("process is shutting down".to_owned()),
            LooksAt::Shutdown => Ok(()),
        }
    }
}

/// The paths of all endpoints and their checks, as `/` lists them.
pub(super) fn paths() -> Vec<String> {
    let mut paths = Vec::new();
    for endpoint in ["healthz", "livez", "readyz"] {
        paths.push(format!("/{endpoint}"));
        paths.extend(checks(endpoint).map(|check| format!("/{endpoint}/{}", check.name)));
    }
    paths
}

fn checks(endpoint: &str) -> impl Iterator<Item = &'static Check> {
    let ready = endpoint == "readyz";
    CHECKS.iter().filter(move |check| ready || !check.ready_only)
}

/// Answers a health request; `words` are its path's.
pub(super) fn serve(context: &Context, words: &[&str]) -> Response<Body> {
    let endpoint = words[0];
    let server = &context.server;
    if words.len() > 1 {
        let name = words[1..].join("/");
        return match checks(endpoint).find(|check| check.name == name).map(|check| check.run(server)) {
            None => respond::not_found(),
            Some(Ok(())) => respond::text(StatusCode::OK, "ok"),
            Some(Err(why)) => failed(format!("internal server error: {why}\n")),
        };
    }
    let mut excluded: Vec<&str> = context.query.all("exclude").collect();
    excluded.sort_unstable();
    excluded.dedup();
    let mut lines = String::new();
    let mut good = true;
    for check in checks(endpoint) {
        let name = check.name;
        if let Some(at) = excluded.iter().position(|excluded| *excluded == name) {
            excluded.remove(at);
            lines.push_str(&format!("[+]{name} excluded: ok\n"));
            continue;
        }
        let outcome = check.run(server);
        server.metrics().health.count(name, endpoint, outcome.is_ok());
        match outcome {
            Ok(()) => lines.push_str(&format!("[+]{name} ok\n")),
            Err(why) => {
                tracing::warn!(check = name, why, "a health check fails");
                good = false;
                // Anybody may ask, and the reason is not for anybody.
                lines.push_str(&format!("[-]{name} failed: reason withheld\n"));
            }
        }
    }
    if !excluded.is_empty() {
        let names: Vec<String> = excluded.iter().map(|name| format!("{name:?}")).collect();
        lines.push_str(&format!("warn: some health checks cannot be excluded: no matches for {}\n", names.join(",")));
    }
    if !good {
        return failed(format!("{lines}{endpoint} check failed\n"));
    }
    if context.query.get("verbose").is_none() {
        return respond::text(StatusCode::OK, "ok");
    }
    respond::text(StatusCode::OK, format!("{lines}{endpoint} check passed\n"))
}

fn failed(text: String) -> Response<Body> {
    respond::text(StatusCode::INTERNAL_SERVER_ERROR, text)
}
