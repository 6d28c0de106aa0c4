//! The lock and the clock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kubernel_kernel::{Config, Input, Millis, State, Step};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Books, Deliveries, Delivery};

/// The kernel of this server, shared by those that act on it and those that look.
#[derive(Debug)]
pub struct Ledger {
    books: Mutex<Held>,
    config: Config,
    /// The kernel's time counts from here.
    begin: Instant,
    /// When each agent's Node was made, as the API says; the kernel knows no calendar.
    since: Mutex<HashMap<Box<str>, Box<str>>>,
    changed: watch::Sender<u64>,
    /// Somebody who claims has something to do.
    claims: Notify,
    /// Something has come for frameworks that take offers.
    offers: Notify,
    /// The kernel is to be woken earlier than was thought.
    timer: Notify,
}

#[derive(Debug)]
struct Held {
    books: Books,
    /// What [`Ledger::keep_time`] sleeps for.
    armed: Option<Millis>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl Ledger {
    /// The ledger of a kernel that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self {
            books: Mutex::new(Held { books: Books::new(config.clone()), armed: None }),
            config,
            begin: Instant::now(),
            since: Mutex::default(),
            changed: watch::Sender::new(0),
            claims: Notify::new(),
            offers: Notify::new(),
            timer: Notify::new(),
        }
    }

    /// What the kernel was told when it was made.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The kernel's time: the one clock for all who act.
    pub fn now(&self) -> Millis {
        Millis(1 + u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// A time of the kernel as one to sleep until.
    pub fn instant(&self, at: Millis) -> Instant {
        // An hour ahead is as good as never, and cannot overflow.
        let ahead = at.0.saturating_sub(self.now().0).min(3_600_000);
        Instant::now() + Duration::from_millis(ahead)
    }

    /// Counts up when offers or agents may have changed; at most a few times a second.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Says that offers or agents may have changed.
    pub fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// Looks at the state. Nobody else can act on it meanwhile: look, copy, and go.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(self.lock().books.state())
    }

    /// Takes one step.
    pub fn step(&self, input: Input) -> Step {
        self.act(|books, now| books.step(now, input))
    }

    /// Takes steps of which nobody sees the middle. Wakes all whom they concern.
    pub fn act<T>(&self, act: impl FnOnce(&mut Books, Millis) -> T) -> T {
        let mut held = self.lock();
        let freed = held.books.state().last_freed();
        let out = act(&mut held.books, self.now());
        if held.books.concerns_claimers() || held.books.state().last_freed() != freed {
            self.claims.notify_one();
        }
        self.wake(&held);
        out
    }

    /// As [`Ledger::act`], for the one who claims: it need not be woken by what it does itself.
    pub fn claim<T>(&self, act: impl FnOnce(&mut Books, Millis) -> T) -> T {
        let mut held = self.lock();
        let out = act(&mut held.books, self.now());
        self.wake(&held);
        out
    }

    /// Waits until it may be the turn of somebody who claims, something got free, or something has come for them.
    pub async fn claims_woken(&self) {
        self.claims.notified().await;
    }

    /// From now on, all that concerns frameworks that take offers. There is one who takes it away.
    pub fn deliveries(self: &Arc<Self>) -> Deliveries {
        self.lock().books.attach(true);
        Deliveries(self.clone())
    }

    /// Gives the kernel its ticks until shutdown.
    pub async fn keep_time(&self, shutdown: CancellationToken) {
        loop {
            let wake_at = {
                let mut held = self.lock();
                held.armed = held.books.wake_at();
                held.armed
            };
            if wake_at.is_some_and(|at| at <= self.now()) {
                self.act(|books, now| books.step(now, Input::Tick));
                tokio::task::yield_now().await;
                continue;
            }
            let sleep = async {
                match wake_at {
                    Some(at) => tokio::time::sleep_until(self.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.timer.notified() => {}
                () = sleep => {}
            }
        }
    }

    /// When an agent's Node was made.
    pub fn since(&self, agent: &str) -> Option<Box<str>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }

    /// Remembers when an agent's Node was made; `None` when it is gone.
    pub fn set_since(&self, agent: &str, since: Option<&str>) {
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match since {
            Some(since) => drop(all.insert(agent.into(), since.into())),
            None => drop(all.remove(agent)),
        }
    }

    pub(crate) async fn offers_woken(&self) {
        self.offers.notified().await;
    }

    pub(crate) fn take_offers(&self) -> Vec<Delivery> {
        self.lock().books.take_offers()
    }

    pub(crate) fn detach(&self) {
        self.lock().books.attach(false);
    }

    fn wake(&self, held: &Held) {
        if held.books.concerns_others() {
            self.offers.notify_one();
        }
        let wake_at = held.books.wake_at();
        if wake_at.is_some_and(|at| held.armed.is_none_or(|armed| at < armed)) {
            self.timer.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
