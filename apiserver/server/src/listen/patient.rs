//! A stream that does not wait for its peer for ever: neither for the rest of a request's head (HTTP/1.1), nor for room
//! to write into.
//!
//! What arrives while nothing runs begins a head; from then on it has a limited time. A connection on which not even
//! that has begun is idle, which is the business of [`Activity::over`]. Once a connection has left HTTP, its peer may
//! take as long as it likes: somebody may have stopped their terminal.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use super::activity::Activity;

/// The stream.
pub(super) struct Patient<S> {
    stream: S,
    activity: Arc<Activity>,
    /// How long a head may take; `None` where heads are not seen here.
    head_wait: Option<Duration>,
    write_wait: Duration,
    /// After how many requests the present head began, and when.
    head: Option<(u64, Instant)>,
    /// Runs where the rest of a head did not come with its beginning.
    head_timer: Option<Pin<Box<Sleep>>>,
    /// Runs while there is no room to write into.
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, head_wait: Option<Duration>, write_wait: Duration) -> Self {
        Self { stream, activity, head_wait, write_wait, head: None, head_timer: None, write_timer: None }
    }

    /// Forgets the head that has become a request.
    fn settle(&mut self) -> Option<u64> {
        let quiet = self.activity.quiet();
        if self.head.is_some_and(|(begun, _)| quiet != Some(begun)) {
            self.head = None;
            self.head_timer = None;
        }
        quiet
    }

    /// The outcome of writing, or an error where the peer has made no room for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() || self.activity.has_upgraded() {
            self.write_timer = None;
            return outcome;
        }
        let write_wait = self.write_wait;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(write_wait)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer did not read in time")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(head_wait) = self.head_wait else { return Pin::new(&mut self.stream).poll_read(cx, out) };
        let quiet = self.settle();
        let before = out.filled().len();
        if let Poll::Ready(outcome) = Pin::new(&mut self.stream).poll_read(cx, out) {
            if let (Some(begun), None) = (quiet, self.head)
                && out.filled().len() > before
            {
                self.head = Some((begun, Instant::now()));
            }
            return Poll::Ready(outcome);
        }
        let Some((_, since)) = self.head else { return Poll::Pending };
        let timer = self.head_timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(since + head_wait)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the head of a request did not come in time")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, data);
        self.written(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.written(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, outcome)
    }
}
