//! Watchers that can see but few of a resource's events: each kubelet's own Pods, one Secret, one Lease.
//!
//! With a cursor of its own each of them would be woken by every event and look at it: at 10,000 nodes that is 10,000
//! looks per Pod that is bound. Instead one task per resource follows the store and hands each event to those who asked
//! for its key or for one of its field values, before and after the change. It narrows, it does not decide: the watcher
//! still holds every event against its selector.
//!
//! Nobody waits for a slow watcher and nobody misses anything: whoever does not keep up loses its seat and goes on with
//! a cursor of its own, from the last event it saw.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use kubernel_store::{Event, Revision, Store, StoreError, Watch};
use parking_lot::Mutex;
use tokio::sync::mpsc;

/// How many events wait for one watcher before it loses its seat.
const WAITING_MAX: usize = 256;
/// How many events a watcher takes at once.
const BATCH_MAX: usize = 64;
/// How often a hub notes how far the store has come, which bookmarks say where its resource is quiet, and forgets
/// watchers that are gone.
const PROGRESS_EVERY: Duration = Duration::from_secs(20);

/// What a watcher asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    /// One object.
    Key(Arc<str>),
    /// All objects whose selectable field at this place of the index has this value.
    Field(usize, Box<str>),
}

/// One hub per resource that anybody narrows.
#[derive(Default)]
pub(crate) struct Hubs {
    hubs: Mutex<HashMap<Box<str>, Arc<Hub>>>,
}

/// The watchers of one topic.
type Senders = Vec<mpsc::Sender<Arc<Event>>>;

struct Hub {
    store: Arc<dyn Store>,
    /// What the resource's keys start with.
    prefix: Box<str>,
    seats: Mutex<Seats>,
    /// The revision up to which every event has been handed to its seats.
    position: AtomicU64,
}

#[derive(Default)]
struct Seats {
    /// A task follows the store.
    running: bool,
    keys: HashMap<Arc<str>, Senders>,
    /// By place in the index, then by value.
    fields: Vec<HashMap<Box<str>, Senders>>,
}

/// A watch through a hub.
struct Narrow {
    hub: Arc<Hub>,
    receiver: mpsc::Receiver<Arc<Event>>,
    /// The last revision that was handed out.
    after: Revision,
    /// A cursor of its own: until the hub's events begin, or for good once the seat is lost.
    cursor: Option<Box<dyn Watch>>,
    /// Where the hub's events begin; `None` once the seat is lost.
    hub_from: Option<Revision>,
}

impl Hubs {
    /// The events of a topic with revisions greater than `after`, and perhaps some others of the resource.
    pub(crate) fn watch(
        &self,
        store: &Arc<dyn Store>,
        prefix: &str,
        topic: Topic,
        after: Revision,
    ) -> Result<Box<dyn Watch>, StoreError> {
        let hub = self
            .hubs
            .lock()
            .entry(prefix.into())
            .or_insert_with(|| {
                let (store, prefix) = (store.clone(), prefix.into());
                Arc::new(Hub { store, prefix, seats: Mutex::default(), position: AtomicU64::new(0) })
            })
            .clone();
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let from = hub.take_seat(topic, sender)?;
        let cursor = if after < from { Some(hub.store.watch(prefix, after)?) } else { None };
        Ok(Box::new(Narrow { hub, receiver, after, cursor, hub_from: Some(from) }))
    }
}

impl Hub {
    /// Registers a watcher; every event after the returned revision will reach it.
    fn take_seat(self: &Arc<Self>, topic: Topic, sender: mpsc::Sender<Arc<Event>>) -> Result<Revision, StoreError> {
        let mut seats = self.seats.lock();
        if !seats.running {
            let from = self.store.revision();
            let watch = self.store.watch(&self.prefix, from)?;
            self.position.store(from, Ordering::Release);
            seats.running = true;
            tokio::spawn(follow(Arc::downgrade(self), watch));
        }
        match topic {
            Topic::Key(key) => seats.keys.entry(key).or_default().push(sender),
            Topic::Field(place, value) => {
                if seats.fields.len() <= place {
                    seats.fields.resize_with(place + 1, HashMap::new);
                }
                seats.fields[place].entry(value).or_default().push(sender);
            }
        }
        Ok(self.position.load(Ordering::Acquire))
    }

