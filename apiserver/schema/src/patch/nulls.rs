//! Nulls in what a patch adds: they delete nothing there, and are left out.

use serde_json::Value;

/// Drops the entries of maps that are null, at every depth; nulls in lists stay.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
