//! One level's requests: seats, queues, and the virtual time by which queues take turns.
//!
//! Every queue with work gets the same part of the seats, as if all were served at once, a little each (fair queuing
//! over shuffle-sharded flows). `r` is how far such a server would have come, in seat-seconds per queue; a queue's
//! `next_r` is when its next request would begin there. Of the requests that head their queues, the one that would end
//! first starts next.

use std::collections::VecDeque;
use std::time::Duration;

use crate::level::Queuing;
use crate::seats::Demand;
use crate::shard;

/// How long a request is taken to run until it has (upstream's estimated service time).
const GUESS_SECS: f64 = 0.003;

/// The requests of one level.
#[derive(Debug)]
pub struct QueueSet {
    seats_max: u32,
    queuing: Option<Queuing>,
    queues: Vec<Queue>,
    r: f64,
    now: Duration,
    seats_in_use: u32,
    seats_waiting: u32,
    executing: usize,
    waiting: usize,
    /// How many queues have requests, waiting or executing.
    active: usize,
    /// The queue that had its turn last.
    robin: usize,
    arrivals: usize,
    tickets: u64,
    demand: Meter,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    seats_waiting: u32,
    seats_in_use: u32,
    executing: usize,
    next_r: f64,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    seats: u32,
    arrival_r: f64,
}

/// The right to run: to be given back with [`QueueSet::finish`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Permit {
    queue: Option<usize>,
    seats: u32,
    since: Duration,
}

/// Why a request is sent away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No seat is free, and the level has no queues.
    ConcurrencyLimit,
    /// No seat is free, and the queue is full.
    QueueFull,
}

/// What becomes of a request that has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// It runs.
    Runs(Permit),
    /// It waits until its ticket is called.
    Waits {
        /// The ticket.
        ticket: u64,
        /// Where it waits; for [`QueueSet::give_up`].
        queue: usize,
    },
    /// It does not run.
    Refused(Refusal),
}

/// Seats that were wanted, over time.
#[derive(Debug, Default)]
struct Meter {
    since: Duration,
    at: Duration,
    value: f64,
    sum: f64,
    squares: f64,
    high: f64,
}

impl QueueSet {
    /// No requests, this many seats.
    pub fn new(seats_max: u32, queuing: Option<Queuing>) -> Self {
        let mut set = Self {
            seats_max,
            queuing: None,
            queues: Vec::new(),
            r: 0.0,
            now: Duration::ZERO,
            seats_in_use: 0,
            seats_waiting: 0,
            executing: 0,
            waiting: 0,
            active: 0,
            robin: 0,
            arrivals: 0,
            tickets: 0,
            demand: Meter::default(),
        };
        set.set_queuing(queuing);
        set
    }

    /// Other queues from now on. What waits in one too many is still served.
    pub fn set_queuing(&mut self, queuing: Option<Queuing>) {
        self.queuing = queuing;
        let wanted = queuing.map_or(0, |queuing| queuing.queues);
        if self.queues.len() < wanted {
            self.queues.resize_with(wanted, Queue::default);
        }
    }

    /// Other seats from now on; what may start because of it.
    pub fn set_seats(&mut self, now: Duration, seats_max: u32) -> Vec<(u64, Permit)> {
        self.advance(now);
        self.seats_max = seats_max;
        self.dispatch()
    }

    /// A request has come that takes this many seats; `flow` is the hash of whose it is.
    pub fn arrive(&mut self, now: Duration, flow: u64, seats: u32) -> Arrival {
        self.advance(now);
        let Some(queuing) = self.queuing else {
            if !self.has_room(seats) {
                return Arrival::Refused(Refusal::ConcurrencyLimit);
            }
            return Arrival::Runs(self.start(None, seats));
        };
        let at = self.choose(flow, queuing);
        if self.waiting == 0 && self.has_room(seats) {
            self.activate(at);
            return Arrival::Runs(self.start(Some(at), seats));
        }
        if self.queues[at].waiting.len() >= queuing.length_max {
            return Arrival::Refused(Refusal::QueueFull);
        }
        self.activate(at);
        self.tickets += 1;
        let (ticket, arrival_r) = (self.tickets, self.r);
        let queue = &mut self.queues[at];
        if queue.waiting.is_empty() {
            queue.next_r = queue.next_r.max(arrival_r);
        }
        queue.waiting.push_back(Waiting { ticket, seats, arrival_r });
        queue.seats_waiting += seats;
        self.seats_waiting += seats;
        self.waiting += 1;
        self.measure();
        Arrival::Waits { ticket, queue: at }
    }

    /// A request has run; what may start because of it.
    pub fn finish(&mut self, now: Duration, permit: Permit) -> Vec<(u64, Permit)> {
        self.advance(now);
        self.seats_in_use = self.seats_in_use.saturating_sub(permit.seats);
        self.executing = self.executing.saturating_sub(1);
        if let Some(at) = permit.queue {
            let took_secs = now.saturating_sub(permit.since).as_secs_f64();
            let queue = &mut self.queues[at];
            queue.seats_in_use = queue.seats_in_use.saturating_sub(permit.seats);
            queue.executing = queue.executing.saturating_sub(1);
            // What was guessed too much is given back, what was guessed too little is taken.
            queue.next_r += (took_secs - GUESS_SECS) * f64::from(permit.seats);
            if let Some(first) = queue.waiting.front() {
                queue.next_r = queue.next_r.max(first.arrival_r);
            }
            self.rest_if_idle(at);
        }
        self.measure();
        self.dispatch()
    }

