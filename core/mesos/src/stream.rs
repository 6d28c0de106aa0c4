//! The event stream of a framework: records that wait for a slow reader, and heartbeats.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use http_body::{Body, Frame};
use kubernel_mesos_proto::{Message, recordio};
use tokio::{
    sync::mpsc,
    time::{Instant, Interval, MissedTickBehavior},
};

/// What may wait for a reader. Who reads more slowly than it is told things loses the stream, and may subscribe again.
const WAITING_BYTES_MAX: usize = 32 << 20;

/// How messages travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As JSON.
    Json,
    /// As protobuf.
    Protobuf,
}

impl Encoding {
    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    /// A message as it travels.
    pub fn encode(self, message: &impl Message) -> Vec<u8> {
        match self {
            Self::Json => message.to_json().into_bytes(),
            Self::Protobuf => message.encode(),
        }
    }
}

/// The end of a stream at which events go in.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: String,
    pub(crate) encoding: Encoding,
    sender: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<AtomicUsize>,
}

/// The end of a stream at which they come out; tells when nobody reads any more.
pub(crate) struct StreamBody {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    waiting: Arc<AtomicUsize>,
    heartbeat: Bytes,
    interval: Interval,
    gone: Option<Box<dyn FnOnce() + Send>>,
}

/// A new stream; `heartbeat` is sent as often as `every` says, `gone` called when nobody reads any more.
pub(crate) fn stream(
    id: String,
    encoding: Encoding,
    heartbeat: &impl Message,
    every: Duration,
    gone: impl FnOnce() + Send + 'static,
) -> (Stream, StreamBody) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let every = every.max(Duration::from_millis(10));
    let mut interval = tokio::time::interval_at(Instant::now() + every, every);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let heartbeat = recordio::encode(&encoding.encode(heartbeat)).into();
    let body = StreamBody { receiver, waiting: waiting.clone(), heartbeat, interval, gone: Some(Box::new(gone)) };
    (Stream { id, encoding, sender, waiting }, body)
}

impl Stream {
    /// Sends an event; `false`: nobody reads, or not fast enough.
    pub(crate) fn send(&self, event: &impl Message) -> bool {
        let record: Bytes = recordio::encode(&self.encoding.encode(event)).into();
        let waiting = self.waiting.fetch_add(record.len(), Ordering::Relaxed) + record.len();
        waiting <= WAITING_BYTES_MAX.max(record.len()) && self.sender.send(record).is_ok()
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.receiver.poll_recv(context) {
            Poll::Ready(Some(record)) => {
                self.waiting.fetch_sub(record.len(), Ordering::Relaxed);
                Poll::Ready(Some(Ok(Frame::data(record))))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.interval.poll_tick(context) {
                Poll::Ready(_) => Poll::Ready(Some(Ok(Frame::data(self.heartbeat.clone())))),
                Poll::Pending => Poll::Pending,
            },
        }
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        if let Some(gone) = self.gone.take() {
            gone();
        }
    }
}
