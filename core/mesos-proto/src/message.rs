//! What every message can do: be read and written, as protobuf and as JSON.

use serde_json::{Map, Value as Json};

use crate::{Context, Datum, Error, Object, Reader, WireType};

/// A message. Made by [`crate::messages!`]; use [`Message::decode`], [`Message::encode`], [`Message::from_json`] and
/// [`Message::to_json`].
pub trait Message: Datum {
    /// Mesos' name without the package.
    const NAME: &'static str;

    /// Writes all fields as protobuf.
    fn put_fields(&self, out: &mut Vec<u8>);
    /// Reads one field; `seen` has a bit for each field number that came already.
    ///
    /// # Errors
    ///
    /// If the value is none.
    fn take_field(
        &mut self,
        number: u32,
        wire: WireType,
        from: &mut Reader<'_, '_>,
        seen: &mut u64,
    ) -> Result<(), Error>;
    /// Writes all fields as members of a JSON object.
    fn write_fields(&self, object: &mut Object<'_>);
    /// Reads the fields that a JSON object has.
    ///
    /// # Errors
    ///
    /// If one is what it must not be.
    fn read_fields(&mut self, object: &Map<String, Json>, context: &mut Context) -> Result<(), Error>;
    /// The required fields that did not come.
    fn unseen(seen: u64) -> impl Iterator<Item = &'static str>;

    /// The message in protobuf.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.put_fields(&mut out);
        out
    }

    /// Reads protobuf.
    ///
    /// # Errors
    ///
    /// If the bytes are no such message, or not all of it.
    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut context = Context::default();
        let mut message = Self::default();
        merge(&mut message, &mut Reader::new(bytes, &mut context))?;
        context.complete()?;
        Ok(message)
    }

    /// The message as JSON: ASCII, on one line, without spaces.
    fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Reads JSON as leniently as Mesos does.
    ///
    /// # Errors
    ///
    /// If the bytes are no JSON, or no such message, or not all of it.
    fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| Error::Json(error.to_string()))?;
        Self::from_value(&json)
    }

    /// Reads JSON that was parsed.
    ///
    /// # Errors
    ///
    /// If it is no such message, or not all of it.
    fn from_value(json: &Json) -> Result<Self, Error> {
        let mut context = Context::default();
        let mut message = Self::default();
        read(&mut message, json.as_object().ok_or(Error::NoObject)?, &mut context)?;
        context.complete()?;
        Ok(message)
    }
}

/// Reads all fields of a message, protobuf.
pub(crate) fn merge<M: Message>(message: &mut M, from: &mut Reader<'_, '_>) -> Result<(), Error> {
    let mark = from.context.mark();
    let mut seen = 0;
    while !from.is_empty() {
        let (number, wire) = from.key()?;
        message.take_field(number, wire, from, &mut seen)?;
    }
    let mut missing = M::unseen(seen).peekable();
    if missing.peek().is_some() { from.context.missing(mark, missing) } else { Ok(()) }
}

/// Reads all fields of a message, JSON.
pub(crate) fn read<M: Message>(
    message: &mut M,
    object: &Map<String, Json>,
    context: &mut Context,
) -> Result<(), Error> {
    message.read_fields(object, context)
}
