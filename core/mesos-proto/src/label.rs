//! How often a field comes: one module per label of the tables, each with what the tables call.
//!
//! `put` and `take` are protobuf, `write` and `read` JSON. `take` and `read` say whether the field came.

use serde_json::Map;
pub use serde_json::Value as Json;

pub use crate::json::write_text;
use crate::{Context, Datum, Error, Message, Object, Reader, WireType, json, message};

/// The members of a JSON object.
pub type Members = Map<String, Json>;

/// A field of which there is one.
pub mod required {
    use super::{Context, Datum, Error, Json, Object, Reader, WireType, put_key, read_one, take_one};

    pub type Slot<T> = T;
    pub const REQUIRED: bool = true;

    pub fn put<T: Datum>(slot: &T, number: u32, out: &mut Vec<u8>) {
        put_key(number, T::WIRE, out);
        slot.put(out);
    }

    pub fn take<T: Datum>(
        slot: &mut T,
        name: &'static str,
        wire: WireType,
        from: &mut Reader<'_, '_>,
        before: bool,
    ) -> Result<bool, Error> {
        take_one(slot, name, wire, from, before)
    }

    pub fn write<T: Datum>(slot: &T, name: &str, object: &mut Object<'_>) {
        slot.write(object.member(name));
    }

    pub fn read<T: Datum>(slot: &mut T, name: &'static str, json: &Json, context: &mut Context) -> Result<bool, Error> {
        read_one(slot, name, json, context, true)
    }
}

/// A field that may be absent and has a value then.
pub mod default {
    pub use super::required::{Slot, put, take, write};
    use super::{Context, Datum, Error, Json, read_one};

    pub const REQUIRED: bool = false;

    pub fn read<T: Datum>(slot: &mut T, name: &'static str, json: &Json, context: &mut Context) -> Result<bool, Error> {
        read_one(slot, name, json, context, false)
    }
}

/// A field that may be absent.
pub mod optional {
    use super::{Context, Datum, Error, Json, Object, Reader, WireType, read_one, required, take_one};

    pub type Slot<T> = Option<T>;
    pub const REQUIRED: bool = false;

    pub fn put<T: Datum>(slot: &Option<T>, number: u32, out: &mut Vec<u8>) {
        if let Some(value) = slot {
            required::put(value, number, out);
        }
    }

    pub fn take<T: Datum>(
        slot: &mut Option<T>,
        name: &'static str,
        wire: WireType,
        from: &mut Reader<'_, '_>,
        _: bool,
    ) -> Result<bool, Error> {
        let before = slot.is_some();
        let mut value = slot.take().unwrap_or_default();
        let came = take_one(&mut value, name, wire, from, before)?;
        *slot = (came || before).then_some(value);
        Ok(came)
    }

    pub fn write<T: Datum>(slot: &Option<T>, name: &str, object: &mut Object<'_>) {
        if let Some(value) = slot {
            value.write(object.member(name));
        }
    }

    pub fn read<T: Datum>(
        slot: &mut Option<T>,
        name: &'static str,
        json: &Json,
        context: &mut Context,
    ) -> Result<bool, Error> {
        let mut value = T::default();
        let came = read_one(&mut value, name, json, context, false)?;
        *slot = came.then_some(value);
        Ok(came)
    }
}

/// A field that may come any number of times.
pub mod repeated {
    use super::{Context, Datum, Error, Json, Object, Reader, WireType, json, required};

    pub type Slot<T> = Vec<T>;
    pub const REQUIRED: bool = false;

    pub fn put<T: Datum>(slot: &[T], number: u32, out: &mut Vec<u8>) {
        for value in slot {
            required::put(value, number, out);
        }
    }

    pub fn take<T: Datum>(
        slot: &mut Vec<T>,
        name: &'static str,
        wire: WireType,
        from: &mut Reader<'_, '_>,
        _: bool,
    ) -> Result<bool, Error> {
        if wire == T::WIRE {
            push(slot, name, from)?;
        } else if wire == WireType::Delimited {
            let packed = from.delimited()?;
            let mut packed = Reader::new(packed, from.context);
            while !packed.is_empty() {
                push(slot, name, &mut packed)?;
            }
        } else {
            from.skip(wire)?;
        }
        Ok(true)
    }

    fn push<T: Datum>(slot: &mut Vec<T>, name: &'static str, from: &mut Reader<'_, '_>) -> Result<(), Error> {
        let mut value = T::default();
        if from.at(name, Some(slot.len()), |from| value.take(from, false))? {
            slot.push(value);
        }
        Ok(())
    }

    pub fn write<T: Datum>(slot: &[T], name: &str, object: &mut Object<'_>) {
        if slot.is_empty() {
            return;
        }
        let out = object.member(name);
        for (at, value) in slot.iter().enumerate() {
            out.push(if at == 0 { '[' } else { ',' });
            value.write(out);
        }
        out.push(']');
    }

    pub fn read<T: Datum>(
        slot: &mut Vec<T>,
        name: &'static str,
        json: &Json,
        context: &mut Context,
    ) -> Result<bool, Error> {
        for element in json::elements(json) {
            let mut value = T::default();
            let at = Some(slot.len());
            let came = match element {
                Json::Null => false,
                Json::Array(_) => return Err(context.at(name, at, |context| json::unexpected(element, context))),
                element => context.at(name, at, |context| value.read(element, context, false))?,
            };
            if came {
                slot.push(value);
            }
        }
        Ok(true)
    }
}

/// A field that maps texts to values.
pub mod map {
    use std::collections::BTreeMap;

