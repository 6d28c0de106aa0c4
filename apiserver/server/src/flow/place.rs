//! One level's line: who gets a place, who waits for one, and what wakes them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kubernel_flow::seats::{self, Demand};
use kubernel_flow::{Arrival, Permit, QueueSet, Queuing, Refusal};
use kubernel_metrics::Histogram;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::table::Found;

/// Why a request was sent away, as metrics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No seat is free, and the level has no queues.
    ConcurrencyLimit,
    /// Its queue is full.
    QueueFull,
    /// It has waited for too long.
    TimeOut,
}

/// How long requests wait and run, in seconds.
static SECS: [f64; 13] = [0.0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0];

/// What became of a schema's requests.
#[derive(Debug)]
pub(crate) struct Counts {
    /// How many run.
    pub(crate) executing: AtomicU64,
    /// How many seats those take.
    pub(crate) seats: AtomicU64,
    /// How many wait.
    pub(crate) waiting: AtomicU64,
    /// How many got a place.
    pub(crate) dispatched: AtomicU64,
    /// How many were sent away, by [`Refused`].
    pub(crate) rejected: [AtomicU64; 3],
    /// How long those waited that got a place, and those that did not.
    pub(crate) waited: [Histogram; 2],
    /// How long those ran that got one.
    pub(crate) ran: Histogram,
}

impl Default for Counts {
    fn default() -> Self {
        let (executing, waiting, dispatched) = (AtomicU64::default(), AtomicU64::default(), AtomicU64::default());
        let seats = AtomicU64::default();
        let seconds = || Histogram::new(&SECS);
        let rejected = Default::default();
        Self { executing, seats, waiting, dispatched, rejected, waited: [seconds(), seconds()], ran: seconds() }
    }
}

/// The requests of one level.
pub(crate) struct Line(Mutex<Waiters>);

struct Waiters {
    set: QueueSet,
    smoothed: f64,
    called: HashMap<u64, oneshot::Sender<Permit>>,
}

/// A place among the requests that run; it is free again when this is dropped.
pub(crate) struct Place {
    line: Arc<Line>,
    counts: Arc<Counts>,
    permit: Permit,
    seats: u32,
    clock: Instant,
    since: Duration,
}

/// A request that waits; who goes away meanwhile leaves the line, or the place that it has just been given.
struct Waiter {
    line: Arc<Line>,
    counts: Arc<Counts>,
    ticket: u64,
    queue: usize,
    called: oneshot::Receiver<Permit>,
    clock: Instant,
}

impl Refused {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::ConcurrencyLimit, Self::QueueFull, Self::TimeOut];

    /// The word that metrics have for it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::ConcurrencyLimit => "concurrency-limit",
            Self::QueueFull => "queue-full",
            Self::TimeOut => "time-out",
        }
    }
}

/// A place for a request, now or before it has waited for too long.
pub(super) async fn enter(found: Found, seats: u32, clock: Instant, wait_max: Duration) -> Result<Place, Refused> {
    let Found { flow, counts, line, .. } = found;
    let came = clock.elapsed();
    let arrival = line.arrive(came, flow, seats);
    let outcome = match arrival {
        Ok(Ok(permit)) => Ok(permit),
        Ok(Err((ticket, queue, called))) => {
            let mut waiter = Waiter { line: line.clone(), counts: counts.clone(), ticket, queue, called, clock };
            counts.waiting.fetch_add(1, Ordering::Relaxed);
            match tokio::time::timeout(wait_max, &mut waiter.called).await {
                Ok(Ok(permit)) => Ok(permit),
                Ok(Err(_)) | Err(_) => Err(Refused::TimeOut),
            }
        }
        Err(Refusal::ConcurrencyLimit) => Err(Refused::ConcurrencyLimit),
        Err(Refusal::QueueFull) => Err(Refused::QueueFull),
    };
    let since = clock.elapsed();
    counts.waited[usize::from(outcome.is_err())].observe(since.saturating_sub(came).as_secs_f64());
    match outcome {
        Ok(permit) => {
            counts.dispatched.fetch_add(1, Ordering::Relaxed);
            counts.executing.fetch_add(1, Ordering::Relaxed);
            counts.seats.fetch_add(seats.into(), Ordering::Relaxed);
            Ok(Place { line, counts, permit, seats, clock, since })
        }
        Err(refused) => {
            counts.rejected[refused as usize].fetch_add(1, Ordering::Relaxed);
            Err(refused)
        }
    }
}

/// A permit, or a place in a queue and what tells that it is one's turn.
type Turn = Result<Permit, (u64, usize, oneshot::Receiver<Permit>)>;

