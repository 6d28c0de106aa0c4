//! The verbs: one pipeline for every kind.
//!
//! Reads copy bytes; writes go decode, default, mutate, prepare, validate, store (`write`).

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod deletecollection;
pub(crate) mod elsewhere;
mod fanout;
pub(crate) mod get;
pub(crate) mod list;
mod live;
pub(crate) mod patch;
mod select;
pub(crate) mod update;
pub(crate) mod verbatim;
pub(crate) mod watch;
mod websocket;
pub(crate) mod write;

pub(crate) use fanout::Hubs;

use kubernel_meta::{ApiError, Cause, Gvr, Reason};
use kubernel_store::StoreError;

/// What a store's failure is to a client, where no verb has better words for it.
pub(crate) fn store_error(error: StoreError) -> ApiError {
    match error {
        StoreError::Compacted { .. } => ApiError::expired("The resourceVersion for the provided list is too old."),
        StoreError::Future { requested, current } => {
            let message = format!("Timeout: Too large resource version: {requested}, current: {current}");
            ApiError::new(504, Reason::Timeout, message)
                .with_cause(Cause {
                    reason: "ResourceVersionTooLarge".to_owned(),
                    message: "Too large resource version".to_owned(),
                    field: String::new(),
                })
                .with_retry_after(1)
        }
        StoreError::Conflict { key, .. } => {
            let name = key.rsplit('/').next().unwrap_or_default();
            ApiError::modified(&Gvr::new("", "", "objects"), name)
        }
        StoreError::TooLarge(text) => ApiError::new(413, Reason::RequestEntityTooLarge, text),
        // The store has tried for long: clients that would go on for minutes by themselves are not told to.
        StoreError::Unavailable(text) => {
            ApiError::new(503, Reason::ServiceUnavailable, format!("the store does not answer: {text}"))
        }
        StoreError::Engine(text) => ApiError::internal(text),
    }
}

/// A resourceVersion of a request, as upstream reads it.
pub(crate) fn parse_version(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| {
        format!("resourceVersion: Invalid value: {text:?}: strconv.ParseUint: parsing {text:?}: invalid syntax")
    })
}

/// A bare error of upstream's storage layer: 500 without reason or details.
pub(crate) fn bare(message: impl Into<String>) -> ApiError {
    ApiError::new(500, Reason::Unknown, message)
}
