//! What runs on a connection: counted from a request's head to the end of its answer, so that a connection on which
//! nothing runs can be told from one that is busy. Costs a request few atomic steps.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct Activity {
    opened: Instant,
    begun: AtomicU64,
    ended: AtomicU64,
    /// When a request last ended, in milliseconds after the connection was opened.
    last_end_millis: AtomicU64,
    /// It has left HTTP, and is nobody's business any more.
    upgraded: AtomicBool,
    /// It is to be closed.
    closing: Notify,
}

impl Default for Activity {
    fn default() -> Self {
        Self {
            opened: Instant::now(),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            last_end_millis: AtomicU64::new(0),
            upgraded: AtomicBool::new(false),
            closing: Notify::new(),
        }
    }
}

impl Activity {
    /// A request has begun; it ends when what this returns is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Running {
        self.begun.fetch_add(1, Ordering::AcqRel);
        Running(self.clone())
    }

    /// How many requests have begun so far, where none of them runs and the connection still speaks HTTP.
    pub(super) fn quiet(&self) -> Option<u64> {
        let ended = self.ended.load(Ordering::Acquire);
        let begun = self.begun.load(Ordering::Acquire);
        (begun == ended && !self.has_upgraded()).then_some(begun)
    }

    /// Whether the bytes are somebody else's already.
    pub(super) fn has_upgraded(&self) -> bool {
        self.upgraded.load(Ordering::Acquire)
    }

    /// From now on the bytes are somebody else's.
    pub(super) fn upgrade(&self) {
        self.upgraded.store(true, Ordering::Release);
    }

    /// Has the connection closed once its requests are done.
    pub(super) fn close(&self) {
        self.closing.notify_one();
    }

    /// Returns when the connection is to be closed: somebody said so, or nothing has run for this long.
    pub(super) async fn over(&self, idle_wait: Duration) {
        let mut due = self.opened + idle_wait;
        loop {
            tokio::select! {
                () = self.closing.notified() => return,
                () = tokio::time::sleep_until(due) => {}
            }
            let now = Instant::now();
            due = match self.quiet() {
                Some(_) => {
                    let last = Duration::from_millis(self.last_end_millis.load(Ordering::Acquire));
                    self.opened + last + idle_wait
                }
                None => now + idle_wait,
            };
            if due <= now {
                return;
            }
        }
    }
}

/// A request that runs.
#[derive(Debug)]
pub(super) struct Running(Arc<Activity>);

impl Drop for Running {
    fn drop(&mut self) {
        let after = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_end_millis.store(after, Ordering::Release);
        self.0.ended.fetch_add(1, Ordering::AcqRel);
    }
}

/// The body of an answer, with which its request ends.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) body: Body,
    pub(super) _running: Running,
    /// Where somebody waits for it when the server stops.
    pub(super) _busy: Option<TaskTrackerToken>,
}

impl HttpBody for Ending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
