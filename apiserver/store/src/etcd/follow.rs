//! Memory follows etcd's watch: every event becomes part of the state and is passed on to watchers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use super::Shared;
use crate::{Entry, Event};

/// How long what has happened may stay unseen before another member is asked.
const SILENCE_MAX: Duration = Duration::from_secs(1);
/// How long after a failure the watch begins again.
const PAUSE: Duration = Duration::from_millis(50);
/// The largest message that is read: a transaction of many large objects.
const MESSAGE_BYTES_MAX: usize = 1 << 30;

/// How a watch ended.
enum End {
    /// The member failed; another one goes on where it was.
    Broken(String),
    /// Events are gone that were not seen.
    Compacted,
    /// The store is gone.
    Stopped,
}

/// Follows for as long as the store is there.
pub(super) async fn follow(shared: Arc<Shared>, mut learned: mpsc::Receiver<Vec<Arc<Entry>>>) {
    loop {
        let (number, _) = shared.link.member();
        match watch(&shared, &mut learned).await {
            End::Stopped => return,
            End::Broken(why) => {
                shared.link.leave(number, &why);
                tokio::time::sleep(PAUSE).await;
            }
            End::Compacted => match shared.load(0).await {
                Ok(state) => {
                    tracing::warn!(
                        revision = state.revision,
                        "etcd compacted what was not seen: read everything again"
                    );
                    shared.cache.replace(state);
                }
                Err(error) => tracing::warn!(%error, "etcd cannot be read"),
            },
        }
    }
}

/// One watch at one member.
async fn watch(shared: &Shared, learned: &mut mpsc::Receiver<Vec<Arc<Entry>>>) -> End {
    let (_, client) = shared.link.member();
    let mut client = client.watch_client().max_decoding_message_size(MESSAGE_BYTES_MAX);
    let (from, end) = shared.range("/");
    let next = shared.etcd_of(shared.cache.revision()) + 1;
    let options = WatchOptions::new().with_range(end).with_start_revision(next);
    let mut stream = match tokio::time::timeout(SILENCE_MAX, client.watch(from, Some(options))).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return End::Broken(error.to_string()),
        Err(_) => return End::Broken(format!("no watch within {SILENCE_MAX:?}")),
    };
    let mut look = tokio::time::interval(SILENCE_MAX);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        tokio::select! {
            message = WatchStream::message(&mut stream) => match message {
                Ok(Some(response)) if response.canceled() => {
                    let compacted = response.compact_revision() > 0;
                    return if compacted { End::Compacted } else { End::Broken(response.cancel_reason().to_owned()) };
                }
                Ok(Some(response)) => shared.apply(&response),
                Ok(None) => return End::Broken("the watch ended".to_owned()),
                Err(error) => return End::Broken(error.to_string()),
            },
            entries = learned.recv() => match entries {
                Some(entries) => shared.learn(entries),
                None => return End::Stopped,
            },
            _ = look.tick() => {
                let revision = shared.cache.revision();
                if seen == Some(revision) && shared.happened.load(Ordering::Relaxed) > revision {
                    return End::Broken(format!("nothing new within {SILENCE_MAX:?}, though something happened"));
                }
                seen = Some(revision);
            }
        }
    }
}

impl Shared {
    /// Makes what a message tells part of the state. Etcd never divides a transaction between messages.
    fn apply(&self, response: &WatchResponse) {
        let mut state = self.cache.state();
        let mut events: Vec<Arc<Event>> = Vec::with_capacity(response.events().len());
        let mut last = 0;
        for event in response.events() {
            let Some(kv) = event.kv() else { continue };
            last = last.max(kv.mod_revision());
            let Some(key) = self.object_key(kv.key()) else {
                if self.is_server(kv.key()) {
                    self.moved.notify_one();
                }
                continue;
            };
            if event.event_type() == EventType::Delete {
                // Etcd tells changes in their order, and all of a transaction: the place behind the last one is free.
                let after = events.last().map_or(0, |event| event.revision + 1);
                events.push(state.gone(&key, after.max(self.first_of(kv.mod_revision()))));
                continue;
            }
            match self.entry(key, kv) {
                Ok(entry) => events.push(state.happened(entry)),
                Err(error) => tracing::error!(%error, "a value in etcd is passed over"),
            }
        }
        if self.last_of(last) > self.cache.revision() {
            state.revision = self.last_of(last);
            self.cache.publish(state, &events);
        }
    }

    fn learn(&self, entries: Vec<Arc<Entry>>) {
        let mut state = self.cache.state();
        if entries.into_iter().fold(false, |any, entry| state.learn(entry) | any) {
            self.cache.publish(state, &[]);
        }
    }
}
