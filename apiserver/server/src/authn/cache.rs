//! Tokens that were found to be good, for a few seconds: checking a signature and three objects costs more than a
//! request should.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::Bearer;

/// How long a token counts without another look: as long as it may take until a deleted Pod's token is refused.
const LIFE: SignedDuration = SignedDuration::from_secs(10);
/// How many tokens are remembered.
const TOKENS_MAX: usize = 20_000;

/// Good tokens by their hash, so that memory never holds the tokens themselves.
#[derive(Debug, Default)]
pub(super) struct TokenCache(Mutex<HashMap<[u8; 32], (Timestamp, Bearer)>>);

impl TokenCache {
    pub(super) fn get(&self, token: &str, now: Timestamp) -> Option<Bearer> {
        let known = self.0.lock();
        let (until, bearer) = known.get(&hash(token))?;
        (*until > now).then(|| bearer.clone())
    }

    /// Remembers a token, not beyond `until`.
    pub(super) fn put(&self, token: &str, bearer: Bearer, until: Timestamp, now: Timestamp) {
        let until = now.checked_add(LIFE).map_or(until, |limit| limit.min(until));
        let mut known = self.0.lock();
        if known.len() >= TOKENS_MAX {
            known.retain(|_, (until, _)| *until > now);
        }
        if known.len() >= TOKENS_MAX {
            known.clear();
        }
        known.insert(hash(token), (until, bearer));
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