    /// A request waits no longer; false where it has been called meanwhile, and so holds a permit.
    pub fn give_up(&mut self, now: Duration, queue: usize, ticket: u64) -> bool {
        self.advance(now);
        let Some(place) = self.queues[queue].waiting.iter().position(|waiting| waiting.ticket == ticket) else {
            return false;
        };
        if let Some(gone) = self.queues[queue].waiting.remove(place) {
            self.queues[queue].seats_waiting -= gone.seats;
            self.seats_waiting -= gone.seats;
            self.waiting -= 1;
        }
        self.rest_if_idle(queue);
        self.measure();
        true
    }

    /// What was needed since the last time it was asked.
    pub fn take_demand(&mut self, now: Duration) -> Demand {
        self.advance(now);
        self.demand.take()
    }

    /// The seats there are.
    pub fn seats_max(&self) -> u32 {
        self.seats_max
    }

    /// The seats that are taken.
    pub fn seats_in_use(&self) -> u32 {
        self.seats_in_use
    }

    /// How many requests run.
    pub fn executing(&self) -> usize {
        self.executing
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The seats for which requests wait.
    pub fn seats_waiting(&self) -> u32 {
        self.seats_waiting
    }

    /// How many queues have requests, waiting or executing.
    pub fn active_queues(&self) -> usize {
        self.active
    }

    /// Every queue: how many wait, how many run, the seats they have, and its virtual start.
    pub fn queues(&self) -> impl Iterator<Item = (usize, usize, u32, f64)> {
        self.queues.iter().map(|queue| (queue.waiting.len(), queue.executing, queue.seats_in_use, queue.next_r))
    }

    /// Whether there is room for this many seats; a request wider than the level runs alone.
    fn has_room(&self, seats: u32) -> bool {
        self.seats_in_use + seats <= self.seats_max || self.executing == 0
    }

    /// The queue of a flow's hand with the least work.
    fn choose(&mut self, flow: u64, queuing: Queuing) -> usize {
        let hand = shard::hand(flow, queuing.queues, queuing.hand);
        self.arrivals = self.arrivals.wrapping_add(1);
        let first = self.arrivals % hand.len().max(1);
        let in_turn = (0..hand.len()).map(|offset| hand[(first + offset) % hand.len()]);
        in_turn.min_by_key(|at| self.queues[*at].seats_waiting + self.queues[*at].seats_in_use).unwrap_or_default()
    }

    fn start(&mut self, queue: Option<usize>, seats: u32) -> Permit {
        self.seats_in_use += seats;
        self.executing += 1;
        if let Some(at) = queue {
            let queue = &mut self.queues[at];
            queue.seats_in_use += seats;
            queue.executing += 1;
            queue.next_r += GUESS_SECS * f64::from(seats);
        }
        self.measure();
        Permit { queue, seats, since: self.now }
    }

    /// Starts what may start.
    fn dispatch(&mut self) -> Vec<(u64, Permit)> {
        let mut started = Vec::new();
        while let Some(at) = self.next_turn() {
            let Some(seats) = self.queues[at].waiting.front().map(|first| first.seats) else { break };
            if !self.has_room(seats) {
                break;
            }
            let Some(first) = self.queues[at].waiting.pop_front() else { break };
            self.queues[at].seats_waiting -= seats;
            self.seats_waiting -= seats;
            self.waiting -= 1;
            self.robin = at;
            let permit = self.start(Some(at), seats);
            if let Some(next) = self.queues[at].waiting.front() {
                let arrival_r = next.arrival_r;
                self.queues[at].next_r = self.queues[at].next_r.max(arrival_r);
            }
            started.push((first.ticket, permit));
        }
        started
    }

    /// The queue whose first request would end first in virtual time; of equal ones the next in turn.
    fn next_turn(&self) -> Option<usize> {
        if self.waiting == 0 {
            return None;
        }
        let count = self.queues.len();
        let ends = (1..=count).map(|offset| (self.robin + offset) % count).filter_map(|at| {
            let queue = &self.queues[at];
            queue.waiting.front().map(|first| (at, queue.next_r + GUESS_SECS * f64::from(first.seats)))
        });
        ends.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(at, _)| at)
    }

    /// A queue that gets its first request begins now: it has saved nothing up.
    fn activate(&mut self, at: usize) {
        let queue = &mut self.queues[at];
        if queue.executing == 0 && queue.waiting.is_empty() {
            queue.next_r = self.r;
            self.active += 1;
        }
    }

    fn rest_if_idle(&mut self, at: usize) {
        if self.queues[at].executing == 0 && self.queues[at].waiting.is_empty() {
            self.active -= 1;
        }
    }

    /// Lets time pass, real and virtual.
    fn advance(&mut self, now: Duration) {
        let secs = now.saturating_sub(self.now).as_secs_f64();
        self.now = self.now.max(now);
        if self.active > 0 {
            let served = (self.seats_in_use + self.seats_waiting).min(self.seats_max);
            self.r += secs * f64::from(served) / self.active as f64;
        }
        self.demand.advance(self.now);
    }

    fn measure(&mut self) {
        self.demand.set(f64::from(self.seats_in_use + self.seats_waiting));
    }
}

impl Meter {
    fn advance(&mut self, now: Duration) {
        let secs = now.saturating_sub(self.at).as_secs_f64();
        self.sum += self.value * secs;
        self.squares += self.value * self.value * secs;
        self.at = now;
    }

    fn set(&mut self, value: f64) {
        self.value = value;
        self.high = self.high.max(value);
    }

    fn take(&mut self) -> Demand {
        let secs = self.at.saturating_sub(self.since).as_secs_f64();
        let average = if secs > 0.0 { self.sum / secs } else { self.value };
        let variance = if secs > 0.0 { self.squares / secs - average * average } else { 0.0 };
        let demand = Demand { high: self.high, average, deviation: variance.max(0.0).sqrt() };
        *self = Self { since: self.at, at: self.at, value: self.value, high: self.value, ..Self::default() };
        demand
    }
}
