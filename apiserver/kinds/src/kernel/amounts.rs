//! Resource amounts in the kernel kinds' rows and rules.

use kubernel_meta::Object;
use kubernel_meta::field::{Error, Path};
use serde_json::{Value, json};

use crate::core::pod::amounts::read;

/// One amount as a cell; `0` where there is none.
pub(super) fn amount(object: &Object, path: &[&str]) -> Value {
    let text = object.str_at(path);
    json!(if text.is_empty() { "0" } else { text })
}

/// A resource list in one cell: `cpu=4,memory=8Gi`, or `<none>`.
pub(super) fn list(object: &Object, path: &[&str]) -> String {
    crate::print::labels(object.at(path))
}

/// Amounts that are less than nothing.
pub(super) fn non_negative(path: &Path, list: Option<&Value>) -> Vec<Error> {
    let amounts = list.map(read).unwrap_or_default();
    let negative = amounts.into_iter().filter(|(_, amount)| amount.signum() < 0);
    negative
        .map(|(name, amount)| path.key(&name).invalid(amount.to_string(), "must be greater than or equal to 0"))
        .collect()
}
