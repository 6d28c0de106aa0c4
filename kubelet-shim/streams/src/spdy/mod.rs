//! SPDY/3.1, the part that Kubernetes clients and containerd's streaming server speak.
//!
//! [`Connection`] runs over any byte stream, as client or server, and hands out [`Stream`]s that are read and written
//! like sockets. `frame` and `headers` are the wire format and know nothing of sockets; `connection` is the driver.
//!
//! Flow control: the peers (spdystream in Go) neither send WINDOW_UPDATE nor honour it, so no credit is counted:
//! waiting for it would hang every transfer over 64 KiB. A slow consumer makes the connection stop reading from its
//! socket instead, which bounds memory in the same way.

mod connection;
mod frame;
mod headers;
mod stream;
#[cfg(test)]
mod tests;

pub use connection::{Connection, Side};
pub use headers::Headers;
pub use stream::Stream;
