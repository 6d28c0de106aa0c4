//! The network: it delays and drops everything, doubles and reorders what is not on a connection, and cuts machines off.

use std::collections::BTreeMap;

use kubernel_kernel::Millis;

use super::message::{Address, Frame};
use crate::Rng;

/// How bad the network is. All zero: it is good.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Weather {
    /// How many of a thousand frames are lost.
    pub(crate) drop_permille: u64,
    /// How many of a thousand frames come twice.
    pub(crate) twice_permille: u64,
    /// How many of a thousand frames take seconds.
    pub(crate) slow_permille: u64,
}

/// All that is under way.
#[derive(Debug, Default)]
pub(crate) struct Net {
    pub(crate) weather: Weather,
    under_way: BTreeMap<(Millis, u64), (Address, Address, Frame)>,
    count: u64,
    /// When the last frame of a session arrives: on a connection none overtakes another.
    last: BTreeMap<(Address, Address, u64), Millis>,
    /// Who is cut off, and until when.
    cut: BTreeMap<Address, Millis>,
}

impl Net {
    pub(crate) fn cut_off(&mut self, who: Address, until: Millis) {
        self.cut.insert(who, until);
    }

    pub(crate) fn heal(&mut self) {
        self.cut.clear();
        self.weather = Weather::default();
    }

    fn is_cut(&self, who: Address, now: Millis) -> bool {
        self.cut.get(&who).is_some_and(|until| *until > now)
    }

    pub(crate) fn send(&mut self, rng: &mut Rng, now: Millis, from: Address, to: Address, frame: Frame) {
        if self.is_cut(from, now) || self.is_cut(to, now) {
            return;
        }
        let mut chance = |permille: u64| permille > 0 && rng.below(1_000) < permille;
        if chance(self.weather.drop_permille) {
            return;
        }
        let (slow, twice) = (chance(self.weather.slow_permille), chance(self.weather.twice_permille));
        let slowest_ms = if slow { 5_000 } else { 50 };
        let mut at = now.after_ms(1 + rng.below(slowest_ms));
        if frame.number.is_some() {
            let last = self.last.entry((from, to, frame.session)).or_default();
            at = at.max(*last);
            *last = at;
        } else if twice {
            let again = now.after_ms(1 + rng.below(5_000));
            self.put(again, from, to, frame.clone());
        }
        self.put(at, from, to, frame);
    }

    fn put(&mut self, at: Millis, from: Address, to: Address, frame: Frame) {
        self.count += 1;
        self.under_way.insert((at, self.count), (from, to, frame));
    }

    /// When something arrives next.
    pub(crate) fn next_at(&self) -> Option<Millis> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    /// What has arrived by now: from whom, at whom, what. What arrives at somebody who is cut off is lost.
    pub(crate) fn arrive(&mut self, now: Millis) -> Option<(Address, Address, Frame)> {
        while let Some(entry) = self.under_way.first_entry().filter(|entry| entry.key().0 <= now) {
            let (from, to, frame) = entry.remove();
            if !self.is_cut(from, now) && !self.is_cut(to, now) {
                return Some((from, to, frame));
            }
        }
        None
    }

    /// Somebody's connections end: what is under way to or from it is lost.
    pub(crate) fn hang_up(&mut self, who: Address) {
        self.under_way.retain(|_, (from, to, _)| *from != who && *to != who);
        self.last.retain(|(from, to, _), _| *from != who && *to != who);
    }
}
