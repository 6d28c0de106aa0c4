//! Node ports: a record for each that is taken, written and deleted in the transaction of its Service, so that two
//! servers of a cluster never give the same port away (upstream keeps a bitmap in one object).
//!
//! The records are no objects of the API; nobody but this module reads them.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use kubernel_meta::Object;
use kubernel_store::{At, Change, Document, Entry, Expect, Store, StoreError};
use parking_lot::Mutex;
use serde_json::Value;

use super::pool::{Range, Refusal};
use crate::follow::{Followed, Index};

/// What the records' keys begin with.
const RECORDS: &str = "/registry/ranges/servicenodeports/";
/// What a record begins with.
const HEAD: &str = r#"{"metadata":{"resourceVersion":""#;

/// The ports of a cluster.
pub(super) struct Ports {
    numbers: RangeInclusive<u16>,
    known: Followed<Known>,
    choices: Mutex<Choices>,
}

/// What the store says.
#[derive(Default)]
struct Known(HashSet<u16>);

/// What this server is about to write, and where it goes on looking.
struct Choices {
    in_flight: HashSet<u16>,
    range: Range,
}

impl Index for Known {
    const PREFIXES: &'static [&'static str] = &[RECORDS];

    fn put(&mut self, entry: &Entry) {
        self.0.extend(port_of(&entry.key));
    }

    fn remove(&mut self, key: &str) {
        if let Some(port) = port_of(key) {
            self.0.remove(&port);
        }
    }

    fn remove_all(&mut self, _: &str) {
        self.0.clear();
    }
}

fn port_of(key: &str) -> Option<u16> {
    key.strip_prefix(RECORDS)?.parse().ok()
}

impl Ports {
    /// Nothing is known yet.
    pub(super) fn new(numbers: RangeInclusive<u16>) -> Self {
        let (low, high) = (u32::from(*numbers.start()), u32::from(*numbers.end()));
        let count = (high + 1).saturating_sub(low);
        let range = Range::new(low, count, super::band(count, 16, 128));
        let choices = Mutex::new(Choices { in_flight: HashSet::new(), range });
        Self { numbers, known: Followed::default(), choices }
    }

    /// Reads what there is.
    pub(super) async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.known.start(store).await
    }

    /// Reads again what could not be followed; to be called before ports are taken.
    pub(super) async fn repair(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.known.repair(store).await
    }

    /// Those that there are.
    pub(super) fn numbers(&self) -> &RangeInclusive<u16> {
        &self.numbers
    }

    /// How many are taken and free.
    pub(super) fn counts(&self) -> (usize, usize) {
        let taken = self.known.now().0.len();
        (taken, self.numbers.len().saturating_sub(taken))
    }

    /// Whether some Service has it.
    pub(super) fn is_taken(&self, port: u16) -> bool {
        self.known.now().0.contains(&port)
    }

    /// Takes this port.
    pub(super) fn take(&self, port: u16) -> Result<(), Refusal> {
        if !self.numbers.contains(&port) {
            return Err(Refusal::OutOfRange);
        }
        let is_free = !self.known.now().0.contains(&port) && self.choices.lock().in_flight.insert(port);
        if is_free { Ok(()) } else { Err(Refusal::Taken) }
    }

    /// Takes any free port; `None` where there is none.
    pub(super) fn take_any(&self) -> Option<u16> {
        let known = self.known.now();
        let Choices { in_flight, range } = &mut *self.choices.lock();
        let is_taken = |port: u16| known.0.contains(&port) || in_flight.contains(&port);
        let number = range.next(|number| u16::try_from(number).map_or(true, is_taken))?;
        let port = u16::try_from(number).ok()?;
        in_flight.insert(port);
        Some(port)
    }

    /// The write that took a port is over: what became of it the store says.
    pub(super) fn settle(&self, port: u16) {
        self.choices.lock().in_flight.remove(&port);
    }

    /// The write that gives a port to a Service.
    pub(super) fn claim(&self, port: u16, service: &Object) -> Change {
        let owner = Value::from(owner(service));
        let document = Document {
            json: format!("{HEAD}\"}},\"service\":{owner}}}").into_bytes(),
            hole: HEAD.len(),
            index: kubernel_store::Index::default(),
        };
        Change::Put { key: key(port), expect: Expect::Absent, document }
    }

    /// The write that takes a port from a Service; none where it is not the Service's.
    pub(super) async fn free(
        &self,
        store: &dyn Store,
        port: u16,
        service: &Object,
    ) -> Result<Option<Change>, StoreError> {
        let key = key(port);
        let snapshot = store.snapshot(&key, At::Latest).await?;
        let Some(entry) = snapshot.get(&key) else { return Ok(None) };
        let record: Value = serde_json::from_slice(&entry.json).unwrap_or_default();
        let is_its = record["service"] == owner(service);
        Ok(is_its.then_some(Change::Delete { key, revision: entry.revision }))
    }
}

fn key(port: u16) -> std::sync::Arc<str> {
    format!("{RECORDS}{port}").into()
}

fn owner(service: &Object) -> String {
    format!("{}/{}", service.namespace(), service.name())
}
