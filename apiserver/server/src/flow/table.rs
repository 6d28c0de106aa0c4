//! The schemas and levels of the moment, as the store has them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use http::HeaderValue;
use kubernel_flow::seats::{self, Bounds};
use kubernel_flow::{Level, Request, Schema};
use kubernel_store::Entry;
use serde_json::Value;

use crate::follow::Index;

use super::place::{Counts, Line};

pub(super) const SCHEMAS: &str = "/registry/flowcontrol.apiserver.k8s.io/flowschemas/";
pub(super) const LEVELS: &str = "/registry/flowcontrol.apiserver.k8s.io/prioritylevelconfigurations/";

/// All of flow control's configuration, and the requests of each level.
#[derive(Default)]
pub(crate) struct Table {
    seats: u32,
    clock: Option<Instant>,
    /// In the order in which they are asked.
    schemas: Vec<Known>,
    levels: BTreeMap<String, Standing>,
}

struct Known {
    schema: Schema,
    uid: HeaderValue,
    counts: Arc<Counts>,
}

struct Standing {
    level: Level,
    uid: HeaderValue,
    bounds: Bounds,
    line: Arc<Line>,
}

/// Where a request belongs.
pub(crate) struct Found {
    pub(super) schema_uid: HeaderValue,
    pub(super) level_uid: HeaderValue,
    pub(super) nominal: u32,
    /// The hash of its flow.
    pub(super) flow: u64,
    pub(super) counts: Arc<Counts>,
    pub(super) line: Arc<Line>,
}

impl Table {
    pub(super) fn new(seats: u32, clock: Instant) -> Self {
        Self { seats, clock: Some(clock), ..Self::default() }
    }

    /// All seats of the server.
    pub(crate) fn seats(&self) -> u32 {
        self.seats
    }

    /// Where a request belongs: the first schema that matches and whose level there is.
    pub(super) fn find(&self, request: &Request<'_>) -> Option<Found> {
        let matching = self.schemas.iter().filter(|known| known.schema.matches(request));
        let (known, standing) =
            matching.filter_map(|known| Some((known, self.levels.get(&known.schema.level)?))).next()?;
        Some(Found {
            schema_uid: known.uid.clone(),
            level_uid: standing.uid.clone(),
            nominal: standing.bounds.nominal,
            flow: known.schema.hash(known.schema.flow(request)),
            counts: known.counts.clone(),
            line: standing.line.clone(),
        })
    }

    /// The levels whose seats are bounded.
    pub(super) fn limited(&self) -> impl Iterator<Item = (Bounds, Arc<Line>)> {
        let limited = self.levels.values().filter(|standing| !standing.level.exempt);
        limited.map(|standing| (standing.bounds, standing.line.clone()))
    }

    /// Every level, its bounds and its requests.
    pub(crate) fn levels(&self) -> impl Iterator<Item = (&Level, Bounds, &Line)> {
        self.levels.values().map(|standing| (&standing.level, standing.bounds, &*standing.line))
    }

    /// Every schema and what became of its requests.
    pub(crate) fn schemas(&self) -> impl Iterator<Item = (&Schema, &Counts)> {
        self.schemas.iter().map(|known| (&known.schema, &*known.counts))
    }

    fn put_level(&mut self, object: &Value) {
        let level = Level::parse(object);
        let line = match self.levels.get(&level.name) {
            Some(standing) => standing.line.clone(),
            None => Arc::new(Line::new()),
        };
        line.set_queuing(level.queuing);
        let standing = Standing { uid: header(&level.uid), bounds: Bounds::default(), line, level };
        self.levels.insert(standing.level.name.clone(), standing);
        self.divide();
    }

    fn put_schema(&mut self, object: &Value) {
        let schema = Schema::parse(object);
        let old = self.schemas.iter().position(|known| known.schema.name == schema.name);
        let counts = old.map(|at| self.schemas.remove(at).counts).unwrap_or_default();
        let at = self.schemas.partition_point(|known| known.schema.order() < schema.order());
        self.schemas.insert(at, Known { uid: header(&schema.uid), schema, counts });
    }

    /// Divides the seats by shares where the levels have changed; borrowing comes with the next adjustment.
    fn divide(&mut self) {
        let levels: Vec<&Level> = self.levels.values().map(|standing| &standing.level).collect();
        let bounds = seats::bounds(self.seats, &levels);
        let now = self.clock.map(|clock| clock.elapsed()).unwrap_or_default();
        for (standing, bounds) in self.levels.values_mut().zip(bounds) {
            if standing.level.exempt {
                standing.line.set_seats(now, u32::MAX);
            } else if standing.bounds != bounds {
                standing.line.set_seats(now, bounds.nominal.max(1));
            }
            standing.bounds = bounds;
        }
    }
}

impl Index for Table {
    const PREFIXES: &'static [&'static str] = &[LEVELS, SCHEMAS];

    fn put(&mut self, entry: &Entry) {
        let Ok(object) = serde_json::from_slice::<Value>(&entry.json) else { return };
        if entry.key.starts_with(LEVELS) { self.put_level(&object) } else { self.put_schema(&object) }
    }

    fn remove(&mut self, key: &str) {
        if let Some(name) = key.strip_prefix(LEVELS) {
            self.levels.remove(name);
            self.divide();
        } else if let Some(name) = key.strip_prefix(SCHEMAS) {
            self.schemas.retain(|known| known.schema.name != name);
        }
    }

    fn remove_all(&mut self, prefix: &str) {
        if prefix == LEVELS { self.levels.clear() } else { self.schemas.clear() }
    }
}

fn header(uid: &str) -> HeaderValue {
    HeaderValue::from_str(uid).unwrap_or_else(|_| HeaderValue::from_static(""))
}
