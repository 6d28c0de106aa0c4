//! How long a connection may take over what, and how much of it: upstream's figures where it has one.

use std::time::Duration;

/// How long a client may take for the handshake.
const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);
/// How long an HTTP/1.1 client may take for a request's head from its first byte on (`ReadHeaderTimeout`).
const HEAD_WAIT: Duration = Duration::from_secs(32);
/// How long a connection is kept on which nothing runs (`IdleTimeout`), whatever else is said on it.
const IDLE_WAIT: Duration = Duration::from_secs(90);
/// How long a client may leave no room for what is written to it.
const WRITE_WAIT: Duration = Duration::from_secs(60);
/// How large the head of a request may be (`MaxHeaderBytes`): long selectors are in its path.
const HEAD_BYTES_MAX: u32 = 1 << 20;
/// Streams of an HTTP/2 connection at once; a client opens another connection beyond that.
const STREAMS_MAX: u32 = 100;
/// How much of a request's body may be on its way unread on a stream, and in the largest frame.
const STREAM_BYTES_MAX: u32 = 256 * 1024;
/// The same on all streams of a connection. Upstream allows all streams their whole share; what is sent beyond this
/// waits for what is read.
const CONNECTION_BYTES_MAX: u32 = 4 * 1024 * 1024;
/// How often a quiet HTTP/2 connection is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long it may take to answer that.
const PING_WAIT: Duration = Duration::from_secs(15);

/// The limits of each connection.
#[derive(Clone, Debug)]
pub(super) struct Limits {
    pub(super) handshake_wait: Duration,
    pub(super) head_wait: Duration,
    pub(super) idle_wait: Duration,
    pub(super) write_wait: Duration,
    pub(super) head_bytes_max: u32,
    pub(super) streams_max: u32,
    pub(super) stream_bytes_max: u32,
    pub(super) connection_bytes_max: u32,
    pub(super) ping_every: Duration,
    pub(super) ping_wait: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_wait: HANDSHAKE_WAIT,
            head_wait: HEAD_WAIT,
            idle_wait: IDLE_WAIT,
            write_wait: WRITE_WAIT,
            head_bytes_max: HEAD_BYTES_MAX,
            streams_max: STREAMS_MAX,
            stream_bytes_max: STREAM_BYTES_MAX,
            connection_bytes_max: CONNECTION_BYTES_MAX,
            ping_every: PING_EVERY,
            ping_wait: PING_WAIT,
        }
    }
}
