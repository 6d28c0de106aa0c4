//! The driver of a SPDY connection: one task reads frames, one writes them; [`Stream`]s talk to both.
//!
//! Bounds: streams per connection, bytes waiting per stream, frames waiting to be written. A peer that exceeds what
//! cannot be slowed down (streams, control frames) loses the stream or the connection.

use super::frame::{
    ControlFrame, FLAG_FIN, FLAG_UNIDIRECTIONAL, FRAME_HEADER_BYTES, FrameHeader, RST_PROTOCOL_ERROR,
    RST_REFUSED_STREAM, put_data,
};
use super::headers::{Deflater, Headers, Inflater};
use super::stream::{Inbound, Stream};
use crate::Error;
use bytes::{Bytes, BytesMut};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Streams that may be open at once; further ones are refused.
const STREAMS_MAX: usize = 256;
/// A data frame is handed on in pieces of this size.
pub(super) const PIECE_BYTES_MAX: usize = 32 * 1024;
/// Pieces that may wait for a stream's reader before the connection stops reading.
const PIECES_WAITING_MAX: usize = 8;
/// Data frames that may wait to be written before writers wait.
const DATA_WAITING_MAX: usize = 16;
/// Replies, resets and pings that may wait to be written; a peer that provokes more is cut off.
const CONTROL_WAITING_MAX: usize = 2 * STREAMS_MAX;
/// How long a closing connection tries to deliver what is queued and waits for the peer to close.
const CLOSE_SECS_MAX: u64 = 10;
/// How long the layer below may take to end properly.
const FAREWELL_SECS_MAX: u64 = 1;

/// Which end of the connection we are; clients open odd streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// We asked for the upgrade.
    Client,
    /// We answered it.
    Server,
}

/// One SPDY connection. Dropping it closes the connection after what is already queued has been written.
pub struct Connection {
    opens: mpsc::Sender<Open>,
    incoming: mpsc::Receiver<Stream>,
    closing: CancellationToken,
    dead: CancellationToken,
}

/// What the connection's streams and tasks share.
pub(super) struct Shared {
    streams: Mutex<HashMap<u32, Entry>>,
    pub(super) data: mpsc::Sender<DataFrame>,
    pub(super) control: mpsc::Sender<ControlFrame>,
    dead: CancellationToken,
}

struct Entry {
    /// None once the peer has finished its side.
    inbound: Option<mpsc::Sender<Bytes>>,
    state: Arc<Inbound>,
    local_finished: bool,
    reply: Option<oneshot::Sender<()>>,
}

pub(super) struct DataFrame {
    pub(super) stream: u32,
    pub(super) data: Bytes,
    pub(super) fin: bool,
}

struct Open {
    headers: Headers,
    opened: oneshot::Sender<(Stream, oneshot::Receiver<()>)>,
}

impl Connection {
    /// Starts the protocol on `io`, which has just been upgraded.
    pub fn new(io: impl AsyncRead + AsyncWrite + Send + 'static, side: Side) -> Self {
        let (opens, opens_rx) = mpsc::channel(DATA_WAITING_MAX);
        let (data, data_rx) = mpsc::channel(DATA_WAITING_MAX);
        let (control, control_rx) = mpsc::channel(CONTROL_WAITING_MAX);
        let (accepted, incoming) = mpsc::channel(STREAMS_MAX);
        let (closing, dead) = (CancellationToken::new(), CancellationToken::new());
        let shared = Arc::new(Shared { streams: Mutex::default(), data, control, dead: dead.clone() });
        let (read_half, write_half) = tokio::io::split(io);

        let writer = Writer {
            io: write_half,
            buffer: BytesMut::new(),
            shared: shared.clone(),
            next_id: if side == Side::Client { 1 } else { 2 },
        };
        let queues = Queues { opens: opens_rx, data: data_rx, control: control_rx };
        tokio::spawn(writer.run(queues, side, closing.clone(), dead.clone()));

        let reader = Reader {
            io: read_half,
            inflater: Inflater::new(),
            shared: shared.clone(),
            accepted,
            side,
            last_peer_id: 0,
        };
        let (reader_closing, reader_dead) = (closing.clone(), dead.clone());
        tokio::spawn(async move {
            let too_late = async {
                reader_closing.cancelled().await;
                tokio::time::sleep(Duration::from_secs(CLOSE_SECS_MAX)).await;
            };
            tokio::select! {
                outcome = reader.run() => if let Err(e) = outcome {
                    tracing::debug!("SPDY reader: {e}");
                },
                () = too_late => {}
                () = reader_dead.cancelled() => {}
            }
            shared.abandon();
            reader_dead.cancel();
        });
        Self { opens, incoming, closing, dead }
    }

    /// Opens a stream and waits until the peer has replied to it: peers drop data that comes earlier.
    pub async fn open(&self, headers: Headers) -> Result<Stream, Error> {
        let (opened, answer) = oneshot::channel();
        self.opens.send(Open { headers, opened }).await.map_err(|_| Error::Closed)?;
        let (stream, reply) = answer.await.map_err(|_| Error::Closed)?;
        tokio::select! {
            reply = reply => reply.map(|()| stream).map_err(|_| Error::Closed),
            () = self.dead.cancelled() => Err(Error::Closed),
        }
    }

