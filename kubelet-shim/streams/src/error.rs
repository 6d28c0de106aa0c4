//! What can go wrong on a stream.

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The peer broke the protocol; the connection is given up.
    #[error("protocol error: {0}")]
    Protocol(&'static str),
    /// The byte stream below failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The HTTP exchange before the upgrade failed.
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// The server answered something else than 101.
    #[error("cannot upgrade: {status}: {message}")]
    Refused {
        /// The status that came instead.
        status: http::StatusCode,
        /// The beginning of its body.
        message: String,
    },
    /// The address of a streaming server cannot be used.
    #[error("bad streaming address {0:?}")]
    Address(String),
    /// The connection is closed.
    #[error("connection closed")]
    Closed,
    /// A peer did not do its part in time.
    #[error("timed out waiting for {0}")]
    TimedOut(&'static str),
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Io(io) => io,
            other => Self::other(other),
        }
    }
}
