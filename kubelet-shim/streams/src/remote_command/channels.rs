//! Byte streams over numbered channels: how a WebSocket session looks like five sockets.

use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

/// Output is cut into messages of this size.
const PIECE_BYTES_MAX: usize = 32 * 1024;

/// Writes to one channel of a connection.
pub(crate) struct ChannelWriter {
    channel: u8,
    to: PollSender<(u8, Bytes)>,
}

impl ChannelWriter {
    pub(crate) fn new(channel: u8, to: mpsc::Sender<(u8, Bytes)>) -> Self {
        Self { channel, to: PollSender::new(to) }
    }
}

impl AsyncWrite for ChannelWriter {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let broken = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        ready!(self.to.poll_reserve(cx)).map_err(broken)?;
        let piece = &data[..data.len().min(PIECE_BYTES_MAX)];
        let message = (self.channel, Bytes::copy_from_slice(piece));
        self.to.send_item(message).map_err(broken)?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.to.close();
        Poll::Ready(Ok(()))
    }
}
