//! Requests by what they are about: how many, how long, how large, how many run now; and the events of watches.
//!
//! Only requests that a route takes are counted, as upstream does it: whoever is refused before (401, 403, unknown
//! paths) shows in the metrics of identity instead. That also bounds the labels to what is served.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::task::{Context as Task, Poll};
use std::time::{Duration, Instant};

use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use kubernel_metrics::{About, Counter, Family, Gauge, Histogram, Kind, Page, buckets};
use parking_lot::RwLock;

use crate::context::Context;
use crate::request::RequestInfo;
use crate::resources::Resource;

/// The labels of a series; `dry_run` is the last because most metrics are without it.
const LABELS: &[&str] = &["group", "resource", "scope", "subresource", "verb", "version", "dry_run"];
const DRY_RUN: usize = 6;

/// All of them.
pub(crate) struct RequestMetrics {
    series: Family<Series>,
    events: Family<Histogram>,
    terminated: Family<Counter>,
    deprecated: Family<Gauge>,
    /// Reads, then writes.
    in_flight: [InFlight; 2],
    queued: [Gauge; 2],
}

/// What requests of one kind came to.
pub(crate) struct Series {
    codes: RwLock<Vec<(u16, Counter)>>,
    secs: Histogram,
    /// Without the time that queues and webhooks took.
    sli_secs: Histogram,
    bytes: Histogram,
    open: Gauge,
}

/// How many run now, and the most since somebody last looked.
#[derive(Default)]
pub(crate) struct InFlight {
    now: AtomicI64,
    most: AtomicI64,
}

/// A request that runs; dropping it says that it is over.
pub(crate) struct Running<'a>(&'a InFlight);

/// Where a request is counted: decided when it is known what serves it.
pub(crate) struct Measure {
    series: Arc<Series>,
    /// Where metrics without `dry_run` are counted.
    plain: Arc<Series>,
    labels: Vec<String>,
    long_running: bool,
    sized: bool,
}

/// How long a request waited for others: in queues and for webhooks.
#[derive(Debug, Default)]
pub(crate) struct Waited(AtomicU64);

impl Waited {
    /// Waited for this long.
    pub(crate) fn add(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let series = About { name: "apiserver_request_total", help: "", labels: LABELS };
        let events = About {
            name: "apiserver_watch_events_sizes",
            help: "[ALPHA] Sizes of the events that watchers were sent, in bytes.",
            labels: &["group", "resource", "version"],
        };
        Self {
            series: Family::new(series, Series::default),
            events: Family::new(events, || Histogram::new(&buckets::EVENT_BYTES)),
            terminated: Family::counters(
                "apiserver_request_terminations_total",
                "[ALPHA] Requests that the server ended to protect itself.",
                &["code", "component", "group", "resource", "scope", "subresource", "verb", "version"],
            ),
            deprecated: Family::gauges(
                "apiserver_requested_deprecated_apis",
                "[STABLE] Deprecated APIs that somebody has used.",
                &["group", "removed_release", "resource", "subresource", "version"],
            ),
            in_flight: Default::default(),
            queued: Default::default(),
        }
    }
}

impl Default for Series {
    fn default() -> Self {
        Self {
            codes: RwLock::default(),
            secs: Histogram::new(&buckets::REQUEST_SECS),
            sli_secs: Histogram::new(&buckets::REQUEST_SECS),
            bytes: Histogram::new(&buckets::RESPONSE_BYTES),
            open: Gauge::default(),
        }
    }
}

impl RequestMetrics {
    /// A request for a resource that is about to be served.
    pub(crate) fn measure(&self, context: &Context, resource: &Resource) -> Measure {
        let info = &context.info;
        let connects = resource.kind.subresource(&info.subresource).is_some_and(|sub| is_connection(&sub.name));
        let verb = verb(context, connects);
        let labels = [&*info.group, &*info.resource, scope(info, resource), &*info.subresource, verb, &*info.version];
        self.measure_as(&labels, dry_run(context), verb == "WATCH", matches!(verb, "GET" | "LIST"))
    }

    /// A request for a path outside the API.
    pub(crate) fn measure_path(&self, path: &str) -> Measure {
        self.measure_as(&["", "", "", path, "GET", ""], "", false, true)
    }

