//! One stream of a SPDY connection, read and written like a socket.

use super::connection::{DataFrame, PIECE_BYTES_MAX, Shared};
use super::frame::{ControlFrame, RST_CANCEL};
use super::headers::Headers;
use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

/// A bidirectional stream. `shutdown` finishes our side and leaves the peer's open; dropping a stream whose side is
/// not finished resets it.
pub struct Stream {
    id: u32,
    headers: Headers,
    inbound: mpsc::Receiver<Bytes>,
    current: Bytes,
    state: Arc<Inbound>,
    data: PollSender<DataFrame>,
    shared: Arc<Shared>,
    finished: bool,
}

/// How the peer's side of a stream ended.
#[derive(Debug, Default)]
pub(super) struct Inbound(AtomicU8);

const OPEN: u8 = 0;
const FINISHED: u8 = 1;
const RESET: u8 = 2;

impl Inbound {
    pub(super) fn finish(&self) {
        self.0.store(FINISHED, Ordering::Release);
    }

    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::Release);
    }

    fn get(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }
}

impl Stream {
    pub(super) fn new(
        id: u32,
        headers: Headers,
        inbound: mpsc::Receiver<Bytes>,
        state: Arc<Inbound>,
        shared: Arc<Shared>,
    ) -> Self {
        let data = PollSender::new(shared.data.clone());
        Self { id, headers, inbound, current: Bytes::new(), state, data, shared, finished: false }
    }

    /// The headers with which the stream was opened.
    pub fn headers(&self) -> &Headers {
        &self.headers
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], fin: bool) -> Poll<io::Result<()>> {
        if self.finished || self.state.get() == RESET || self.shared.is_dead() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let frame = |data| DataFrame { stream: self.id, data, fin };
        let sent = match ready!(self.data.poll_reserve(cx)) {
            Ok(()) => self.data.send_item(frame(Bytes::copy_from_slice(data))).is_ok(),
            Err(_) => false,
        };
        Poll::Ready(if sent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) })
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.inbound.poll_recv(cx)) {
                Some(piece) => self.current = piece,
                None if self.state.get() == OPEN => return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                None => return Poll::Ready(Ok(())),
            }
        }
        let len = self.current.len().min(out.remaining());
        out.put_slice(&self.current[..len]);
        self.current.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let piece = &data[..data.len().min(PIECE_BYTES_MAX)];
        ready!(self.poll_send(cx, piece, false))?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.finished {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_send(cx, &[], true))?;
        self.finished = true;
        Poll::Ready(Ok(()))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // A finished stream stays known until the peer has finished too: a reset could overtake our last data.
        if !self.finished && self.state.get() != RESET {
            self.shared.forget(self.id);
            let _ = self.shared.control.try_send(ControlFrame::RstStream { stream: self.id, status: RST_CANCEL });
        }
    }
}
