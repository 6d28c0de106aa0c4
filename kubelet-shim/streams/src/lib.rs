//! The streams of exec, attach and port-forward: SPDY/3.1 and WebSocket, as server towards clients and as client
//! towards the container runtime.
//!
//! Start at [`remote_command::serve`] (exec, attach) and [`port_forward::serve`]; both answer one HTTP request and go
//! on in a task of their own. [`containerd::PreparedStream`], [`local::LocalCommand`] and
//! [`port_forward::PodDialer`] are what they are served with on a real node. [`spdy`] is the protocol below. This crate knows no Pods and makes no decisions about
//! who may do what.

pub mod containerd;
mod error;
pub mod local;
pub mod port_forward;
pub mod remote_command;
pub mod spdy;
mod upgrade;
mod websocket;

pub use error::Error;
