//! Subscribers of the operator API: all that is, then all that changes.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use http::{Response, header};
use kubernel_mesos_proto::{
    master::{Event, event, response},
    v1::{AgentID, FrameworkID},
};
use parking_lot::Mutex;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::{show, sight::Sight};
use crate::{
    book::Change,
    legacy::Desk,
    stream::{Encoding, Stream, stream},
};

/// Subscribers at once; one more, and the one that came first has to go (as in Mesos).
const WATCHERS_MAX: usize = 1_000;

/// Those who watch, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    next: AtomicU64,
    all: Mutex<std::collections::BTreeMap<u64, CancellationToken>>,
}

impl Watchers {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.all.lock().len()
    }

    fn add(&self) -> (u64, CancellationToken) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let stop = CancellationToken::new();
        let mut all = self.all.lock();
        all.insert(id, stop.clone());
        if all.len() > WATCHERS_MAX
            && let Some((_, oldest)) = all.pop_first()
        {
            oldest.cancel();
        }
        (id, stop)
    }

    fn remove(&self, id: u64) {
        if let Some(stop) = self.all.lock().remove(&id) {
            stop.cancel();
        }
    }
}

/// Opens a stream: all that is, a heartbeat, and then what changes.
pub(crate) fn subscribe(desk: &Desk, sight: Sight, encoding: Encoding) -> Response<Body> {
    let heartbeat = Event { r#type: Some(event::Type::Heartbeat), ..Event::default() };
    let every = desk.door.config().heartbeat;
    let (id, stop) = desk.watchers.add();
    let watchers = desk.watchers.clone();
    let gone = move || watchers.remove(id);
    let (stream, body) = stream(String::new(), encoding, &heartbeat, every, gone);
    let subscribed = Event {
        r#type: Some(event::Type::Subscribed),
        subscribed: Some(event::Subscribed { get_state: None, heartbeat_interval_seconds: Some(every.as_secs_f64()) }),
        ..Event::default()
    };
    tokio::spawn(tell(desk.clone(), sight, id, stream, stop, subscribed));
    let mut response = Response::new(Body::new(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(encoding.media_type()));
    response
}

/// Tells one subscriber. Who misses changes because it does not read loses the stream, and sees all that is when it comes
/// again.
async fn tell(desk: Desk, sight: Sight, id: u64, stream: Stream, stop: CancellationToken, mut subscribed: Event) {
    // What changes while the state is looked at is told after it; to hear of something twice does no harm.
    let mut changes = sight.changes();
    if let Some(first) = &mut subscribed.subscribed {
        let sight = sight.clone();
        first.get_state = desk.look(move |_| show::state(&sight)).await;
    }
    let heartbeat = Event { r#type: Some(event::Type::Heartbeat), ..Event::default() };
    let mut open = stream.send(&subscribed) && stream.send(&heartbeat);
    drop(subscribed);
    while open {
        tokio::select! {
            () = stop.cancelled() => break,
            change = changes.recv() => open = match change {
                Ok(change) => event(&sight, change).is_none_or(|event| stream.send(&event)),
                Err(RecvError::Lagged(_) | RecvError::Closed) => false,
            },
        }
    }
    desk.watchers.remove(id);
}

/// A change as an event; `None` if what changed is not there any more, or not to be seen.
fn event(sight: &Sight, change: Change) -> Option<Event> {
    let empty = Event::default();
    let (of, event) = match change {
        Change::FrameworkAdded(id) => {
            let added = event::FrameworkAdded { framework: framework(sight, &id)? };
            (event::Type::FrameworkAdded, Event { framework_added: Some(added), ..empty })
        }
        Change::FrameworkUpdated(id) => {
            let updated = event::FrameworkUpdated { framework: framework(sight, &id)? };
            (event::Type::FrameworkUpdated, Event { framework_updated: Some(updated), ..empty })
        }
        Change::FrameworkRemoved(id) => {
            let framework_info = framework(sight, &id)?.framework_info;
            let removed = Some(event::FrameworkRemoved { framework_info });
            (event::Type::FrameworkRemoved, Event { framework_removed: removed, ..empty })
        }
        Change::TaskAdded { framework, task } => {
            let added = event::TaskAdded { task: show::task_of(sight, &framework, &task)? };
            (event::Type::TaskAdded, Event { task_added: Some(added), ..empty })
        }
        Change::TaskUpdated { framework, status, .. } if !show::sees_task(sight, &framework, &status.task_id.value) => {
            return None;
        }
        Change::TaskUpdated { framework, status, state } => {
            let framework_id = FrameworkID { value: framework.to_string() };
            let updated = Some(event::TaskUpdated { framework_id, status: *status, state });
            (event::Type::TaskUpdated, Event { task_updated: updated, ..empty })
        }
        Change::AgentAdded(name) => {
            let added = event::AgentAdded { agent: show::agent_by_name(sight, &name)? };
            (event::Type::AgentAdded, Event { agent_added: Some(added), ..empty })
        }
        Change::AgentRemoved(name) => {
            let removed = event::AgentRemoved { agent_id: AgentID { value: name.to_string() } };
            (event::Type::AgentRemoved, Event { agent_removed: Some(removed), ..empty })
        }
    };
    Some(Event { r#type: Some(of), ..event })
}

/// A framework without its offers, which come and go every second.
fn framework(sight: &Sight, id: &str) -> Option<response::Framework> {
    let found = show::framework(sight, id)?;
    Some(response::Framework { offers: Vec::new(), inverse_offers: Vec::new(), ..found })
}