    /// Hands events to whoever asked for them. False when nobody is left to do it for.
    fn hand_out(&self, events: &[Arc<Event>]) -> bool {
        let mut seats = self.seats.lock();
        for event in events {
            if !seats.keys.is_empty() {
                give(&mut seats.keys, &event.entry.key, event);
            }
            for (place, by_value) in seats.fields.iter_mut().enumerate().filter(|(_, by_value)| !by_value.is_empty()) {
                let now = event.entry.index.fields.get(place);
                let before = event.previous.as_ref().and_then(|previous| previous.index.fields.get(place));
                for value in now.into_iter().chain(before.filter(|before| now != Some(*before))) {
                    give(by_value, value, event);
                }
            }
            self.position.fetch_max(event.revision, Ordering::AcqRel);
        }
        self.keep_on(&mut seats)
    }

    /// Notes that everything up to here was handed out, and forgets watchers that are gone.
    fn note(&self, progress: Revision) -> bool {
        self.position.fetch_max(progress, Ordering::AcqRel);
        let mut seats = self.seats.lock();
        let open = |senders: &mut Senders| {
            senders.retain(|sender| !sender.is_closed());
            !senders.is_empty()
        };
        seats.keys.retain(|_, senders| open(senders));
        seats.fields.iter_mut().for_each(|by_value| by_value.retain(|_, senders| open(senders)));
        self.keep_on(&mut seats)
    }

    fn keep_on(&self, seats: &mut Seats) -> bool {
        seats.running = !(seats.keys.is_empty() && seats.fields.iter().all(HashMap::is_empty));
        seats.running
    }
}

/// Gives an event to the seats of a topic; whoever is gone or has too many waiting loses its seat.
fn give<K>(topics: &mut HashMap<K, Senders>, topic: &str, event: &Arc<Event>)
where
    K: std::borrow::Borrow<str> + std::hash::Hash + Eq,
{
    let Some(senders) = topics.get_mut(topic) else { return };
    senders.retain(|sender| sender.try_send(event.clone()).is_ok());
    if senders.is_empty() {
        topics.remove(topic);
    }
}

/// Follows the store for a hub for as long as it has seats.
async fn follow(hub: Weak<Hub>, mut watch: Box<dyn Watch>) {
    let mut tick = tokio::time::interval(PROGRESS_EVERY);
    loop {
        let events = tokio::select! {
            events = watch.next() => Some(events),
            _ = tick.tick() => None,
        };
        let Some(hub) = hub.upgrade() else { return };
        let go_on = match events {
            Some(Ok(events)) => hub.hand_out(&events),
            None => hub.note(watch.progress()),
            Some(Err(error)) => {
                // Everybody goes on with a cursor of its own, and learns there what is wrong.
                tracing::warn!(%error, prefix = %hub.prefix, "narrowed watchers fall back to the store");
                *hub.seats.lock() = Seats::default();
                false
            }
        };
        if !go_on {
            return;
        }
    }
}

impl Narrow {
    /// Events that were not handed out yet; notes the last one.
    fn fresh(&mut self, mut events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        events.retain(|event| {
            let fresh = event.revision > self.after;
            self.after = self.after.max(event.revision);
            fresh
        });
        events
    }
}

impl Watch for Narrow {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Arc<Event>>, StoreError>> {
        Box::pin(async {
            loop {
                if let Some(cursor) = &mut self.cursor {
                    let caught_up = self.hub_from.is_some_and(|from| cursor.progress() >= from);
                    if !caught_up {
                        let events = cursor.next().await?;
                        let fresh = self.fresh(events);
                        if !fresh.is_empty() {
                            return Ok(fresh);
                        }
                        continue;
                    }
                    self.cursor = None;
                }
                let mut events = Vec::new();
                if self.receiver.recv_many(&mut events, BATCH_MAX).await == 0 {
                    self.cursor = Some(self.hub.store.watch(&self.hub.prefix, self.after)?);
                    self.hub_from = None;
                    continue;
                }
                let fresh = self.fresh(events);
                if !fresh.is_empty() {
                    return Ok(fresh);
                }
            }
        })
    }

    fn progress(&mut self) -> Revision {
        if let Some(cursor) = &mut self.cursor {
            return cursor.progress().max(self.after);
        }
        // The position first: what was handed out before it was noted is in the channel, or the seat was lost before.
        let position = self.hub.position.load(Ordering::Acquire);
        if self.receiver.is_empty() && !self.receiver.is_closed() { position.max(self.after) } else { self.after }
    }
}

#[cfg(test)]
mod tests {
    use kubernel_store::{Change, Document, Embedded, Expect, Index, Stamp};

