//! `/metrics`: what can be counted without keeping books. Names, types and help are upstream's where it has the like.

use std::sync::atomic::Ordering;

use axum::body::Body;
use http::{HeaderValue, Response, header};

use crate::context::Context;
use crate::flow::{Refused, Table};

use super::version;

/// The text exposition format, version 0.0.4.
pub(super) fn serve(context: &Context) -> Response<Body> {
    let mut out = Page::default();
    out.metric("kubernetes_build_info", "gauge", "Which build serves the API.");
    out.sample(&[("git_version", version::GIT_VERSION), ("major", "1"), ("minor", "36")], 1);
    out.metric("kubernel_store_revision", "counter", "The last committed revision.");
    out.sample(&[], context.server.store().revision());
    objects(context, &mut out);
    context.server.flow().look(|table| flow(table, &mut out));
    let mut response = Response::new(Body::from(out.text));
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

fn objects(context: &Context, out: &mut Page) {
    out.metric("apiserver_resource_objects", "gauge", "Number of stored objects, split by resource.");
    for resource in context.resources.iter() {
        if resource.kind.source == kubernel_kinds::Source::Store && resource.kind.stored_as.is_none() {
            let count = context.server.store().count(&resource.key_prefix) as u64;
            out.sample(&[("group", &resource.gvr.group), ("resource", &resource.gvr.resource)], count);
        }
    }
}

fn flow(table: &Table, out: &mut Page) {
    type OfLevel = fn(kubernel_flow::seats::Bounds, &kubernel_flow::QueueSet) -> u64;
    let levels: [(&str, &str, OfLevel); 6] = [
        ("nominal_limit_seats", "Nominal number of execution seats of a level", |bounds, _| bounds.nominal.into()),
        ("lower_limit_seats", "Lower bound of a level's execution seats", |bounds, _| bounds.min.into()),
        ("upper_limit_seats", "Upper bound of a level's execution seats", |bounds, _| bounds.max.into()),
        ("current_limit_seats", "Current number of a level's execution seats", |_, set| set.seats_max().into()),
        ("current_executing_seats", "Seats that running requests occupy", |_, set| set.seats_in_use().into()),
        ("current_inqueue_seats", "Seats that queued requests wait for", |_, set| set.seats_waiting().into()),
    ];
    for (name, help, value) in levels {
        out.metric(&format!("apiserver_flowcontrol_{name}"), "gauge", help);
        for (level, bounds, line) in table.levels().filter(|(level, ..)| !level.exempt) {
            out.sample(&[("priority_level", &level.name)], line.look(|set| value(bounds, set)));
        }
    }
    out.metric("apiserver_flowcontrol_current_executing_requests", "gauge", "Number of requests that run");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        out.sample(&labels, counts.executing.load(Ordering::Relaxed));
    }
    out.metric("apiserver_flowcontrol_current_inqueue_requests", "gauge", "Number of requests in queues");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        out.sample(&labels, counts.waiting.load(Ordering::Relaxed));
    }
    out.metric("apiserver_flowcontrol_dispatched_requests_total", "counter", "Number of requests that were started");
    for (schema, counts) in table.schemas() {
        let labels = [("flow_schema", schema.name.as_str()), ("priority_level", &schema.level)];
        out.sample(&labels, counts.dispatched.load(Ordering::Relaxed));
    }
    out.metric("apiserver_flowcontrol_rejected_requests_total", "counter", "Number of requests that were refused");
    for (schema, counts) in table.schemas() {
        for refused in Refused::ALL {
            let labels =
                [("flow_schema", &*schema.name), ("priority_level", &schema.level), ("reason", refused.reason())];
            out.sample(&labels, counts.rejected[refused as usize].load(Ordering::Relaxed));
        }
    }
}

/// A page being written.
#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    /// Begins a metric.
    fn metric(&mut self, name: &str, kind: &str, help: &str) {
        name.clone_into(&mut self.name);
        self.text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    /// A sample of the metric. Label values are names: nothing in them needs escaping.
    fn sample(&mut self, labels: &[(&str, &str)], value: u64) {
        self.text.push_str(&self.name);
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        if !pairs.is_empty() {
            self.text.push_str(&format!("{{{}}}", pairs.join(",")));
        }
        self.text.push_str(&format!(" {value}\n"));
    }
}
