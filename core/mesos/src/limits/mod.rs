//! How many calls frameworks may make: Mesos' rate limits of principals.
//!
//! A call has to wait for its turn; when more of a principal's calls wait than its capacity allows, its framework is told
//! and loses its stream. The reckoning is pure ([`Limits::turn`]); [`crate::Door::throttle`] waits.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Response, StatusCode};
use kubernel_mesos_proto::v1::RateLimits;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Door, http::refuse};

/// The limits of all principals, and how far each has used its own.
#[derive(Debug)]
pub struct Limits {
    /// Those that are named; `None`: as many as they like.
    named: BTreeMap<String, Option<Bucket>>,
    /// All others together.
    others: Option<Bucket>,
    /// The clock of [`Door::throttle`] counts from here.
    begin: Instant,
}

/// Calls that come one after another at a steady pace.
#[derive(Debug)]
struct Bucket {
    every_ns: u64,
    /// How many may wait; `None`: as many as like to.
    capacity: Option<u64>,
    /// When the next call has its turn, in nanoseconds of the caller's clock.
    next_ns: Mutex<u64>,
}

/// When a call has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// After so many nanoseconds.
    In(u64),
    /// Never: so many wait already as may.
    Full(u64),
}

impl Limits {
    /// As Mesos' JSON says.
    ///
    /// # Errors
    ///
    /// If a limit is no positive number, or a principal is named twice.
    pub fn new(read: &RateLimits) -> Result<Self, String> {
        let mut named = BTreeMap::new();
        for limit in &read.limits {
            let bucket = limit.qps.map(|qps| bucket(qps, limit.capacity)).transpose()?;
            if named.insert(limit.principal.clone(), bucket).is_some() {
                return Err(format!("Duplicate principal '{}' found in RateLimits", limit.principal));
            }
        }
        let capacity = read.aggregate_default_capacity;
        let others = read.aggregate_default_qps.map(|qps| bucket(qps, capacity)).transpose()?;
        Ok(Self { named, others, begin: Instant::now() })
    }

    /// Gives a call of a principal its turn; `now_ns` must not go back.
    pub fn turn(&self, principal: Option<&str>, now_ns: u64) -> Turn {
        let named = principal.and_then(|principal| self.named.get(principal));
        let bucket = named.map_or(self.others.as_ref(), Option::as_ref);
        bucket.map_or(Turn::In(0), |bucket| bucket.turn(now_ns))
    }
}

impl Bucket {
    fn turn(&self, now_ns: u64) -> Turn {
        let mut next_ns = self.next_ns.lock();
        let at_ns = (*next_ns).max(now_ns);
        let wait_ns = at_ns - now_ns;
        if let Some(capacity) = self.capacity.filter(|capacity| wait_ns.div_ceil(self.every_ns) > *capacity) {
            return Turn::Full(capacity);
        }
        *next_ns = at_ns.saturating_add(self.every_ns);
        Turn::In(wait_ns)
    }
}

fn bucket(qps: f64, capacity: Option<u64>) -> Result<Bucket, String> {
    if !(qps > 0.0 && qps.is_finite()) {
        return Err(format!("Invalid qps: {qps}. It must be a positive number"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a pace slower than any is the slowest"
    )]
    let every_ns = ((1e9 / qps) as u64).max(1);
    Ok(Bucket { every_ns, capacity, next_ns: Mutex::new(0) })
}

impl Door {
    /// Waits for the turn of a framework's call.
    ///
    /// # Errors
    ///
    /// If too many of its calls wait already: the framework has lost its stream.
    pub(crate) async fn throttle(&self, framework: &str) -> Result<(), Response<Body>> {
        let Some(limits): Option<&Arc<Limits>> = self.config().limits.as_ref() else { return Ok(()) };
        let principal =
            self.read(|book| book.framework(framework).and_then(|found| found.record.info.principal.clone()));
        let now_ns = u64::try_from(limits.begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match limits.turn(principal.as_deref(), now_ns) {
            Turn::In(0) => {}
            Turn::In(ns) => tokio::time::sleep(Duration::from_nanos(ns)).await,
            Turn::Full(capacity) => {
                let why = format!("Message dropped: capacity({capacity}) exceeded");
                self.fail(framework, &why);
                return Err(refuse(StatusCode::TOO_MANY_REQUESTS, &why));
            }
        }
        Ok(())
    }
}
