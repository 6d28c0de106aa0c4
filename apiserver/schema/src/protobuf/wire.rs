//! The wire format: tags, varints, lengths. Every length is checked against the bytes that are there.

use crate::Error;

/// The value of a field, as its wire type holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
}

/// The fields of a message, one after the other.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), Error> {
        let tag = varint(&mut self.rest)?;
        let number = u32::try_from(tag >> 3).ok().filter(|number| *number > 0);
        let number = number.ok_or(Error::Protobuf("proto: illegal tag"))?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(u64::from_le_bytes(fixed(&mut self.rest)?)),
            2 => {
                let length = usize::try_from(varint(&mut self.rest)?).ok();
                let split = length.and_then(|length| self.rest.split_at_checked(length));
                let (bytes, rest) = split.ok_or(Error::Protobuf("proto: unexpected EOF"))?;
                self.rest = rest;
                Value::Bytes(bytes)
            }
            5 => Value::Fixed32(u32::from_le_bytes(fixed(&mut self.rest)?)),
            _ => return Err(Error::Protobuf("proto: illegal wireType")),
        };
        Ok((number, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Takes a varint off the front.
pub(super) fn varint(bytes: &mut &[u8]) -> Result<u64, Error> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Error::Protobuf("proto: unexpected EOF"))?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Error::Protobuf("proto: integer overflow"))
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Error> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Error::Protobuf("proto: unexpected EOF"))?;
    *bytes = rest;
    Ok(*first)
}

/// A text that must be UTF-8.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| Error::Protobuf("proto: invalid UTF-8"))
}

/// Writes a varint field.
pub(crate) fn put_varint(out: &mut Vec<u8>, number: u32, value: u64) {
    put(out, u64::from(number) << 3);
    put(out, value);
}

/// Writes a double.
pub(crate) fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    put(out, (u64::from(number) << 3) | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

/// Writes text, bytes or a message.
pub(crate) fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_delimiter(out, number, bytes.len());
    out.extend_from_slice(bytes);
}

/// Writes what stands before that many bytes.
pub(super) fn put_delimiter(out: &mut Vec<u8>, number: u32, bytes: usize) {
    put(out, (u64::from(number) << 3) | 2);
    put(out, bytes as u64);
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
