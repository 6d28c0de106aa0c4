//! Follows the APIServices in the store: keeps the table, and a checker for each that has a Service.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kubernel_store::{At, Entry, StoreError, Watch};
use tokio::task::{AbortHandle, JoinSet};

use super::table::{ApiService, Backend, Table};
use super::{PREFIX, checker};
use crate::{ApiServer, Error, document};

/// How long to wait before the store is asked again after it failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Reads the APIServices that are there, and follows them from then on.
pub(super) async fn start(server: &ApiServer) -> Result<(), Error> {
    let mut follower =
        Follower { server: server.clone(), known: BTreeMap::new(), checkers: JoinSet::new(), checked: HashMap::new() };
    let watch = follower.load().await?;
    tokio::spawn(follower.run(watch));
    Ok(())
}

struct Follower {
    server: ApiServer,
    known: BTreeMap<String, ApiService>,
    /// Dropping the set ends all checkers with the follower.
    checkers: JoinSet<()>,
    checked: HashMap<String, (Backend, AbortHandle)>,
}

impl Follower {
    async fn run(mut self, mut watch: Box<dyn Watch>) {
        let stop = self.server.shutdown_token();
        loop {
            let events = tokio::select! {
                () = stop.cancelled() => return,
                events = watch.next() => events,
            };
            match events {
                Ok(events) => {
                    for event in &events {
                        if event.deleted {
                            self.known.remove(event.entry.key.strip_prefix(PREFIX).unwrap_or_default());
                        } else {
                            self.put(&event.entry);
                        }
                    }
                    self.show();
                }
                // The store has forgotten what happened in between, or cannot say.
                Err(error) => {
                    tracing::warn!(%error, "APIServices are read again");
                    match self.load().await {
                        Ok(again) => watch = again,
                        Err(error) => {
                            tracing::error!(%error, "APIServices cannot be read");
                            tokio::time::sleep(RETRY_PAUSE).await;
                        }
                    }
                }
            }
        }
    }

    async fn load(&mut self) -> Result<Box<dyn Watch>, StoreError> {
        let store = self.server.store().clone();
        let snapshot = store.snapshot(PREFIX, At::Latest).await?;
        self.known.clear();
        snapshot.range(PREFIX, "").for_each(|entry| self.put(&entry));
        self.show();
        store.watch(PREFIX, snapshot.revision())
    }

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
