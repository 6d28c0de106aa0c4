//! Single values in canonical form: quantities, times, bytes.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, alphabet};
use kubernel_meta::{Quantity, time};
use serde_json::{Number, Value};

use super::node::Node;
use crate::Error;

/// Go's `base64.StdEncoding`: padding is needed, bits that no byte fills may be anything.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical)
        .with_decode_allow_trailing_bits(true),
);

/// A quantity in canonical form.
pub(crate) fn quantity_text(text: &str) -> Result<String, Error> {
    let text = text.trim();
    // By far the most common texts are plain numbers that are canonical as they are.
    text.parse::<Quantity>().map(|quantity| quantity.to_string()).map_err(|e| Error::Value(e.to_string()))
}

/// A `metav1.Time` in canonical form.
pub(crate) fn time_text(text: &str) -> Result<String, Error> {
    time::parse(text).map(time::format).map_err(|e| Error::Value(e.to_string()))
}

/// A `metav1.MicroTime` in canonical form.
pub(crate) fn micro_time_text(text: &str) -> Result<String, Error> {
    time::parse_micro(text).map(time::format_micro).map_err(|e| Error::Value(e.to_string()))
}

/// The bytes that a base64 text stands for; line breaks in it are skipped, as Go skips them.
pub(crate) fn value_to_bytes(text: &str) -> Result<Vec<u8>, Error> {
    let decoded =
        if text.contains(['\r', '\n']) { BASE64.decode(text.replace(['\r', '\n'], "")) } else { BASE64.decode(text) };
    decoded.map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => at,
            // Go points at the end of the last whole group.
            _ => text.trim_end_matches('=').len() / 4 * 4,
        };
        Error::Value(format!("illegal base64 data at input byte {at}"))
    })
}

/// Bytes as JSON holds them.
pub(crate) fn bytes_to_value(bytes: &[u8]) -> Value {
    Value::String(BASE64.encode(bytes))
}

/// A double, whole ones as integers: Go writes them without a fraction. What JSON cannot say is null.
pub(crate) fn double_value(value: f64) -> Value {
    // Up to here a double holds every integer exactly.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= WHOLE_MAX {
        return Value::from(value as i64);
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// An `intstr.IntOrString`.
pub(super) fn int_or_string(node: Node<'_>) -> Result<Value, Error> {
    match node {
        Node::Text(text) => Ok(Value::String(text.into_owned())),
        Node::Number(text) => text
            .parse::<i32>()
            .map(Value::from)
            .map_err(|_| Error::Value(format!("json: cannot unmarshal number {text} into Go value of type int32"))),
        other => Err(Error::Value(format!("json: cannot unmarshal {} into Go value of type int32", other.kind()))),
    }
}

/// The text of a time, whose own decoder complains without saying where.
pub(super) fn text_of_time(node: &Node<'_>) -> Result<String, Error> {
    match node {
        Node::Text(text) => Ok(text.to_string()),
        other => Err(Error::Value(format!("json: cannot unmarshal {} into Go value of type string", other.kind()))),
    }
}
