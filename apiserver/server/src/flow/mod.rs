//! API priority and fairness: a thin driver around `kubernel-flow`, which decides.
//!
//! A request from outside [`enter`](Flow::enter)s after it is known who sent it and before it is asked whether they
//! may: it gets a place at once, waits for one, or is sent away. The configuration is read from the store through
//! `follow`, so that a change counts from the next request on.

mod dump;
mod place;
mod standing;
mod table;

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use kubernel_flow::{Request, seats};
use kubernel_store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::follow::Followed;

pub(crate) use place::{Place, Refused};
pub(crate) use table::Table;

/// How often seats are divided anew (upstream's `borrowingAdjustmentPeriod`).
const ADJUST_EVERY: Duration = Duration::from_secs(10);
/// How long a request waits (upstream: a quarter of the time it may take).
const WAIT_MAX: Duration = Duration::from_secs(15);
/// How many objects a list reads for one seat, and the most seats of one request.
const OBJECTS_PER_SEAT: u64 = 100;
const SEATS_MAX: u64 = 10;
/// The most of its level's seats that one request takes, in percent.
const SEATS_PERCENT_MAX: u64 = 15;
const SCHEMA_HEADER: &str = "x-kubernetes-pf-flowschema-uid";
const LEVEL_HEADER: &str = "x-kubernetes-pf-prioritylevel-uid";

/// Who may run.
pub(crate) struct Flow {
    table: Followed<Table>,
    clock: Instant,
}

/// The schema and the level under which a request was put: what responses say in their headers.
pub(crate) struct Uids {
    schema: HeaderValue,
    level: HeaderValue,
}

impl Flow {
    /// This many seats for requests that run at once.
    pub(crate) fn new(seats: u32) -> Self {
        let clock = Instant::now();
        Self { table: Followed::with(Table::new(seats, clock)), clock }
    }

    /// Reads schemas and levels, and divides seats for as long as the server runs.
    pub(crate) async fn start(&self, store: &dyn Store) -> Result<(), StoreError> {
        self.table.start(store).await
    }

    /// A place for a request. Nothing where flow control is not configured at all.
    pub(crate) async fn enter(&self, context: &Context) -> (Option<Uids>, Result<Option<Place>, Refused>) {
        if let Err(error) = self.table.repair(&**context.server.store()).await {
            tracing::warn!(%error, "flow control goes on with what it knows");
        }
        let (request, objects) = (request_of(context), objects_of(context));
        let Some(found) = self.table.now().find(&request) else { return (None, Ok(None)) };
        let uids = Uids { schema: found.schema_uid.clone(), level: found.level_uid.clone() };
        let widest = (u64::from(found.nominal) * SEATS_PERCENT_MAX).div_ceil(100).clamp(1, SEATS_MAX);
        let seats = objects.div_ceil(OBJECTS_PER_SEAT).clamp(1, widest);
        let entered = place::enter(found, u32::try_from(seats).unwrap_or(1), self.clock, WAIT_MAX).await;
        (Some(uids), entered.map(Some))
    }

    /// Gives seats that are not needed to levels that need more.
    fn adjust(&self) {
        let table = self.table.now();
        let now = self.clock.elapsed();
        let limited: Vec<_> = table.limited().collect();
        let rows: Vec<_> = limited
            .iter()
            .map(|(bounds, line)| {
                let (demand, smoothed) = line.take_demand(now);
                (*bounds, demand, smoothed)
            })
            .collect();
        for ((_, line), seats) in limited.iter().zip(seats::divide(table.seats(), &rows)) {
            line.set_seats(now, seats);
        }
    }

    /// What `/debug/api_priority_and_fairness/…` shows; `None` for a page that there is not.
    pub(crate) fn dump(&self, page: &str) -> Option<String> {
        dump::page(&self.table.now(), page)
    }

    /// Calls back with every schema's counts and every level's seats.
    pub(crate) fn look(&self, look: impl FnOnce(&Table)) {
        look(&self.table.now());
    }
}

impl Uids {
    /// Says in a response where its request belonged.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        headers.insert(SCHEMA_HEADER, self.schema);
        headers.insert(LEVEL_HEADER, self.level);
    }
}

/// Says in the status of all schemas whether their levels are there: once before the first request, as what is written
/// then is no change to anybody.
pub(crate) async fn settle(server: &crate::ApiServer) -> Result<(), StoreError> {
    standing::look(server).await.map(drop)
}

/// Divides seats anew every so often, and says in schemas' status what there is to say, until the server stops.
pub(crate) async fn run(server: crate::ApiServer, stop: CancellationToken) {
    tokio::spawn(standing::run(server.clone(), stop.clone()));
    let mut tick = tokio::time::interval(ADJUST_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => server.flow().adjust(),
            () = stop.cancelled() => return,
        }
    }
}

fn request_of(context: &Context) -> Request<'_> {
    let (info, user) = (&context.info, &context.user);
    Request {
        user: &user.name,
        groups: &user.groups,
        is_resource: info.is_resource,
        verb: &info.verb,
        group: &info.group,
        resource: &info.resource,
        subresource: &info.subresource,
        namespace: &info.namespace,
        path: &info.path,
    }
}

/// About how many objects a request reads: one, or as many as a list goes through. A page of everything looks at no more
/// than twice its size; one with a selector may look at all.
fn objects_of(context: &Context) -> u64 {
    let info = &context.info;
    if !info.is_resource || info.verb != "list" || !info.name.is_empty() {
        return 1;
    }
    let Some(resource) = context.resources.find(&info.group, &info.version, &info.resource) else { return 1 };
    let stored = context.server.store().count(&resource.key_prefix) as u64;
    let limit = context.query.get("limit").and_then(|limit| limit.parse::<u64>().ok()).unwrap_or_default();
    let selects = ["labelSelector", "fieldSelector"].iter().any(|name| context.query.non_empty(name).is_some());
    let whole = context.query.get("resourceVersion") == Some("0");
    if limit == 0 || whole || selects { stored } else { stored.min(limit * 2) }
}
