//! The kernel as others may see it: the scheduler works on it, the API server shows it (`view.rs`).

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use kubernel_kernel::{Config, Kernel, State};
use tokio::sync::watch;

/// The kernel of this server, shared by those that act on it and those that look.
#[derive(Debug)]
pub struct Ledger {
    kernel: Mutex<Kernel>,
    /// When each agent's Node was made, as the API says; the kernel knows no calendar.
    since: Mutex<HashMap<Box<str>, Box<str>>>,
    changed: watch::Sender<u64>,
}

impl Default for Ledger {
    fn default() -> Self {
        let kernel = Mutex::new(Kernel::new(Config::default()));
        Self { kernel, since: Mutex::default(), changed: watch::Sender::new(0) }
    }
}

impl Ledger {
    /// Counts up when offers or agents may have changed; at most a few times a second.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Looks at the state. Nobody else can act on it meanwhile: look, copy, and go.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(self.lock().state())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Kernel> {
        self.kernel.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When an agent's Node was made.
    pub(crate) fn since(&self, agent: &str) -> Option<Box<str>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).get(agent).cloned()
    }

    /// Remembers when an agent's Node was made; `None` when it is gone.
    pub(crate) fn set_since(&self, agent: &str, since: Option<&str>) {
        let mut all = self.since.lock().unwrap_or_else(PoisonError::into_inner);
        match since {
            Some(since) => drop(all.insert(agent.into(), since.into())),
            None => drop(all.remove(agent)),
        }
    }

    pub(crate) fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}