    fn measure_as(&self, labels: &[&str], dry_run: &str, long_running: bool, sized: bool) -> Measure {
        let find = |dry_run| {
            let mut all = [""; DRY_RUN + 1];
            all[..DRY_RUN].copy_from_slice(labels);
            all[DRY_RUN] = dry_run;
            self.series.with(&all)
        };
        let plain = find("");
        let series = if dry_run.is_empty() { plain.clone() } else { find(dry_run) };
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        Measure { series, plain, labels, long_running, sized }
    }

    /// Counts a request that the server ended to protect itself.
    pub(crate) fn terminate(&self, measure: &Measure, code: StatusCode) {
        let mut labels = vec![code.as_str(), COMPONENT.1];
        labels.extend(measure.labels.iter().map(String::as_str));
        self.terminated.with(&labels).inc();
    }

    /// Notes that somebody uses what is deprecated; `warning` may say in which release it ends.
    pub(crate) fn deprecated(&self, info: &RequestInfo, warning: &str) {
        let removed = warning.split_once("unavailable in v").map_or("", |(_, rest)| rest.trim_end_matches('+'));
        self.deprecated.with(&[&info.group, removed, &info.resource, &info.subresource, &info.version]).set(1);
    }

    /// A request that runs from now on.
    pub(crate) fn enter(&self, info: &RequestInfo) -> Running<'_> {
        let place = &self.in_flight[usize::from(is_mutating(info))];
        place.most.fetch_max(place.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Running(place)
    }

    /// How many requests of this kind wait in queues.
    pub(crate) fn queued(&self, info: &RequestInfo) -> &Gauge {
        &self.queued[usize::from(is_mutating(info))]
    }

    /// Where the events of a resource's watches are counted.
    pub(crate) fn events(&self, resource: &Resource) -> Arc<Histogram> {
        let gvr = &resource.gvr;
        self.events.with(&[&gvr.group, &gvr.resource, &gvr.version])
    }

    /// Writes all of it.
    pub(super) fn write(&self, page: &mut Page) {
        let histogram =
            |page: &mut Page, about: (&'static str, &'static str), of: &dyn Fn(&Series) -> &Histogram, dry| {
                page.metric(&About { name: about.0, help: about.1, labels: LABELS }, Kind::Histogram);
                self.each(|labels, series| {
                    if of(series).count() > 0 {
                        page.histogram(&labelled(labels, None, dry), of(series));
                    }
                });
            };
        page.counter("apiserver_request_total", "[STABLE] Requests by what they are about and how they ended.");
        self.each(|labels, series| {
            for (code, count) in series.codes.read().iter() {
                page.sample(&labelled(labels, Some(&code.to_string()), true), count.get());
            }
        });
        let took = ("apiserver_request_duration_seconds", "[STABLE] How long requests took, in seconds.");
        histogram(page, took, &|series| &series.secs, true);
        let sli = (
            "apiserver_request_sli_duration_seconds",
            "[ALPHA] How long requests took without waiting in queues and for webhooks, in seconds.",
        );
        histogram(page, sli, &|series| &series.sli_secs, false);
        let sizes = ("apiserver_response_sizes", "[STABLE] Sizes of the answers to reads, in bytes.");
        histogram(page, sizes, &|series| &series.bytes, false);
        page.gauge("apiserver_longrunning_requests", "[STABLE] Watches that are open.");
        self.each(|labels, series| {
            if labels[4] == "WATCH" {
                page.sample(&labelled(labels, None, false), series.open.get());
            }
        });
        let kinds = ["readOnly", "mutating"];
        page.gauge(
            "apiserver_current_inflight_requests",
            "[STABLE] The most requests that ran at once since the last scrape.",
        );
        for (kind, place) in kinds.iter().zip(&self.in_flight) {
            let now = place.now.load(Ordering::Relaxed);
            page.sample(&[("request_kind", kind)], place.most.swap(now, Ordering::Relaxed).max(now));
        }
        page.gauge("apiserver_current_inqueue_requests", "[ALPHA] Requests that wait in queues.");
        for (kind, queued) in kinds.iter().zip(&self.queued) {
            page.sample(&[("request_kind", kind)], queued.get());
        }
        self.terminated.write(page);
        self.deprecated.write(page);
        page.counter("apiserver_watch_events_total", "[ALPHA] Events that watchers were sent.");
        self.events.each(|labels, sizes| {
            page.sample(&[("group", labels[0]), ("resource", labels[1]), ("version", labels[2])], sizes.count());
        });
        self.events.write(page);
    }

