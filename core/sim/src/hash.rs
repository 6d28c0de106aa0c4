//! A hash of everything that happened in a run (FNV-1a over the events), the same on every machine of a kind.

use std::hash::{Hash, Hasher};

use kubernel_kernel::Event;

/// The hash of the events so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventHash(u64);

impl Default for EventHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl EventHash {
    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        event.hash(self);
    }
}

impl Hasher for EventHash {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
