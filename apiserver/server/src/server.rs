//! What the server is made of.

use std::ops::RangeInclusive;
use std::sync::Arc;

use ipnet::Ipv4Net;
use kubernel_meta::Object;
use kubernel_store::Store;

use crate::authn::Authenticator;
use crate::authz::Authorizer;
use crate::pki::Pki;

/// What the server is built from.
pub struct Config {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Where ClusterIPs come from.
    pub service_cidr: Ipv4Net,
    /// Where node ports come from.
    pub node_ports: RangeInclusive<u16>,
    /// Objects that are never stored.
    pub live: Option<Arc<dyn LiveObjects>>,
    /// Certificates and keys. Without them nobody but callers in the same process is known, and no token is issued.
    pub pki: Option<Arc<Pki>>,
}

/// Objects that live in somebody's memory (the kernel's offers and agents).
pub trait LiveObjects: Send + Sync + 'static {
    /// All objects of a plural resource name, sorted by name.
    fn list(&self, plural: &str) -> Vec<Object>;

    /// Counts up whenever any of them may have changed.
    fn changed(&self) -> tokio::sync::watch::Receiver<u64>;
}

/// The API server: a handle, cheap to clone.
#[derive(Clone)]
pub struct ApiServer(Arc<Shared>);

struct Shared {
    config: Config,
    authenticator: Authenticator,
    authorizer: Arc<Authorizer>,
}

impl ApiServer {
    /// A server over this store.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Shared { config, authenticator: Authenticator::default(), authorizer: Arc::default() }))
    }

    /// What it was built from.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.config.store
    }

    /// What knows users.
    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.0.authenticator
    }

    /// What knows roles and bindings.
    pub(crate) fn authorizer(&self) -> &Arc<Authorizer> {
        &self.0.authorizer
    }
}
