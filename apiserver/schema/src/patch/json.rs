//! JSON patch (RFC 6902), with the liberties of upstream's library: `replace` of a missing map entry adds it, negative
//! indexes count from the end, a missing `value` is null, the first step of a path is dropped unread.
//!
//! Upstream hides why an operation failed: any failure is the same 422.

use kubernel_meta::{ApiError, Details, Reason};
use serde_json::{Map, Value};

use super::body::{mismatch, parse, undecodable};

/// At most so many operations in one patch.
const OPERATIONS_MAX: usize = 10_000;
/// At most so many bytes made by all `copy` operations of one patch.
const COPY_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Applies the patch in `body`. A patch may replace the root, also by a list, hence a value comes back.
pub fn apply(target: Map<String, Value>, body: &[u8]) -> Result<Value, ApiError> {
    let operations = match parse(body).map_err(|text| undecodable(&text))? {
        Value::Array(operations) => operations,
        Value::Null => Vec::new(),
        other => return Err(undecodable(&mismatch(&other, "[]interface {}"))),
    };
    if let Some(odd) = operations.iter().find(|operation| !operation.is_object() && !operation.is_null()) {
        return Err(ApiError::bad_request(mismatch(odd, "jsonpatch.Operation")));
    }
    if operations.len() > OPERATIONS_MAX {
        let count = operations.len();
        return Err(ApiError::new(
            413,
            Reason::RequestEntityTooLarge,
            format!(
                "Request entity too large: The allowed maximum operations in a JSON patch is {OPERATIONS_MAX}, got {count}"
            ),
        ));
    }
    apply_operations(target, operations).map_err(|_| rejected())
}

/// The operation at which a patch failed.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Failure {
    /// `add`, `test`, …; empty where it has none.
    pub op: String,
    /// Its path.
    pub path: String,
}

/// Applies operations that were read already, all or none.
pub fn apply_operations(target: Map<String, Value>, operations: Vec<Value>) -> Result<Value, Failure> {
    let mut run = Run { document: Value::Object(target), copied_bytes: 0 };
    for operation in operations {
        let text = |field: &str| operation.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let failure = Failure { op: text("op"), path: text("path") };
        run.step(operation).ok_or(failure)?;
    }
    Ok(run.document)
}

/// 422 with upstream's text for whatever went wrong inside a patch.
pub(super) fn rejected() -> ApiError {
    ApiError::new(422, Reason::Invalid, "the server rejected our request due to an error in our request")
        .with_details(Details::default())
}

struct Run {
    document: Value,
    copied_bytes: usize,
}

impl Run {
    /// One operation; `None` where it fails.
    fn step(&mut self, operation: Value) -> Option<()> {
        let Value::Object(mut operation) = operation else { return None };
        let path = operation.get("path")?.as_str()?.to_owned();
        let value = operation.remove("value").unwrap_or(Value::Null);
        match operation.get("op")?.as_str()? {
            "add" => self.add(&path, value),
            "remove" => self.remove(&path).map(drop),
            "replace" => self.replace(&path, value),
            "test" => self.test(&path, &value),
            "move" => {
                let moved = self.remove(operation.get("from")?.as_str()?)?;
                self.add(&path, moved)
            }
            "copy" => {
                let (parent, key) = find(&mut self.document, operation.get("from")?.as_str()?)?;
                let copied = get(parent, &key)?.cloned().unwrap_or(Value::Null);
                self.copied_bytes += copied.to_string().len();
                if self.copied_bytes > COPY_BYTES_MAX {
                    return None;
                }
                self.add(&path, copied)
            }
            _ => None,
        }
    }

    fn add(&mut self, path: &str, value: Value) -> Option<()> {
        let (parent, key) = find(&mut self.document, path)?;
        match parent {
            Value::Object(map) => {
                map.insert(key, value);
            }
            Value::Array(list) if key == "-" => list.push(value),
            Value::Array(list) => {
                let at = index(&key, list.len() + 1)?;
                list.insert(at, value);
            }
            _ => return None,
        }
        Some(())
    }

    fn remove(&mut self, path: &str) -> Option<Value> {
        let (parent, key) = find(&mut self.document, path)?;
        match parent {
            Value::Object(map) => map.remove(&key),
            Value::Array(list) => index(&key, list.len()).map(|at| list.remove(at)),
            _ => None,
        }
    }

    fn replace(&mut self, path: &str, value: Value) -> Option<()> {
        if path.is_empty() {
            self.document = Some(value).filter(|value| value.is_object() || value.is_array())?;
            return Some(());
        }
        let (parent, key) = find(&mut self.document, path)?;
        match parent {
            Value::Object(map) => {
                map.insert(key, value);
            }
            Value::Array(list) => {
                let at = index(&key, list.len())?;
                list[at] = value;
            }
            _ => return None,
        }
        Some(())
    }

    fn test(&mut self, path: &str, value: &Value) -> Option<()> {
        if path.is_empty() {
            return (self.document == *value).then_some(());
        }
        let (parent, key) = find(&mut self.document, path)?;
        (get(parent, &key)?.unwrap_or(&Value::Null) == value).then_some(())
    }
}

/// The map or list that holds the last step of the path, and that step.
fn find<'a>(document: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let mut steps: Vec<&str> = path.split('/').skip(1).collect();
    let last = unescape(steps.pop()?);
    let parent = steps.into_iter().try_fold(document, |value, step| match value {
        Value::Object(map) => map.get_mut(&unescape(step)),
        Value::Array(list) => {
            let at = index(step, list.len())?;
            list.get_mut(at)
        }
        _ => None,
    })?;
    Some((parent, last))
}

/// What is there: a missing map entry is nothing, a missing list item a failure.
fn get<'a>(parent: &'a Value, key: &str) -> Option<Option<&'a Value>> {
    match parent {
        Value::Object(map) => Some(map.get(key)),
        Value::Array(list) => Some(list.get(index(key, list.len())?)),
        _ => None,
    }
}

/// An index below `len`; negative ones count from the end.
fn index(text: &str, len: usize) -> Option<usize> {
    let number: isize = text.parse().ok()?;
    let at = if number < 0 { len.checked_sub(number.unsigned_abs())? } else { number.unsigned_abs() };
    (at < len).then_some(at)
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}
