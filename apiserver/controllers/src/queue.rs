//! Work queues: keys, each at most once, none handled by two workers at a time, failed ones later and later.
//!
//! The shape is client-go's rate-limited work queue. Reconcilers take only a key, so that many changes of one object
//! collapse into one run.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use kubernel_metrics::{About, Counter, Histogram, Kind, Page, Source, buckets};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The first delay after a failure; each further one doubles it.
const BACKOFF_MIN: Duration = Duration::from_millis(5);
/// The longest delay after a failure.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// What a reconciler wants next for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing until something changes.
    Done,
    /// Another run after this time.
    After(Duration),
}

/// All queues of the controllers, as metrics show them.
#[derive(Default)]
pub struct Queues {
    all: Mutex<Vec<Arc<dyn Observed>>>,
}

/// What was counted of one queue.
struct Counts {
    name: &'static str,
    adds: Counter,
    retries: Counter,
    waited: Histogram,
    worked: Histogram,
}

/// A queue, whatever its keys are.
trait Observed: Send + Sync {
    fn counts(&self) -> &Counts;

    /// How many keys wait, and for how long each worker has had its key.
    fn now(&self) -> (usize, Vec<Duration>);
}

/// A queue of keys. Clones share it.
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    inner: Mutex<Inner<T>>,
    ready: Notify,
    counts: Counts,
}

struct Inner<T> {
    /// Each with the time at which it came.
    waiting: VecDeque<(T, Instant)>,
    queued: HashSet<T>,
    /// Each with the time at which a worker took it.
    running: HashMap<T, Instant>,
    /// Keys that changed while a worker had them.
    again: HashSet<T>,
    failures: HashMap<T, u32>,
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T: Clone + Eq + Hash + Send + Sync + std::fmt::Display + 'static> Queue<T> {
    /// An empty queue that metrics know by this name.
    fn named(name: &'static str) -> Self {
        let inner = Inner {
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            running: HashMap::new(),
            again: HashSet::new(),
            failures: HashMap::new(),
        };
        let seconds = || Histogram::new(&buckets::QUEUE_SECS);
        let (adds, retries) = (Counter::default(), Counter::default());
        let counts = Counts { name, adds, retries, waited: seconds(), worked: seconds() };
        Self { shared: Arc::new(Shared { inner: Mutex::new(inner), ready: Notify::new(), counts }) }
    }

    /// Puts a key on the queue, unless it is there.
    pub fn add(&self, key: T) {
        let mut inner = self.shared.inner.lock();
        if inner.running.contains_key(&key) {
            if inner.again.insert(key) {
                self.shared.counts.adds.inc();
            }
        } else if inner.queued.insert(key.clone()) {
            self.shared.counts.adds.inc();
            inner.waiting.push_back((key, Instant::now()));
            self.shared.ready.notify_one();
        }
    }

    /// Puts a key on the queue after a while.
    pub fn add_after(&self, key: T, delay: Duration) {
        let queue = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            queue.add(key);
        });
    }

    /// Runs `reconcile` on the keys, at most `workers` at a time, until the future is dropped.
    pub async fn run<F, Fut, E>(&self, workers: usize, reconcile: F)
    where
        F: Fn(T) -> Fut,
        Fut: Future<Output = Result<Next, E>>,
        E: std::fmt::Display,
    {
        let mut runs = FuturesUnordered::new();
        loop {
            while runs.len() < workers {
                let Some(key) = self.take() else { break };
                let run = reconcile(key.clone());
                runs.push(async move { (key, run.await) });
            }
            tokio::select! {
                () = self.shared.ready.notified(), if runs.len() < workers => {}
                Some((key, outcome)) = runs.next(), if !runs.is_empty() => self.finish(key, outcome),
            }
        }
    }

    fn take(&self) -> Option<T> {
        let mut inner = self.shared.inner.lock();
        let (key, since) = inner.waiting.pop_front()?;
        let now = Instant::now();
        self.shared.counts.waited.observe((now - since).as_secs_f64());
        inner.queued.remove(&key);
        inner.running.insert(key.clone(), now);
        if !inner.waiting.is_empty() {
            self.shared.ready.notify_one();
        }
        Some(key)
    }

    fn finish<E: std::fmt::Display>(&self, key: T, outcome: Result<Next, E>) {
        let counts = &self.shared.counts;
        let delay = {
            let mut inner = self.shared.inner.lock();
            if let Some(since) = inner.running.remove(&key) {
                counts.worked.observe(since.elapsed().as_secs_f64());
            }
            match &outcome {
                Ok(_) => {
                    inner.failures.remove(&key);
                }
                Err(_) => {
                    counts.retries.inc();
                    *inner.failures.entry(key.clone()).or_default() += 1;
                }
            }
            let failures = inner.failures.get(&key).copied().unwrap_or(0);
            if inner.again.remove(&key) { Some(Duration::ZERO) } else { wait(&outcome, failures) }
        };
        if let Err(error) = outcome {
            tracing::debug!(queue = counts.name, %key, %error, "reconciling failed; it is tried again");
        }
        match delay {
            Some(Duration::ZERO) => self.add(key),
            Some(delay) => self.add_after(key, delay),
            None => {}
        }
    }
}

