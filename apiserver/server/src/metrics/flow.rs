//! What flow control knows: seats of levels, and what became of the requests of schemas.

use std::sync::atomic::Ordering;

use kubernel_metrics::{About, Kind, Page};

use crate::flow::{Refused, Table};

/// Writes all of it.
pub(super) fn write(table: &Table, page: &mut Page) {
    type OfLevel = fn(kubernel_flow::seats::Bounds, &kubernel_flow::QueueSet) -> u64;
    let levels: [(&str, &str, OfLevel); 5] = [
        (
            "apiserver_flowcontrol_nominal_limit_seats",
            "[BETA] Nominal number of execution seats of a level",
            |bounds, _| bounds.nominal.into(),
        ),
        ("apiserver_flowcontrol_lower_limit_seats", "[BETA] Lower bound of a level's execution seats", |bounds, _| {
            bounds.min.into()
        }),
        ("apiserver_flowcontrol_upper_limit_seats", "[BETA] Upper bound of a level's execution seats", |bounds, _| {
            bounds.max.into()
        }),
        (
            "apiserver_flowcontrol_current_limit_seats",
            "[BETA] Current number of a level's execution seats",
            |_, set| set.seats_max().into(),
        ),
        ("apiserver_flowcontrol_current_inqueue_seats", "[BETA] Seats that queued requests wait for", |_, set| {
            set.seats_waiting().into()
        }),
    ];
    for (name, help, value) in levels {
        page.gauge(name, help);
        for (level, bounds, line) in table.levels().filter(|(level, ..)| !level.exempt) {
            page.sample(&[("priority_level", &level.name)], line.look(|set| value(bounds, set)));
        }
    }
    page.gauge("apiserver_flowcontrol_current_executing_seats", "[BETA] Seats that running requests occupy");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        page.sample(&labels, counts.seats.load(Ordering::Relaxed));
    }
    page.gauge("apiserver_flowcontrol_current_executing_requests", "[BETA] Number of requests that run");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        page.sample(&labels, counts.executing.load(Ordering::Relaxed));
    }
    page.gauge("apiserver_flowcontrol_current_inqueue_requests", "[BETA] Number of requests in queues");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        page.sample(&labels, counts.waiting.load(Ordering::Relaxed));
    }
    page.counter("apiserver_flowcontrol_dispatched_requests_total", "[BETA] Number of requests that were started");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        page.sample(&labels, counts.dispatched.load(Ordering::Relaxed));
    }
    page.counter("apiserver_flowcontrol_rejected_requests_total", "[BETA] Number of requests that were refused");
    for (schema, counts) in table.schemas() {
        for refused in Refused::ALL {
            let labels =
                [("flow_schema", &*schema.name), ("priority_level", &schema.level), ("reason", refused.reason())];
            page.sample(&labels, counts.rejected[refused as usize].load(Ordering::Relaxed));
        }
    }
    let secs = |name, help, labels| About { name, help, labels };
    let waited = secs(
        "apiserver_flowcontrol_request_wait_duration_seconds",
        "[BETA] How long requests waited for their turn, in seconds.",
        &["execute", "flow_schema", "priority_level"],
    );
    page.metric(&waited, Kind::Histogram);
    for (schema, counts) in table.schemas() {
        for (execute, waited) in
            ["true", "false"].into_iter().zip(&counts.waited).filter(|(_, waited)| waited.count() > 0)
        {
            let labels = [("execute", execute), ("flow_schema", &*schema.name), ("priority_level", &*schema.level)];
            page.histogram(&labels, waited);
        }
    }
    let ran = secs(
        "apiserver_flowcontrol_request_execution_seconds",
        "[ALPHA] How long requests ran, watches until they were open, in seconds.",
        &["flow_schema", "priority_level"],
    );
    page.metric(&ran, Kind::Histogram);
    for (schema, counts) in table.schemas().filter(|(_, counts)| counts.ran.count() > 0) {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        page.histogram(&labels, &counts.ran);
    }
}
