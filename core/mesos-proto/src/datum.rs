//! Values that a field can hold: numbers, texts, bytes; enums and messages come from the tables.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

use crate::{Context, Error, Reader, WireType, json, label::put_varint};

/// A value that a field can hold.
pub trait Datum: Clone + std::fmt::Debug + Default + PartialEq + Sized {
    /// How it lies on the wire.
    const WIRE: WireType;

    /// Writes it as protobuf, with its length if it has one, without a key.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads protobuf over what is there (`merge`: which was read before). `false`: a value that nobody knows, as if the
    /// field had not come.
    ///
    /// # Errors
    ///
    /// If the bytes are no such value.
    fn take(&mut self, from: &mut Reader<'_, '_>, merge: bool) -> Result<bool, Error>;
    /// Writes it as JSON.
    fn write(&self, out: &mut String);
    /// Reads JSON that is neither null nor an array. `false`: as in [`Datum::take`].
    ///
    /// # Errors
    ///
    /// If it is no such value.
    fn read(&mut self, json: &Json, context: &mut Context, required: bool) -> Result<bool, Error>;
}

macro_rules! integers {
    ($( $type:ty ),*) => { $(
        impl Datum for $type {
            const WIRE: WireType = WireType::Varint;

            #[allow(
                clippy::cast_sign_loss,
                clippy::cast_lossless,
                clippy::unnecessary_cast,
                reason = "negative numbers are sign-extended; it is one type of several"
            )]
            fn put(&self, out: &mut Vec<u8>) {
                put_varint(*self as i64 as u64, out);
            }

            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                clippy::unnecessary_cast,
                reason = "as protobuf: the upper bits are cut off; it is one type of several"
            )]
            fn take(&mut self, from: &mut Reader<'_, '_>, _: bool) -> Result<bool, Error> {
                *self = from.varint()? as $type;
                Ok(true)
            }

            fn write(&self, out: &mut String) {
                out.push_str(&self.to_string());
            }

            fn read(&mut self, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
                let number = json::integer(json, context)?;
                *self = <$type>::try_from(number).unwrap_or(if number < 0 { <$type>::MIN } else { <$type>::MAX });
                Ok(true)
            }
        }
    )* };
}

integers!(i32, i64, u32, u64);

impl Datum for f64 {
    const WIRE: WireType = WireType::Fixed64;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bits().to_le_bytes());
    }

    fn take(&mut self, from: &mut Reader<'_, '_>, _: bool) -> Result<bool, Error> {
        *self = Self::from_bits(from.fixed64()?);
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        json::write_double(*self, out);
    }

    fn read(&mut self, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
        *self = json::double(json, context)?;
        Ok(true)
    }
}

impl Datum for bool {
    const WIRE: WireType = WireType::Varint;

    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn take(&mut self, from: &mut Reader<'_, '_>, _: bool) -> Result<bool, Error> {
        *self = from.varint()? != 0;
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }

    fn read(&mut self, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
        *self = json::boolean(json, context)?;
        Ok(true)
    }
}

impl Datum for String {
    const WIRE: WireType = WireType::Delimited;

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self.as_bytes());
    }

    fn take(&mut self, from: &mut Reader<'_, '_>, _: bool) -> Result<bool, Error> {
        *self = Self::from_utf8_lossy(from.delimited()?).into_owned();
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        json::write_text(self, out);
    }

    fn read(&mut self, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
        let text = json.as_str().ok_or_else(|| json::unexpected(json, context))?;
        text.clone_into(self);
        Ok(true)
    }
}

impl Datum for Vec<u8> {
    const WIRE: WireType = WireType::Delimited;

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(self.len() as u64, out);
        out.extend_from_slice(self);
    }

    fn take(&mut self, from: &mut Reader<'_, '_>, _: bool) -> Result<bool, Error> {
        *self = from.delimited()?.to_vec();
        Ok(true)
    }

    fn write(&self, out: &mut String) {
        out.push('"');
        STANDARD.encode_string(self, out);
        out.push('"');
    }

    fn read(&mut self, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
        let text = json.as_str().ok_or_else(|| json::unexpected(json, context))?;
        let why = |error: base64::DecodeError| Error::Base64 { field: context.field(), why: error.to_string() };
        *self = STANDARD.decode(text).map_err(why)?;
        Ok(true)
    }
}

/// Large messages that are seldom there lie apart.
impl<T: Datum> Datum for Box<T> {
    const WIRE: WireType = T::WIRE;

    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }

    fn take(&mut self, from: &mut Reader<'_, '_>, merge: bool) -> Result<bool, Error> {
        (**self).take(from, merge)
    }

    fn write(&self, out: &mut String) {
        (**self).write(out);
    }

    fn read(&mut self, json: &Json, context: &mut Context, required: bool) -> Result<bool, Error> {
        (**self).read(json, context, required)
    }
}