impl Queues {
    /// A new queue under this name.
    pub fn queue<T: Clone + Eq + Hash + Send + Sync + std::fmt::Display + 'static>(
        &self,
        name: &'static str,
    ) -> Queue<T> {
        let queue = Queue::named(name);
        self.all.lock().push(queue.shared.clone());
        queue
    }
}

impl<T: Send + Sync> Observed for Shared<T> {
    fn counts(&self) -> &Counts {
        &self.counts
    }

    fn now(&self) -> (usize, Vec<Duration>) {
        let inner = self.inner.lock();
        (inner.waiting.len(), inner.running.values().map(Instant::elapsed).collect())
    }
}

impl Source for Queues {
    fn write(&self, page: &mut Page) {
        let all = self.all.lock().clone();
        type Count = fn(&Counts) -> &Counter;
        let counters: [(&str, &str, Count); 2] = [
            ("workqueue_adds_total", "[ALPHA] Keys that were put on a work queue.", |counts| &counts.adds),
            ("workqueue_retries_total", "[ALPHA] Keys that failed and were put back.", |counts| &counts.retries),
        ];
        for (name, help, of) in counters {
            page.counter(name, help);
            all.iter()
                .map(|queue| queue.counts())
                .for_each(|counts| page.sample(&[("name", counts.name)], of(counts).get()));
        }
        let now: Vec<(&str, usize, Vec<Duration>)> = all
            .iter()
            .map(|queue| {
                let (depth, running) = queue.now();
                (queue.counts().name, depth, running)
            })
            .collect();
        page.gauge("workqueue_depth", "[ALPHA] Keys that wait on a work queue.");
        now.iter().for_each(|(name, depth, _)| page.sample(&[("name", name)], depth));
        page.gauge(
            "workqueue_unfinished_work_seconds",
            "[ALPHA] How long the keys that are worked on have been, in all.",
        );
        let secs = |running: &[Duration]| running.iter().sum::<Duration>().as_secs_f64();
        now.iter().for_each(|(name, _, running)| page.sample(&[("name", name)], secs(running)));
        page.gauge("workqueue_longest_running_processor_seconds", "[ALPHA] How long the longest of them has been.");
        let most = |running: &[Duration]| running.iter().max().map_or(0.0, Duration::as_secs_f64);
        now.iter().for_each(|(name, _, running)| page.sample(&[("name", name)], most(running)));
        type Taken = fn(&Counts) -> &Histogram;
        let histograms: [(&str, &str, Taken); 2] = [
            ("workqueue_queue_duration_seconds", "[ALPHA] How long keys waited, in seconds.", |counts| &counts.waited),
            ("workqueue_work_duration_seconds", "[ALPHA] How long keys were worked on, in seconds.", |counts| {
                &counts.worked
            }),
        ];
        for (name, help, of) in histograms {
            page.metric(&About { name, help, labels: &["name"] }, Kind::Histogram);
            all.iter()
                .map(|queue| queue.counts())
                .for_each(|counts| page.histogram(&[("name", counts.name)], of(counts)));
        }
    }
}

/// When a key comes back after a run.
fn wait<E>(outcome: &Result<Next, E>, failures: u32) -> Option<Duration> {
    match outcome {
        Ok(Next::Done) => None,
        Ok(Next::After(delay)) => Some(*delay),
        Err(_) => Some((BACKOFF_MIN * 2_u32.saturating_pow(failures.saturating_sub(1).min(20))).min(BACKOFF_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn failures_wait_longer_and_longer() {
        let cases = [(1, 5), (2, 10), (3, 20), (11, 5120), (15, 60_000), (u32::MAX, 60_000)];
        for (failures, millis) in cases {
            assert_eq!(wait(&Err::<Next, _>("x"), failures), Some(Duration::from_millis(millis)), "{failures}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_queued_once_and_comes_back_after_a_failure() {
        let queues = Queues::default();
        let queue = queues.queue("test");
        for key in ["a", "b", "a"] {
            queue.add(key);
        }
        let runs = AtomicUsize::new(0);
        let enough = Notify::new();
        let work = queue.run(1, |key| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            if run == 3 {
                enough.notify_one();
            }
            async move { if key == "a" && run < 3 { Err("not yet") } else { Ok(Next::Done) } }
        });
        tokio::select! { () = work => {}, () = enough.notified() => {} }
        assert_eq!(runs.load(Ordering::SeqCst), 4, "a, b, a again, a again");
        let mut page = Page::new(kubernel_metrics::Format::Text);
        queues.write(&mut page);
        let page = page.finish();
        for (metric, value) in
            [("adds_total", 4), ("retries_total", 2), ("depth", 0), ("queue_duration_seconds_count", 4)]
        {
            let line = format!("workqueue_{metric}{{name=\"test\"}} {value}\n");
            assert!(page.contains(&line), "{line}{page}");
        }
    }
}
