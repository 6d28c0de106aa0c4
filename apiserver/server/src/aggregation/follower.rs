//! Follows the APIServices in the store: keeps the table, and a checker for each that has a Service.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use kubernel_store::{Entry, Event, Revision};
use tokio::task::{AbortHandle, JoinSet};

use super::table::{ApiService, Backend, Table};
use super::{PREFIX, checker};
use crate::observe::{self, Observer};
use crate::{ApiServer, Error, document};

/// Reads the APIServices that are there, and follows them from then on.
pub(super) async fn start(server: &ApiServer) -> Result<(), Error> {
    let follower =
        Follower { server: server.clone(), known: BTreeMap::new(), checkers: JoinSet::new(), checked: HashMap::new() };
    Ok(observe::start(server, follower).await?)
}

struct Follower {
    server: ApiServer,
    known: BTreeMap<String, ApiService>,
    /// Dropping the set ends all checkers with the follower.
    checkers: JoinSet<()>,
    checked: HashMap<String, (Backend, AbortHandle)>,
}

impl Observer for Follower {
    const PREFIX: &'static str = PREFIX;

    async fn all(&mut self, entries: &[Arc<Entry>], _: Revision) {
        self.known.clear();
        entries.iter().for_each(|entry| self.put(entry));
        self.show();
    }

    async fn some(&mut self, events: &[Arc<Event>]) {
        for event in events {
            if event.deleted {
                self.known.remove(event.entry.key.strip_prefix(PREFIX).unwrap_or_default());
            } else {
                self.put(&event.entry);
            }
        }
        self.show();
    }
}

impl Follower {
    fn put(&mut self, entry: &Entry) {
        match document::parse(&entry.json) {
            Ok(object) => {
                let service = ApiService::read(&object);
                self.known.insert(service.name.clone(), service);
            }
            Err(error) => tracing::error!(key = %entry.key, %error, "an APIService cannot be read"),
        }
    }

    /// Shows the table to the rest of the server, and has those checked that need it.
    fn show(&mut self) {
        self.server.aggregation().set_table(Table::new(self.known.values().cloned()));
        let known = &self.known;
        self.checked.retain(|name, (backend, checker)| {
            let stays = known.get(name).is_some_and(|service| service.backend.as_ref() == Some(&*backend));
            if !stays {
                checker.abort();
            }
            stays
        });
        for service in self.known.values() {
            let Some(backend) = service.backend.as_ref().filter(|_| !self.checked.contains_key(&service.name)) else {
                continue;
            };
            let checker = self.checkers.spawn(checker::run(self.server.clone(), service.name.clone(), backend.clone()));
            self.checked.insert(service.name.clone(), (backend.clone(), checker));
        }
        // Only what has ended is taken out; nobody waits for it.
        while self.checkers.try_join_next().is_some() {}
    }
}
