//! Takes old events away, as upstream's time to live does: an event is kept for an hour after its last change.
//!
//! No times are stored. The sweeper notes from time to time which revision the store is at; what was last changed before
//! the revision of an hour ago is old. After a restart it knows nothing, so events live up to an hour longer then.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kubernel_store::{At, Change, Revision, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// How often the revision is noted and old events are taken away.
const EVERY: Duration = Duration::from_secs(60);
/// How many notes make an hour.
const NOTES: usize = 60;
/// How many events one transaction takes away.
const BATCH: usize = 200;
const EVENTS: &str = "/registry/core/events/";

/// Sweeps until `stop` is cancelled.
pub(crate) async fn run(store: Arc<dyn Store>, stop: CancellationToken) {
    let mut notes = VecDeque::with_capacity(NOTES + 1);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        notes.push_back(store.revision());
        if notes.len() <= NOTES {
            continue;
        }
        let Some(before) = notes.pop_front() else { continue };
        if let Err(error) = sweep(&store, before).await {
            tracing::warn!(%error, "old events stay for now");
        }
    }
}

/// Takes away the events that were last changed at or before this revision.
async fn sweep(store: &Arc<dyn Store>, before: Revision) -> Result<(), StoreError> {
    let old: Vec<Change> = store
        .snapshot(EVENTS, At::Latest)
        .await?
        .range(EVENTS, "")
        .filter(|entry| entry.revision <= before)
        .map(|entry| Change::Delete { key: entry.key.clone(), revision: entry.revision })
        .collect();
    for batch in old.chunks(BATCH) {
        match store.commit(batch.to_vec()).await {
            // Somebody changed or deleted one of them: the next round sees.
            Ok(_) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kubernel_store::{Document, Embedded, Expect, Index};

    use super::*;

    async fn put(store: &Arc<dyn Store>, key: &str) -> Revision {
        let document = Document { json: br#"{"resourceVersion":""}"#.to_vec(), hole: 20, index: Index::default() };
        let change = Change::Put { key: key.into(), expect: Expect::Absent, document };
        store.commit(vec![change]).await.unwrap().last().unwrap().revision
    }

    #[tokio::test]
    async fn only_old_events_go() {
        let store: Arc<dyn Store> = Embedded::ephemeral();
        put(&store, "/registry/core/configmaps/a/old").await;
        let before = put(&store, "/registry/core/events/a/old").await;
        put(&store, "/registry/core/events/a/new").await;
        sweep(&store, before).await.unwrap();
        let snapshot = store.snapshot(EVENTS, At::Latest).await.unwrap();
        let left: Vec<String> = snapshot.range(EVENTS, "").map(|entry| entry.key.to_string()).collect();
        assert_eq!(left, ["/registry/core/events/a/new"]);
        let maps = store.snapshot("/registry/core/configmaps/", At::Latest).await.unwrap();
        assert!(maps.get("/registry/core/configmaps/a/old").is_some());
    }
}