    use super::{Context, Datum, Error, Json, Object, Reader, WireType, json, put_key, put_varint, required};

    pub type Slot<T> = BTreeMap<String, T>;
    pub const REQUIRED: bool = false;

    pub fn put<T: Datum>(slot: &BTreeMap<String, T>, number: u32, out: &mut Vec<u8>) {
        for (key, value) in slot {
            let mut entry = Vec::new();
            required::put(key, 1, &mut entry);
            required::put(value, 2, &mut entry);
            put_key(number, WireType::Delimited, out);
            put_varint(entry.len() as u64, out);
            out.extend_from_slice(&entry);
        }
    }

    pub fn take<T: Datum>(
        slot: &mut BTreeMap<String, T>,
        name: &'static str,
        wire: WireType,
        from: &mut Reader<'_, '_>,
        _: bool,
    ) -> Result<bool, Error> {
        if wire != WireType::Delimited {
            from.skip(wire)?;
            return Ok(false);
        }
        let (mut key, mut value) = (String::new(), T::default());
        let mut entry = Reader::new(from.delimited()?, from.context);
        while !entry.is_empty() {
            match entry.key()? {
                (1, WireType::Delimited) => drop(key.take(&mut entry, false)?),
                (2, wire) if wire == T::WIRE => drop(entry.at(name, None, |entry| value.take(entry, false))?),
                (_, wire) => entry.skip(wire)?,
            }
        }
        slot.insert(key, value);
        Ok(true)
    }

    pub fn write<T: Datum>(slot: &BTreeMap<String, T>, name: &str, object: &mut Object<'_>) {
        if !slot.is_empty() {
            Object::write(object.member(name), |entries| {
                for (key, value) in slot {
                    value.write(entries.member(key));
                }
            });
        }
    }

    pub fn read<T: Datum>(
        slot: &mut BTreeMap<String, T>,
        name: &'static str,
        json: &Json,
        context: &mut Context,
    ) -> Result<bool, Error> {
        if json.is_null() {
            return Ok(false);
        }
        for (key, json) in context.at(name, None, |context| json::entries(json, context))? {
            let mut value = T::default();
            if required::read(&mut value, name, json, context)? {
                slot.insert(key.clone(), value);
            }
        }
        Ok(true)
    }
}

/// A field's name as it travels: `type`, not `r#type`.
pub fn name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

fn take_one<T: Datum>(
    value: &mut T,
    name: &'static str,
    wire: WireType,
    from: &mut Reader<'_, '_>,
    before: bool,
) -> Result<bool, Error> {
    if wire == T::WIRE {
        from.at(name, None, |from| value.take(from, before))
    } else {
        from.skip(wire)?;
        Ok(false)
    }
}

fn read_one<T: Datum>(
    value: &mut T,
    name: &'static str,
    json: &Json,
    context: &mut Context,
    required: bool,
) -> Result<bool, Error> {
    match json {
        Json::Null => Ok(false),
        Json::Array(_) => Err(context.at(name, None, |context| json::unexpected(json, context))),
        json => context.at(name, None, |context| value.read(json, context, required)),
    }
}

/// Writes a number of variable length.
pub fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 0x7f {
        out.push(0x80 | (value & 0x7f) as u8);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_key(number: u32, wire: WireType, out: &mut Vec<u8>) {
    let form = match wire {
        WireType::Varint => 0,
        WireType::Fixed64 => 1,
        WireType::Delimited => 2,
        WireType::Fixed32 => 5,
    };
    put_varint(u64::from(number) << 3 | form, out);
}

/// Writes a message and, before it, its length.
pub fn put_message<M: Message>(message: &M, out: &mut Vec<u8>) {
    let start = out.len();
    message.put_fields(out);
    let mut length = Vec::with_capacity(5);
    put_varint((out.len() - start) as u64, &mut length);
    out.splice(start..start, length);
}

/// Reads a message after its length.
pub fn take_message<M: Message>(message: &mut M, from: &mut Reader<'_, '_>, merge: bool) -> Result<bool, Error> {
    let bytes = from.delimited()?;
    from.context.inside(merge, |context| message::merge(message, &mut Reader::new(bytes, context)))?;
    Ok(true)
}

/// Writes a message as an object.
pub fn write_message<M: Message>(message: &M, out: &mut String) {
    Object::write(out, |object| message.write_fields(object));
}

/// Reads an object.
pub fn read_message<M: Message>(message: &mut M, json: &Json, context: &mut Context, _: bool) -> Result<bool, Error> {
    let object = json.as_object().ok_or_else(|| json::unexpected(json, context))?;
    context.inside(false, |context| message.read_fields(object, context))?;
    Ok(true)
}

/// Writes an enum's number.
#[expect(clippy::cast_sign_loss, reason = "negative numbers are sign-extended")]
pub fn put_enum(number: i32, out: &mut Vec<u8>) {
    put_varint(i64::from(number) as u64, out);
}

/// Reads an enum's number.
#[expect(clippy::cast_possible_truncation, reason = "as protobuf: the upper bits are cut off")]
pub fn take_enum(from: &mut Reader<'_, '_>) -> Result<i32, Error> {
    Ok(from.varint()? as i32)
}

/// Reads an enum's name; one that nobody knows is none, unless there must be one.
pub fn read_enum<E>(
    json: &Json,
    context: &Context,
    required: bool,
    from_name: impl Fn(&str) -> Option<E>,
) -> Result<Option<E>, Error> {
    let name = json.as_str().ok_or_else(|| json::unexpected(json, context))?;
    match from_name(name) {
        None if required => Err(Error::Enum(name.to_owned())),
        known => Ok(known),
    }
}
