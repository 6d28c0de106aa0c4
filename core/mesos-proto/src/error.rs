//! Why bytes are no message.

/// Why bytes are no message. The words of the JSON ones are Mesos'.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are not JSON.
    #[error("{0}")]
    Json(String),
    /// The JSON is not an object.
    #[error("Expecting a JSON object")]
    NoObject,
    /// A value that the field cannot hold.
    #[error("Not expecting a JSON {found} for field '{field}'")]
    Unexpected {
        /// What was found: `string`, `number`, `boolean`, `array`, `object`.
        found: &'static str,
        /// The field's name.
        field: String,
    },
    /// Bytes that are no base64.
    #[error("Failed to base64 decode bytes field '{field}': {why}")]
    Base64 {
        /// The field's name.
        field: String,
        /// Why.
        why: String,
    },
    /// A required enum with a name that nobody knows.
    #[error("Failed to find enum for '{0}'")]
    Enum(String),
    /// Required fields that are not there, with their paths.
    #[error("Missing required fields: {}", .0.join(", "))]
    Missing(Vec<String>),
    /// The protobuf ends inside a field.
    #[error("the message ends inside a field")]
    Truncated,
    /// A protobuf number longer than any.
    #[error("a number is longer than 64 bits")]
    Overlong,
    /// A field number of 0 or beyond the largest, or a wire type that is none (any more).
    #[error("a field has no valid key")]
    Key,
    /// Messages in messages in messages.
    #[error("messages are nested too deeply")]
    Deep,
    /// A record's length is no number or too large.
    #[error("{0}")]
    Record(&'static str),
}