    fn each(&self, look: impl FnMut(&[&str], &Series)) {
        self.series.each(look);
    }
}

const COMPONENT: (&str, &str) = ("component", "apiserver");

/// The labels of a sample, in the order of their names.
fn labelled<'a>(labels: &[&'a str], code: Option<&'a str>, dry_run: bool) -> Vec<(&'static str, &'a str)> {
    let mut all = Vec::with_capacity(LABELS.len() + 2);
    all.extend(code.map(|code| ("code", code)));
    all.push(COMPONENT);
    if dry_run {
        all.push(("dry_run", labels[DRY_RUN]));
    }
    all.extend(LABELS[..DRY_RUN].iter().copied().zip(labels.iter().copied()));
    all
}

impl Series {
    fn count(&self, code: u16) {
        if let Some((_, count)) = self.codes.read().iter().find(|(known, _)| *known == code) {
            return count.inc();
        }
        let mut codes = self.codes.write();
        match codes.binary_search_by_key(&code, |(known, _)| *known) {
            Ok(at) => codes[at].1.inc(),
            Err(at) => {
                codes.insert(at, (code, Counter::default()));
                codes[at].1.inc();
            }
        }
    }
}

impl Measure {
    /// Counts a request that came at `started`, now or when the last of its answer is sent.
    pub(crate) fn finish(&self, started: Instant, waited: &Waited, response: Response<Body>) -> Response<Body> {
        let exact = response.body().size_hint().exact();
        let over = Over {
            series: self.series.clone(),
            plain: self.plain.clone(),
            long_running: self.long_running && response.status() == StatusCode::OK,
            sized: self.sized,
            code: response.status().as_u16(),
            started,
            waited: waited.get(),
            bytes: exact.unwrap_or_default(),
        };
        if over.long_running {
            over.plain.open.inc();
        }
        // Dropping it here counts a request whose answer is at hand.
        if exact.is_some() {
            return response;
        }
        response.map(|inner| Body::new(Measured { inner, over }))
    }
}

/// What is counted when a request is over.
struct Over {
    series: Arc<Series>,
    plain: Arc<Series>,
    long_running: bool,
    sized: bool,
    code: u16,
    started: Instant,
    waited: Duration,
    bytes: u64,
}

impl Drop for Over {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.series.count(self.code);
        self.series.secs.observe(took.as_secs_f64());
        self.plain.sli_secs.observe(took.saturating_sub(self.waited).as_secs_f64());
        if self.sized {
            #[expect(clippy::cast_precision_loss, reason = "no answer has 2^53 bytes")]
            self.plain.bytes.observe(self.bytes as f64);
        }
        if self.long_running {
            self.plain.open.dec();
        }
    }
}

/// A body whose end, or whose reader's, ends the request.
struct Measured {
    inner: Body,
    over: Over,
}

impl http_body::Body for Measured {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(task);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.over.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

fn is_mutating(info: &RequestInfo) -> bool {
    !matches!(info.verb.as_str(), "get" | "list" | "watch" | "head")
}

fn is_connection(subresource: &str) -> bool {
    matches!(subresource, "exec" | "attach" | "portforward" | "proxy")
}

/// The verb as metrics have it.
fn verb(context: &Context, connects: bool) -> &'static str {
    let applies = |headers: &http::HeaderMap| {
        let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        media.starts_with("application/apply-patch+")
    };
    match context.info.verb.as_str() {
        _ if connects => "CONNECT",
        "get" => "GET",
        "list" => "LIST",
        "watch" => "WATCH",
        "create" => "POST",
        "update" => "PUT",
        "patch" if applies(&context.headers) => "APPLY",
        "patch" => "PATCH",
        "delete" => "DELETE",
        "deletecollection" => "DELETECOLLECTION",
        _ => "OTHER",
    }
}

/// How much a request may touch: an object, what is in a namespace, or all.
fn scope(info: &RequestInfo, resource: &Resource) -> &'static str {
    if (!info.name.is_empty() && !info.is_collection()) || info.verb == "create" {
        "resource"
    } else if resource.kind.namespaced && !info.namespace.is_empty() {
        "namespace"
    } else {
        "cluster"
    }
}

fn dry_run(context: &Context) -> &'static str {
    match context.query.get("dryRun") {
        None => "",
        Some("All") => "All",
        Some(_) => "invalid",
    }
}