    use super::*;

    const PREFIX: &str = "/registry/core/pods/";

    async fn put(store: &Arc<dyn Store>, name: &str, node: &str, expect: Expect) -> Revision {
        let index = Index { labels: Vec::new(), fields: vec![node.into()], stamp: Stamp::default() };
        let document = Document { json: br#"{"resourceVersion":""}"#.to_vec(), hole: 20, index };
        let change = Change::Put { key: format!("{PREFIX}t/{name}").into(), expect, document };
        store.commit(vec![change]).await.unwrap().last().unwrap().revision
    }

    async fn revisions(watch: &mut Box<dyn Watch>) -> Vec<Revision> {
        watch.next().await.unwrap().iter().map(|event| event.revision).collect()
    }

    fn node(name: &str) -> Topic {
        Topic::Field(0, name.into())
    }

    #[tokio::test]
    async fn events_reach_who_asked_for_the_value_before_or_after() {
        let store: Arc<dyn Store> = Embedded::ephemeral();
        let hubs = Hubs::default();
        let mut watches = Vec::new();
        for topic in [node("n1"), node(""), Topic::Key(format!("{PREFIX}t/a").into())] {
            watches.push(hubs.watch(&store, PREFIX, topic, store.revision()).unwrap());
        }
        let made = put(&store, "a", "", Expect::Absent).await;
        put(&store, "b", "n2", Expect::Absent).await;
        let bound = put(&store, "a", "n1", Expect::Revision(made)).await;
        assert_eq!(revisions(&mut watches[0]).await, [bound]);
        for watch in &mut watches[1..] {
            let mut seen = revisions(watch).await;
            if seen.len() == 1 {
                seen.extend(revisions(watch).await);
            }
            assert_eq!(seen, [made, bound]);
        }
    }

    #[tokio::test]
    async fn who_comes_late_catches_up_and_goes_on() {
        let store: Arc<dyn Store> = Embedded::ephemeral();
        let hubs = Hubs::default();
        let _first = hubs.watch(&store, PREFIX, node("n1"), 0).unwrap();
        let mut expect =
            vec![put(&store, "a", "n1", Expect::Absent).await, put(&store, "b", "n1", Expect::Absent).await];
        let mut late = hubs.watch(&store, PREFIX, node("n1"), 0).unwrap();
        expect.push(put(&store, "c", "n1", Expect::Absent).await);
        let mut seen = Vec::new();
        while seen.len() < expect.len() {
            seen.extend(revisions(&mut late).await);
        }
        assert_eq!(seen, expect);
        assert_eq!(late.progress(), store.revision());
    }

    #[tokio::test]
    async fn who_is_slow_misses_nothing() {
        let store: Arc<dyn Store> = Embedded::ephemeral();
        let hubs = Hubs::default();
        let mut slow = hubs.watch(&store, PREFIX, node("n1"), 0).unwrap();
        let mut quick = hubs.watch(&store, PREFIX, node("n1"), 0).unwrap();
        let count = WAITING_MAX * 3;
        let mut expect = Vec::new();
        let mut seen = Vec::new();
        for n in 0..count {
            expect.push(put(&store, &n.to_string(), "n1", Expect::Absent).await);
            while seen.len() < expect.len() {
                seen.extend(revisions(&mut quick).await);
            }
        }
        assert_eq!(seen, expect);
        // By now the slow one's channel is full and its seat is lost; no bookmark may say otherwise.
        assert!(slow.progress() < expect[0]);
        let mut seen = Vec::new();
        while seen.len() < count {
            seen.extend(revisions(&mut slow).await);
        }
        assert_eq!(seen, expect);
    }

    #[tokio::test]
    async fn a_hub_without_seats_rests() {
        let store: Arc<dyn Store> = Embedded::ephemeral();
        let hubs = Hubs::default();
        let watch = hubs.watch(&store, PREFIX, node("n1"), 0).unwrap();
        let hub = hubs.hubs.lock().get(PREFIX).unwrap().clone();
        drop(watch);
        put(&store, "a", "n1", Expect::Absent).await;
        assert!(!hub.note(store.revision()));
        assert!(hub.seats.lock().keys.is_empty());
        // The next one wakes it.
        let mut again = hubs.watch(&store, PREFIX, node("n1"), store.revision()).unwrap();
        let made = put(&store, "b", "n1", Expect::Absent).await;
        assert_eq!(revisions(&mut again).await, [made]);
    }
}
