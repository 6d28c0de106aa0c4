//! Writes that are counted against a namespace's quotas take turns, so that they do not make one another count anew.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard};

/// How many turns there are: namespaces share them by hash.
const TURNS: usize = 64;

/// Whose turn it is.
#[derive(Debug)]
pub struct Turns {
    turns: Vec<Arc<Mutex<()>>>,
    hasher: RandomState,
}

/// It is the holder's turn until this is dropped: after the commit.
#[derive(Debug)]
pub struct Turn {
    _guard: OwnedMutexGuard<()>,
}

impl Turns {
    /// Waits for a turn in the namespace.
    pub(super) async fn take(&self, namespace: &str) -> Option<Turn> {
        let slot = usize::try_from(self.hasher.hash_one(namespace) % TURNS as u64).ok()?;
        let turn = self.turns.get(slot)?.clone();
        Some(Turn { _guard: turn.lock_owned().await })
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self { turns: (0..TURNS).map(|_| Arc::default()).collect(), hasher: RandomState::new() }
    }
}