    /// The next stream that the peer opens (already replied to), or None when the connection has ended.
    pub async fn accept(&mut self) -> Option<Stream> {
        self.incoming.recv().await
    }

    /// Completes when the connection is gone, whoever ended it.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        self.dead.clone().cancelled_owned()
    }

    /// Writes what is queued, says goodbye, and waits (for a bounded time) until the peer has closed its end,
    /// so that it does not lose what it has not read yet.
    pub async fn close(self) {
        self.closing.cancel();
        self.dead.cancelled().await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.closing.cancel();
    }
}

impl Shared {
    fn streams(&self) -> MutexGuard<'_, HashMap<u32, Entry>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(self: &Arc<Self>, id: u32, headers: Headers, flags: u8, reply: Option<oneshot::Sender<()>>) -> Stream {
        let (inbound, receiver) = mpsc::channel(PIECES_WAITING_MAX);
        let state = Arc::new(Inbound::default());
        let local_finished = flags & FLAG_UNIDIRECTIONAL != 0;
        let peer_finished = flags & FLAG_FIN != 0;
        if peer_finished {
            state.finish();
        }
        let inbound = (!peer_finished).then_some(inbound);
        self.streams().insert(id, Entry { inbound, state: state.clone(), local_finished, reply });
        Stream::new(id, headers, receiver, state, self.clone())
    }

    /// We will write no more on the stream.
    pub(super) fn finish_local(&self, id: u32) {
        let mut streams = self.streams();
        if let Some(entry) = streams.get_mut(&id) {
            entry.local_finished = true;
            if entry.inbound.is_none() {
                streams.remove(&id);
            }
        }
    }

    /// The peer will write no more on the stream.
    fn finish_peer(&self, id: u32) {
        let mut streams = self.streams();
        if let Some(entry) = streams.get_mut(&id) {
            entry.state.finish();
            entry.inbound = None;
            if entry.local_finished {
                streams.remove(&id);
            }
        }
    }

    /// Forgets a stream that one of the sides has reset.
    pub(super) fn forget(&self, id: u32) {
        self.streams().remove(&id);
    }

    /// The connection is gone: ends every stream without marking it finished.
    fn abandon(&self) {
        self.streams().clear();
    }

    fn queue_control(&self, frame: ControlFrame) -> Result<(), Error> {
        self.control.try_send(frame).map_err(|_| Error::Protocol("peer provokes more answers than it reads"))
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.is_cancelled()
    }
}

struct Queues {
    opens: mpsc::Receiver<Open>,
    data: mpsc::Receiver<DataFrame>,
    control: mpsc::Receiver<ControlFrame>,
}

struct Writer<W> {
    io: W,
    buffer: BytesMut,
    shared: Arc<Shared>,
    next_id: u32,
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    async fn run(mut self, queues: Queues, side: Side, closing: CancellationToken, dead: CancellationToken) {
        tokio::select! {
            outcome = self.write(queues, closing) => match outcome {
                // Go's clients throw away what they have read but not handled yet when they see the end of the
                // connection, the exit status for example. So the client has to end it.
                Ok(()) if side == Side::Server => dead.cancelled().await,
                Ok(()) => {}
                Err(e) => {
                    tracing::debug!("SPDY writer: {e}");
                    dead.cancel();
                }
            },
            () = dead.cancelled() => {}
        }
        // What is below (TLS, WebSocket) may have a farewell of its own.
        let _ = tokio::time::timeout(Duration::from_secs(FAREWELL_SECS_MAX), self.io.shutdown()).await;
    }

    /// Writes what is queued until the connection is being closed and nothing is left.
    async fn write(&mut self, mut queues: Queues, closing: CancellationToken) -> Result<(), Error> {
        let mut deflater = Deflater::new()?;
        loop {
            // Control frames first: a reply must be out before the stream's data.
            tokio::select! {
                biased;
                Some(frame) = queues.control.recv() => self.put_control(frame, &mut deflater)?,
                Some(open) = queues.opens.recv() => self.put_open(open, &mut deflater)?,
                Some(frame) = queues.data.recv() => self.put_data(&frame),
                () = closing.cancelled() => break,
            }
            if self.buffer.len() >= PIECE_BYTES_MAX || (queues.control.is_empty() && queues.data.is_empty()) {
                self.io.write_all_buf(&mut self.buffer).await?;
                self.io.flush().await?;
            }
        }
        ControlFrame::GoAway { last_good: 0, status: 0 }.encode(&mut self.buffer);
        self.io.write_all_buf(&mut self.buffer).await?;
        Ok(self.io.flush().await?)
    }

    fn put_control(&mut self, frame: ControlFrame, deflater: &mut Deflater) -> Result<(), Error> {
        let frame = match frame {
            // Blocks must be compressed in the order of the wire, hence here.
            ControlFrame::SynReply { stream, flags, .. } => {
                ControlFrame::SynReply { stream, flags, block: deflater.block(&Headers::default())? }
            }
            other => other,
        };
        frame.encode(&mut self.buffer);
        Ok(())
    }