impl Line {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Waiters { set: QueueSet::new(1, None), smoothed: 0.0, called: HashMap::new() }))
    }

    /// Calls back with the level's requests.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&QueueSet) -> T) -> T {
        look(&self.0.lock().set)
    }

    pub(super) fn set_queuing(&self, queuing: Option<Queuing>) {
        self.0.lock().set.set_queuing(queuing);
    }

    pub(super) fn set_seats(&self, now: Duration, seats: u32) {
        let mut waiters = self.0.lock();
        let started = waiters.set.set_seats(now, seats);
        waiters.call(now, started);
    }

    /// What was needed since the last adjustment, and what is remembered of that.
    pub(super) fn take_demand(&self, now: Duration) -> (Demand, f64) {
        let mut waiters = self.0.lock();
        let demand = waiters.set.take_demand(now);
        waiters.smoothed = seats::smooth(waiters.smoothed, demand);
        (demand, waiters.smoothed)
    }

    fn arrive(&self, now: Duration, flow: u64, seats: u32) -> Result<Turn, Refusal> {
        let mut waiters = self.0.lock();
        match waiters.set.arrive(now, flow, seats) {
            Arrival::Runs(permit) => Ok(Ok(permit)),
            Arrival::Refused(refusal) => Err(refusal),
            Arrival::Waits { ticket, queue } => {
                let (caller, called) = oneshot::channel();
                waiters.called.insert(ticket, caller);
                Ok(Err((ticket, queue, called)))
            }
        }
    }

    fn finish(&self, now: Duration, permit: Permit) {
        let mut waiters = self.0.lock();
        let started = waiters.set.finish(now, permit);
        waiters.call(now, started);
    }
}

impl Waiters {
    /// Tells whose turn it is. Whoever has gone meanwhile gives the place to the next.
    fn call(&mut self, now: Duration, mut started: Vec<(u64, Permit)>) {
        while let Some((ticket, permit)) = started.pop() {
            let left = match self.called.remove(&ticket) {
                Some(caller) => caller.send(permit).err(),
                None => Some(permit),
            };
            if let Some(permit) = left {
                started.extend(self.set.finish(now, permit));
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let now = self.clock.elapsed();
        self.counts.executing.fetch_sub(1, Ordering::Relaxed);
        self.counts.seats.fetch_sub(self.seats.into(), Ordering::Relaxed);
        self.counts.ran.observe(now.saturating_sub(self.since).as_secs_f64());
        self.line.finish(now, self.permit);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        let now = self.clock.elapsed();
        let mut waiters = self.line.0.lock();
        waiters.called.remove(&self.ticket);
        if waiters.set.give_up(now, self.queue, self.ticket) {
            return;
        }
        // It was called, and its place is unused unless it was taken out of here before.
        if let Ok(permit) = self.called.try_recv() {
            let started = waiters.set.finish(now, permit);
            waiters.call(now, started);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use http::HeaderValue;

    use super::*;

    /// Longer than any test takes.
    const LONG: Duration = Duration::from_secs(3600);

    fn line(seats: u32, length_max: usize) -> Arc<Line> {
        let line = Line::new();
        line.set_queuing(Some(Queuing { queues: 1, hand: 1, length_max }));
        line.set_seats(Duration::ZERO, seats);
        Arc::new(line)
    }

    fn enter_as(
        line: &Arc<Line>,
        counts: &Arc<Counts>,
        wait_max: Duration,
    ) -> impl Future<Output = Result<Place, Refused>> + use<> {
        let uid = HeaderValue::from_static("");
        let (counts, line) = (counts.clone(), line.clone());
        let found = Found { schema_uid: uid.clone(), level_uid: uid, nominal: 1, flow: 0, counts, line };
        enter(found, 1, Instant::now(), wait_max)
    }

    #[tokio::test]
    async fn who_waits_is_woken_in_turn_and_who_leaves_frees_its_place() {
        let (line, counts) = (line(1, 3), Arc::new(Counts::default()));
        let first = enter_as(&line, &counts, LONG).await.ok().unwrap();
        let mut waiting: Vec<_> = (0..3).map(|_| Box::pin(enter_as(&line, &counts, LONG))).collect();
        assert!(waiting.iter_mut().all(|request| request.as_mut().now_or_never().is_none()));
        assert_eq!(enter_as(&line, &counts, LONG).await.err(), Some(Refused::QueueFull));
        // The first of those that wait leaves before its turn, the second after it was called but before it knew.
        drop(waiting.remove(0));
        drop(first);
        drop(waiting.remove(0));
        let last = waiting.remove(0).await.ok().unwrap();
        assert_eq!(line.look(|set| (set.executing(), set.waiting())), (1, 0));
        drop(last);
        assert_eq!(line.look(|set| (set.executing(), set.seats_in_use())), (0, 0));
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        assert_eq!((count(&counts.executing), count(&counts.waiting), count(&counts.dispatched)), (0, 0, 2));
    }

    #[tokio::test]
    async fn who_waits_for_too_long_is_sent_away() {
        let (line, counts) = (line(1, 3), Arc::new(Counts::default()));
        let _first = enter_as(&line, &counts, LONG).await.ok().unwrap();
        assert_eq!(enter_as(&line, &counts, Duration::ZERO).await.err(), Some(Refused::TimeOut));
        assert_eq!(line.look(QueueSet::waiting), 0);
    }
}
