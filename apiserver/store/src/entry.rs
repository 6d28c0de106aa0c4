//! How an object's bytes come to name their revision.

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::{Entry, Index, Revision};

impl Entry {
    /// The object of a document that was written at this revision.
    pub(crate) fn written(key: Arc<str>, revision: Revision, json: &[u8], hole: usize, index: Index) -> Self {
        let json = with_revision(&json[..hole], revision, &json[hole..]);
        Self { key, revision, json, index, hole, binary: OnceLock::new() }
    }

    /// The same object with another resourceVersion: what a deletion shows to watchers.
    pub(crate) fn at_revision(&self, revision: Revision) -> Self {
        let json = with_revision(&self.json[..self.hole], revision, after_digits(&self.json, self.hole));
        Self {
            key: self.key.clone(),
            revision,
            json,
            index: self.index.clone(),
            hole: self.hole,
            binary: OnceLock::new(),
        }
    }
}

/// The JSON with an empty hole.
pub(crate) fn without_revision(json: &[u8], hole: usize) -> Vec<u8> {
    [&json[..hole], after_digits(json, hole)].concat()
}

/// What follows the digits of the revision.
fn after_digits(json: &[u8], hole: usize) -> &[u8] {
    let digits = json[hole..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    &json[hole + digits..]
}

fn with_revision(before: &[u8], revision: Revision, after: &[u8]) -> Bytes {
    const DIGITS_MAX: usize = 20;
    let mut json = Vec::with_capacity(before.len() + DIGITS_MAX + after.len());
    json.extend_from_slice(before);
    // Writing to a Vec cannot fail.
    let _ = write!(json, "{revision}");
    json.extend_from_slice(after);
    json.shrink_to_fit();
    Bytes::from(json)
}
