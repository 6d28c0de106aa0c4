//! Cluster DNS: names of Services and their endpoints, and the host's resolvers for everything else.
//!
//! `zone` is the names of the cluster at one moment and answers from memory (pure); `forward` asks other resolvers;
//! `server` is the sockets; [`announce`] makes the server known as the Service `kube-system/kube-dns`.
//! Follows the specification "Kubernetes DNS-Based Service Discovery", version 1.1.0.

mod announce;
mod forward;
mod server;
#[cfg(test)]
mod tests;
mod zone;

pub(crate) use announce::announce;
pub(crate) use server::Server;