    fn put_open(&mut self, open: Open, deflater: &mut Deflater) -> Result<(), Error> {
        if self.shared.streams().len() >= STREAMS_MAX {
            return Ok(()); // dropping `open` tells the caller
        }
        let id = self.next_id;
        self.next_id += 2;
        let block = deflater.block(&open.headers)?;
        let (replied, reply) = oneshot::channel();
        let stream = self.shared.register(id, open.headers, 0, Some(replied));
        ControlFrame::SynStream { stream: id, flags: 0, block }.encode(&mut self.buffer);
        let _ = open.opened.send((stream, reply));
        Ok(())
    }

    fn put_data(&mut self, frame: &DataFrame) {
        put_data(&mut self.buffer, frame.stream, if frame.fin { FLAG_FIN } else { 0 }, &frame.data);
        if frame.fin {
            self.shared.finish_local(frame.stream);
        }
    }
}

struct Reader<R> {
    io: R,
    inflater: Inflater,
    shared: Arc<Shared>,
    accepted: mpsc::Sender<Stream>,
    side: Side,
    last_peer_id: u32,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Ends with Ok when the peer has closed the byte stream between two frames.
    async fn run(mut self) -> Result<(), Error> {
        loop {
            let mut header = [0; FRAME_HEADER_BYTES];
            let started = self.io.read(&mut header).await?;
            if started == 0 {
                return Ok(());
            }
            self.io.read_exact(&mut header[started..]).await?;
            match FrameHeader::parse(header)? {
                FrameHeader::Data { stream, flags, len } => self.data(stream, flags, len).await?,
                FrameHeader::Control { kind, flags, len } => {
                    let mut payload = vec![0; len];
                    self.io.read_exact(&mut payload).await?;
                    self.control(ControlFrame::parse(kind, flags, payload.into())?)?;
                }
            }
        }
    }

    async fn data(&mut self, id: u32, flags: u8, mut len: usize) -> Result<(), Error> {
        // Data for a stream that is gone is read and thrown away, as its sender may not know yet.
        let inbound = self.shared.streams().get(&id).and_then(|entry| entry.inbound.clone());
        while len > 0 {
            let mut piece = BytesMut::zeroed(len.min(PIECE_BYTES_MAX));
            self.io.read_exact(&mut piece).await?;
            len -= piece.len();
            if let Some(inbound) = &inbound {
                let _ = inbound.send(piece.freeze()).await;
            }
        }
        if flags & FLAG_FIN != 0 {
            self.shared.finish_peer(id);
        }
        Ok(())
    }

    fn control(&mut self, frame: ControlFrame) -> Result<(), Error> {
        match frame {
            ControlFrame::SynStream { stream, flags, block } => {
                let headers = self.inflater.headers(&block)?;
                self.syn_stream(stream, flags, headers)?;
            }
            ControlFrame::SynReply { stream, flags, block } => {
                self.inflater.headers(&block)?;
                let reply = self.shared.streams().get_mut(&stream).and_then(|entry| entry.reply.take());
                if let Some(reply) = reply {
                    let _ = reply.send(());
                }
                if flags & FLAG_FIN != 0 {
                    self.shared.finish_peer(stream);
                }
            }
            ControlFrame::Headers { stream, flags, block } => {
                self.inflater.headers(&block)?;
                if flags & FLAG_FIN != 0 {
                    self.shared.finish_peer(stream);
                }
            }
            ControlFrame::RstStream { stream, .. } => {
                // Peers reset streams at the end of a connection instead of finishing them: it reads as an end.
                if let Some(entry) = self.shared.streams().remove(&stream) {
                    entry.state.reset();
                }
            }
            // Ours come back as answers; only the peer's want one.
            ControlFrame::Ping { id } if (id % 2 == 1) == (self.side == Side::Server) => {
                self.shared.queue_control(ControlFrame::Ping { id })?;
            }
            // What has been opened goes on; the peer closes the socket when it is done.
            ControlFrame::Ping { .. } | ControlFrame::GoAway { .. } | ControlFrame::Ignored => {}
        }
        Ok(())
    }

    fn syn_stream(&mut self, id: u32, flags: u8, headers: Headers) -> Result<(), Error> {
        let from_client = id % 2 == 1;
        if id == 0 || from_client != (self.side == Side::Server) || id <= self.last_peer_id {
            return self.shared.queue_control(ControlFrame::RstStream { stream: id, status: RST_PROTOCOL_ERROR });
        }
        self.last_peer_id = id;
        if self.shared.streams().len() >= STREAMS_MAX {
            return self.shared.queue_control(ControlFrame::RstStream { stream: id, status: RST_REFUSED_STREAM });
        }
        let stream = self.shared.register(id, headers, flags, None);
        self.shared.queue_control(ControlFrame::SynReply { stream: id, flags: 0, block: Bytes::new() })?;
        // A refused stream resets itself as it is dropped.
        let _ = self.accepted.try_send(stream);
        Ok(())
    }
}
