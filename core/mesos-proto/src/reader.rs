//! Protobuf's wire format, read: numbers, lengths, keys. What fields mean is the tables' business.

use crate::Error;

/// Messages nested more deeply than this are refused (as protobuf's own limit).
const DEPTH_MAX: u32 = 100;
/// After so many missing fields nobody looks for more; bounds what a small hostile message can grow to.
const MISSING_MAX: usize = 64;
/// The largest number that a field can have.
const FIELD_MAX: u64 = (1 << 29) - 1;

/// How a value lies on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireType {
    /// A number of variable length.
    Varint,
    /// Eight bytes.
    Fixed64,
    /// A length and so many bytes.
    Delimited,
    /// Four bytes.
    Fixed32,
}

/// What is known while a message is read: where one is, and what was found missing.
#[derive(Debug, Default)]
pub struct Context {
    depth: u32,
    /// Above 0 while a part is merged into one that was complete, so that nothing can be missing.
    merging: u32,
    path: Vec<(&'static str, Option<usize>)>,
    missing: Vec<String>,
}

/// What is left of a message.
#[derive(Debug)]
pub struct Reader<'a, 'c> {
    bytes: &'a [u8],
    /// Shared by the readers of all the messages inside.
    pub context: &'c mut Context,
}

impl<'a, 'c> Reader<'a, 'c> {
    /// A reader of the fields of one message.
    pub fn new(bytes: &'a [u8], context: &'c mut Context) -> Self {
        Self { bytes, context }
    }

    /// Whether all was read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next field's number and the form of its value.
    ///
    /// # Errors
    ///
    /// If it is none, or the start of a group: Mesos has no groups.
    pub fn key(&mut self) -> Result<(u32, WireType), Error> {
        let key = self.varint()?;
        let number = key >> 3;
        let wire = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Delimited,
            5 => WireType::Fixed32,
            _ => return Err(Error::Key),
        };
        match u32::try_from(number) {
            Ok(field) if number != 0 && number <= FIELD_MAX => Ok((field, wire)),
            _ => Err(Error::Key),
        }
    }

    /// A number of variable length.
    ///
    /// # Errors
    ///
    /// If it does not end, or not soon enough.
    pub fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for (at, byte) in self.bytes.iter().enumerate().take(10) {
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[at + 1..];
                return Ok(value);
            }
        }
        Err(if self.bytes.len() < 10 { Error::Truncated } else { Error::Overlong })
    }

    /// Eight bytes.
    ///
    /// # Errors
    ///
    /// If there are not so many.
    pub fn fixed64(&mut self) -> Result<u64, Error> {
        let (head, rest) = self.bytes.split_first_chunk().ok_or(Error::Truncated)?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(*head))
    }

    /// A length and so many bytes.
    ///
    /// # Errors
    ///
    /// If there are not so many.
    pub fn delimited(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.varint()?).map_err(|_| Error::Truncated)?;
        let (head, rest) = self.bytes.split_at_checked(length).ok_or(Error::Truncated)?;
        self.bytes = rest;
        Ok(head)
    }

    /// Says which field is being read, and which element of it.
    pub fn at<T>(&mut self, field: &'static str, element: Option<usize>, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.context.path.push((field, element));
        let result = inside(self);
        self.context.path.pop();
        result
    }

    /// Passes over a value that nobody wants.
    ///
    /// # Errors
    ///
    /// If it ends too early.
    pub fn skip(&mut self, wire: WireType) -> Result<(), Error> {
        match wire {
            WireType::Varint => drop(self.varint()?),
            WireType::Fixed64 => drop(self.fixed64()?),
            WireType::Delimited => drop(self.delimited()?),
            WireType::Fixed32 => self.bytes = self.bytes.get(4..).ok_or(Error::Truncated)?,
        }
        Ok(())
    }
}

impl Context {
    /// Goes into a field that holds a message, and comes back.
    ///
    /// # Errors
    ///
    /// What `inside` says, or that it is too deep.
    pub fn inside<T>(&mut self, merge: bool, inside: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<T, Error> {
        if self.depth >= DEPTH_MAX {
            return Err(Error::Deep);
        }
        self.depth += 1;
        self.merging += u32::from(merge);
        let result = inside(self);
        self.merging -= u32::from(merge);
        self.depth -= 1;
        result
    }

    /// Says which field is being read, and which element of it.
    pub fn at<T>(&mut self, field: &'static str, element: Option<usize>, inside: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push((field, element));
        let result = inside(self);
        self.path.pop();
        result
    }

    /// The field that is being read.
    pub fn field(&self) -> String {
        self.path.last().map(|(name, _)| (*name).to_owned()).unwrap_or_default()
    }

    /// How many fields are missing so far; where those of a message that is read now begin.
    pub fn mark(&self) -> usize {
        self.missing.len()
    }

    /// Notes missing fields of the message that was read since `mark`: before those of the messages inside it.
    ///
    /// # Errors
    ///
    /// If it is no use to look for more.
    pub fn missing(&mut self, mark: usize, fields: impl Iterator<Item = &'static str>) -> Result<(), Error> {
        if self.merging > 0 {
            return Ok(());
        }
        let path: String = self
            .path
            .iter()
            .map(|(name, element)| element.map_or_else(|| format!("{name}."), |at| format!("{name}[{at}].")))
            .collect();
        let found: Vec<String> = fields.map(|field| format!("{path}{field}")).collect();
        self.missing.splice(mark..mark, found);
        if self.missing.len() > MISSING_MAX { self.complete() } else { Ok(()) }
    }

    /// Says whether anything is missing.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub fn complete(&mut self) -> Result<(), Error> {
        if self.missing.is_empty() { Ok(()) } else { Err(Error::Missing(std::mem::take(&mut self.missing))) }
    }
}
