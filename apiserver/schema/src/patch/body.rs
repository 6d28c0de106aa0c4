//! Reading the body of a patch, with the texts of Go's JSON decoder.

use kubernel_meta::ApiError;
use serde_json::Value;

/// The body as JSON; the error is Go's text.
pub(super) fn parse(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| go_text(body, &error))
}

/// 400 `error decoding patch: …`.
pub(super) fn undecodable(text: &str) -> ApiError {
    ApiError::bad_request(format!("error decoding patch: {text}"))
}

/// Go's complaint about a value of another JSON type than wanted, `want` being a Go type.
pub(super) fn mismatch(value: &Value, want: &str) -> String {
    let got = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    format!("json: cannot unmarshal {got} into Go value of type {want}")
}

fn go_text(body: &[u8], error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let offset = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>()
        + error.column().saturating_sub(1);
    let shown = body.get(offset).map_or_else(|| "'?'".to_owned(), |byte| format!("{:?}", char::from(*byte)));
    let place = match error.to_string() {
        text if text.starts_with("trailing characters") => "after top-level value",
        text if text.starts_with("key must be a string") => "looking for beginning of object key string",
        text if text.starts_with("expected `:`") => "after object key",
        text if text.starts_with("expected `,` or `}`") => "after object key:value pair",
        text if text.starts_with("expected `,` or `]`") => "after array element",
        _ => "looking for beginning of value",
    };
    format!("invalid character {shown} {place}")
}
