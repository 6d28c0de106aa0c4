//! Connections from the server to others: webhooks, extension API servers, kubelets, Pods and Services.
//!
//! [`Origin`] says whom to reach and whom to trust, `pool` keeps encrypted connections to it, `service` finds the
//! endpoints of a Service, `dial` opens a connection, `tls` says what encryption demands. Texts of failures are those of
//! upstream's Go runtime, because people search for them. Nothing here knows what is said over a connection.

mod dial;
mod pool;
mod service;
mod tls;

pub(crate) use dial::{connect, encrypt};
pub(crate) use pool::Connections;
pub(crate) use tls::config as client_config;

/// The other side of pooled connections. Equal origins share connections.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    /// How it is found.
    pub(crate) route: Route,
    /// The name or address that its certificate must be good for.
    pub(crate) server_name: String,
    /// The port: the Service's, not an endpoint's.
    pub(crate) port: u16,
    /// Which certificates are believed.
    pub(crate) trust: Trust,
    /// Whether the server shows the certificate by which extension API servers know it.
    pub(crate) as_front_proxy: bool,
}

/// How an [`Origin`] is found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    /// By its name or address.
    Host(String),
    /// Through the endpoints of a Service.
    Service {
        /// The Service's namespace.
        namespace: String,
        /// The Service's name.
        name: String,
    },
}

/// Which certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trust {
    /// Those that the machine trusts.
    System,
    /// Those issued by one of these, PEM.
    Bundle(String),
    /// Any: who is there does not matter, or is known in another way.
    Any,
}

/// A host and a port to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Host name or IP address.
    pub(crate) host: String,
    /// Port.
    pub(crate) port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl Origin {
    /// A Service as upstream reaches one: its certificate must be good for `NAME.NAMESPACE.svc`.
    pub(crate) fn service(namespace: &str, name: &str, port: u16, trust: Trust) -> Self {
        let route = Route::Service { namespace: namespace.to_owned(), name: name.to_owned() };
        Self { route, server_name: format!("{name}.{namespace}.svc"), port, trust, as_front_proxy: false }
    }

    /// The host and port as an URL names them.
    pub(crate) fn authority(&self) -> String {
        Address { host: self.server_name.clone(), port: self.port }.to_string()
    }
}
