//! A task that follows a resource of the store, whoever writes it, and acts on what it sees: reads everything, then takes
//! the events in order, and reads everything again where the store has forgotten some of them.
//!
//! What only looks things up needs no task: see `follow`.

use std::sync::Arc;
use std::time::Duration;

use kubernel_store::{At, Entry, Event, Revision, StoreError, Watch};

use crate::ApiServer;

/// How long to wait before the store is asked again after it failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Who acts on what the store holds of a resource.
pub(crate) trait Observer: Send + 'static {
    /// What the keys of the resource start with.
    const PREFIX: &'static str;

    /// Takes over all there is, as of a revision; what it knew besides is gone.
    fn all(&mut self, entries: &[Arc<Entry>], revision: Revision) -> impl Future<Output = ()> + Send;

    /// Takes over what has changed since.
    fn some(&mut self, events: &[Arc<Event>]) -> impl Future<Output = ()> + Send;
}

/// Reads what is there, and has the observer follow it from then on, until the server stops.
pub(crate) async fn start(server: &ApiServer, mut observer: impl Observer) -> Result<(), StoreError> {
    let watch = load(server, &mut observer).await?;
    tokio::spawn(run(server.clone(), observer, watch));
    Ok(())
}

async fn run<O: Observer>(server: ApiServer, mut observer: O, mut watch: Box<dyn Watch>) {
    let stop = server.shutdown_token();
    loop {
        let events = tokio::select! {
            () = stop.cancelled() => return,
            events = watch.next() => events,
        };
        match events {
            Ok(events) => observer.some(&events).await,
            // The store has forgotten what happened in between, or cannot say.
            Err(error) => {
                tracing::warn!(%error, prefix = O::PREFIX, "to be read again");
                match load(&server, &mut observer).await {
                    Ok(again) => watch = again,
                    Err(error) => {
                        tracing::error!(%error, prefix = O::PREFIX, "cannot be read");
                        tokio::time::sleep(RETRY_PAUSE).await;
                    }
                }
            }
        }
    }
}

async fn load<O: Observer>(server: &ApiServer, observer: &mut O) -> Result<Box<dyn Watch>, StoreError> {
    let store = server.store().clone();
    let snapshot = store.snapshot(O::PREFIX, At::Latest).await?;
    let entries: Vec<Arc<Entry>> = snapshot.range(O::PREFIX, "").collect();
    observer.all(&entries, snapshot.revision()).await;
    store.watch(O::PREFIX, snapshot.revision())
}
