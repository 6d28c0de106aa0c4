//! The store as the server sees it, counting what it writes: upstream's `etcd_*` metrics are of its store, ours of ours.

use std::sync::Arc;
use std::time::Instant;

use futures::future::BoxFuture;
use kubernel_metrics::{About, Counter, Family, Histogram, Page, Source, buckets};
use kubernel_store::{At, Change, Entry, Event, Expect, Revision, Snapshot, Store, StoreError, Watch};

const LABELS: &[&str] = &["group", "operation", "resource"];

/// A store whose commits are counted and timed. Reads come from memory and are not worth a clock.
pub(crate) struct Counted {
    inner: Arc<dyn Store>,
    commits: Family<Histogram>,
    failures: Family<Counter>,
}

impl Counted {
    /// Counts what goes through this store.
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let commits = About {
            name: "etcd_request_duration_seconds",
            help: "[ALPHA] How long the store took for a write, in seconds.",
            labels: LABELS,
        };
        Arc::new(Self {
            inner,
            commits: Family::new(commits, || Histogram::new(&buckets::REQUEST_SECS)),
            failures: Family::counters(
                "etcd_request_errors_total",
                "[ALPHA] Writes that the store refused, conflicts not counted.",
                LABELS,
            ),
        })
    }
}

/// The group, operation and resource of a transaction: those of its first change.
fn labels_of(changes: &[Change]) -> Option<[String; 3]> {
    let (key, operation) = match changes.first()? {
        Change::Put { key, expect: Expect::Absent, .. } => (key, "create"),
        Change::Put { key, expect: Expect::Revision(_), .. } => (key, "update"),
        Change::Delete { key, .. } => (key, "delete"),
    };
    let mut words = key.split('/').skip(2);
    let group = words.next().filter(|group| *group != "core").unwrap_or_default();
    Some([group.to_owned(), operation.to_owned(), words.next().unwrap_or_default().to_owned()])
}

impl Store for Counted {
    fn revision(&self) -> Revision {
        self.inner.revision()
    }

    fn count(&self, prefix: &str) -> usize {
        self.inner.count(prefix)
    }

    fn events(&self, prefix: &str) -> u64 {
        self.inner.events(prefix)
    }

    fn disk_bytes(&self) -> Option<u64> {
        self.inner.disk_bytes()
    }

    fn health(&self) -> Result<(), String> {
        self.inner.health()
    }

    fn snapshot<'a>(&'a self, prefix: &'a str, at: At) -> BoxFuture<'a, Result<Arc<dyn Snapshot>, StoreError>> {
        self.inner.snapshot(prefix, at)
    }

    fn commit(&self, changes: Vec<Change>) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>> {
        Box::pin(async move {
            let labels = labels_of(&changes);
            let started = Instant::now();
            let outcome = self.inner.commit(changes).await;
            if let Some([group, operation, resource]) = &labels {
                let labels = [group.as_str(), operation, resource];
                self.commits.with(&labels).observe(started.elapsed().as_secs_f64());
                if matches!(outcome, Err(StoreError::Engine(_))) {
                    self.failures.with(&labels).inc();
                }
            }
            outcome
        })
    }

    fn learn(&self, entries: Vec<Arc<Entry>>) -> BoxFuture<'_, ()> {
        self.inner.learn(entries)
    }

    fn watch(&self, prefix: &str, after: Revision) -> Result<Box<dyn Watch>, StoreError> {
        self.inner.watch(prefix, after)
    }
}

impl Source for Counted {
    fn write(&self, page: &mut Page) {
        self.commits.write(page);
        page.counter("etcd_requests_total", "[ALPHA] Writes that the store was asked for.");
        self.commits.each(|values, took| {
            let labels: Vec<(&str, &str)> = LABELS.iter().copied().zip(values.iter().copied()).collect();
            page.sample(&labels, took.count());
        });
        self.failures.write(page);
        if let Some(bytes) = self.disk_bytes() {
            page.gauge("apiserver_storage_size_bytes", "[STABLE] How much the store's files take, in bytes.");
            page.sample(&[("storage_cluster_id", "embedded")], bytes);
        }
    }
}
