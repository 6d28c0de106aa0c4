//! Reads of the latest state: what revision has happened, and is our memory that far?

use std::sync::Arc;
use std::time::Duration;

use etcd_client::GetOptions;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::Shared;
use crate::{Revision, StoreError};

/// How many questions wait before those who ask wait themselves.
const QUEUE_MAX: usize = 4096;
/// How long the watch may take to come by itself; after that a mark is written.
const BY_ITSELF: Duration = Duration::from_millis(50);

type Answer = oneshot::Sender<Result<Revision, Arc<str>>>;

/// Asks etcd which revision has happened, one question for all who ask at the same time.
pub(super) struct Fresh(mpsc::Sender<Answer>);

impl Fresh {
    /// Starts whoever asks.
    pub(super) fn start(shared: Arc<Shared>, tasks: &mut JoinSet<()>) -> Self {
        let (asks, questions) = mpsc::channel(QUEUE_MAX);
        tasks.spawn(run(shared, questions));
        Self(asks)
    }

    /// Waits until memory shows everything that was acknowledged, by whatever server, before the call.
    pub(super) async fn revision(&self) -> Result<Revision, StoreError> {
        let stopped = || StoreError::Engine("the store has stopped".to_owned());
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?.map_err(|why| StoreError::Unavailable(why.to_string()))
    }
}

async fn run(shared: Arc<Shared>, mut questions: mpsc::Receiver<Answer>) {
    let mut waiting = Vec::new();
    // Who asks while a question is on its way is not served by it: it may have been answered before.
    while questions.recv_many(&mut waiting, QUEUE_MAX).await > 0 {
        let revision = ask(&shared).await.map_err(|error| match error {
            StoreError::Unavailable(why) => Arc::from(why),
            other => Arc::from(other.to_string()),
        });
        for answer in waiting.drain(..) {
            // Somebody who went away does not mind.
            let _ = answer.send(revision.clone());
        }
    }
}

/// One linearizable read of etcd's revision, then the watch up to it.
async fn ask(shared: &Shared) -> Result<Revision, StoreError> {
    let mark = shared.etcd_key("/mark");
    let answered = shared.link.call("read", |mut kv| {
        let mark = mark.clone();
        async move { kv.get(mark, Some(GetOptions::new().with_count_only())).await }
    });
    let header = answered.await?.answer.header().map_or(0, |header| header.revision());
    let revision = shared.first_of(header);
    if shared.cache.wait_for(revision, BY_ITSELF).await.is_ok() {
        return Ok(revision);
    }
    // Either the watch is slow, or somebody wrote outside of our prefix. What we write inside of it, it has to show.
    let marked = shared.link.call("write", |mut kv| {
        let mark = mark.clone();
        async move { kv.put(mark, "", None).await }
    });
    let header = marked.await?.answer.header().map_or(0, |header| header.revision());
    shared.shown(header).await?;
    Ok(revision)
}
