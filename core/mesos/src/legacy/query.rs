//! Queries and form-encoded bodies: `a=1&b=%5B%5D`. Pure.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// Names with values.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Of several values of one name the last counts.
    pub(super) fn parse(text: &str) -> Self {
        let pairs = text.split(['&', ';']).filter(|pair| !pair.is_empty());
        let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decoded(name), decoded(value))
                })
                .collect(),
        )
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}
