//! Aggregation: groups and versions that other servers serve, as APIServices say (upstream's kube-aggregator).
//!
//! `follower` keeps a [`Table`] of the APIServices in the store. A request under the path of one with a Service goes there
//! (`proxy`), after authentication, authorization and flow control and before anything that this server serves itself.
//! For each such APIService, `checker` writes whether it is available (`availability`) and remembers what it says of
//! itself (`remote`), which `discovery` and `openapi` merge into this server's documents. `registration` writes the
//! APIServices of custom resources.
//!
//! Where no APIService names a Service, all this costs a request one look at an empty map.

mod availability;
mod checker;
mod discovery;
mod fetch;
mod follower;
mod openapi;
mod proxy;
mod registration;
mod remote;
mod swagger;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::discovery::Hashed;
use crate::resources::Resources;
use crate::{ApiServer, Error};

pub(crate) use openapi::{v2_documents, v2_merged, v3_document, v3_index};
pub(crate) use proxy::{send, serve};
use remote::Remote;
pub(crate) use table::ApiService;
use table::Table;

/// What the keys of APIServices begin with.
const PREFIX: &str = "/registry/apiregistration.k8s.io/apiservices/";
/// As whom the server writes APIServices.
const USER: &str = "system:apiserver";
/// Under which name it owns the fields that it writes.
const MANAGER: &str = "kube-apiserver";

/// What the server knows of APIServices and of the servers behind them.
pub(crate) struct Aggregation {
    table: ArcSwap<Table>,
    /// What the servers say of themselves, by the names of their APIServices.
    remotes: RwLock<BTreeMap<String, Arc<Remote>>>,
    /// Counts the changes of both.
    generation: AtomicU64,
    /// The last merged discovery document.
    merged: Mutex<Option<Merged>>,
    /// Tells that the table of resources has changed.
    resources_changed: watch::Sender<()>,
}

struct Merged {
    resources: Arc<Resources>,
    generation: u64,
    document: Arc<Hashed>,
}

impl Default for Aggregation {
    fn default() -> Self {
        Self {
            table: ArcSwap::default(),
            remotes: RwLock::default(),
            generation: AtomicU64::new(0),
            merged: Mutex::default(),
            resources_changed: watch::Sender::new(()),
        }
    }
}

impl Aggregation {
    /// The APIService to whose Service a request for this path goes; `None` where this server answers it itself.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<ApiService>> {
        let table = self.table.load();
        table.find(path).cloned()
    }

    /// To be called when this server serves other resources than before.
    pub(crate) fn resources_changed(&self) {
        self.resources_changed.send_replace(());
    }

    fn table(&self) -> Arc<Table> {
        self.table.load_full()
    }

    fn set_table(&self, table: Table) {
        let names: Vec<String> = table.remote().map(|service| service.name.clone()).collect();
        self.table.store(Arc::new(table));
        self.remotes.write().retain(|name, _| names.contains(name));
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn remote(&self, name: &str) -> Option<Arc<Remote>> {
        self.remotes.read().get(name).cloned()
    }

    fn set_remote(&self, name: &str, remote: Remote) {
        let old = self.remotes.write().insert(name.to_owned(), Arc::new(remote));
        let new = self.remote(name);
        if old.as_deref().map(Remote::shown) != new.as_deref().map(Remote::shown) {
            self.generation.fetch_add(1, Ordering::Release);
        }
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// Reads the APIServices that are there, and follows them from then on.
pub(crate) async fn start(server: &ApiServer) -> Result<(), Error> {
    follower::start(server).await?;
    tokio::spawn(registration::run(server.clone()));
    Ok(())
}
