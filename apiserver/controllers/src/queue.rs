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
use parking_lot::Mutex;
use tokio::sync::Notify;

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

/// A queue of keys. Clones share it.
pub struct Queue<T> {
    shared: Arc<Shared<T>>,
}

struct Shared<T> {
    inner: Mutex<Inner<T>>,
    ready: Notify,
}

struct Inner<T> {
    waiting: VecDeque<T>,
    queued: HashSet<T>,
    running: HashSet<T>,
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
    /// An empty queue.
    pub fn new() -> Self {
        let inner = Inner {
            waiting: VecDeque::new(),
            queued: HashSet::new(),
            running: HashSet::new(),
            again: HashSet::new(),
            failures: HashMap::new(),
        };
        Self { shared: Arc::new(Shared { inner: Mutex::new(inner), ready: Notify::new() }) }
    }

    /// Puts a key on the queue, unless it is there.
    pub fn add(&self, key: T) {
        let mut inner = self.shared.inner.lock();
        if inner.running.contains(&key) {
            inner.again.insert(key);
        } else if inner.queued.insert(key.clone()) {
            inner.waiting.push_back(key);
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
    pub async fn run<F, Fut, E>(&self, controller: &'static str, workers: usize, reconcile: F)
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
                Some((key, outcome)) = runs.next(), if !runs.is_empty() => self.finish(controller, key, outcome),
            }
        }
    }

    fn take(&self) -> Option<T> {
        let mut inner = self.shared.inner.lock();
        let key = inner.waiting.pop_front()?;
        inner.queued.remove(&key);
        inner.running.insert(key.clone());
        if !inner.waiting.is_empty() {
            self.shared.ready.notify_one();
        }
        Some(key)
    }

    fn finish<E: std::fmt::Display>(&self, controller: &str, key: T, outcome: Result<Next, E>) {
        let delay = {
            let mut inner = self.shared.inner.lock();
            inner.running.remove(&key);
            match &outcome {
                Ok(_) => {
                    inner.failures.remove(&key);
                }
                Err(_) => *inner.failures.entry(key.clone()).or_default() += 1,
            }
            let failures = inner.failures.get(&key).copied().unwrap_or(0);
            if inner.again.remove(&key) { Some(Duration::ZERO) } else { wait(&outcome, failures) }
        };
        if let Err(error) = outcome {
            tracing::debug!(controller, %key, %error, "reconciling failed; it is tried again");
        }
        match delay {
            Some(Duration::ZERO) => self.add(key),
            Some(delay) => self.add_after(key, delay),
            None => {}
        }
    }
}

impl<T: Clone + Eq + Hash + Send + Sync + std::fmt::Display + 'static> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
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
        let queue = Queue::new();
        for key in ["a", "b", "a"] {
            queue.add(key);
        }
        let runs = AtomicUsize::new(0);
        let enough = Notify::new();
        let work = queue.run("test", 1, |key| {
            let run = runs.fetch_add(1, Ordering::SeqCst);
            if run == 3 {
                enough.notify_one();
            }
            async move { if key == "a" && run < 3 { Err("not yet") } else { Ok(Next::Done) } }
        });
        tokio::select! { () = work => {}, () = enough.notified() => {} }
        assert_eq!(runs.load(Ordering::SeqCst), 4, "a, b, a again, a again");
    }
}
