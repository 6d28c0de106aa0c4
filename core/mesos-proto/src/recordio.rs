//! RecordIO: a stream cut into records, each with its length before it as a decimal number and a line feed.

use crate::Error;

/// The most digits that a length may have.
const DIGITS_MAX: usize = 20;

/// One record, framed.
pub fn encode(record: &[u8]) -> Vec<u8> {
    let mut framed = record.len().to_string().into_bytes();
    framed.reserve(record.len() + 1);
    framed.push(b'\n');
    framed.extend_from_slice(record);
    framed
}

/// Finds the records in a stream that comes in pieces of any size.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// What of the buffer was given out already.
    done: usize,
    record_bytes_max: usize,
    broken: bool,
}

impl Decoder {
    /// One that refuses records longer than this.
    pub fn new(record_bytes_max: usize) -> Self {
        Self { buffer: Vec::new(), done: 0, record_bytes_max, broken: false }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.buffer.drain(..self.done);
        self.done = 0;
        self.buffer.extend_from_slice(piece);
    }

    /// The next record, if it is complete. To be called until there is none, after each piece.
    ///
    /// # Errors
    ///
    /// If the length is none or too large; nothing of the stream can be read after that.
    pub fn record(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.broken {
            return Err(Error::Record("the stream is broken"));
        }
        let found = self.find();
        self.broken = found.is_err();
        found
    }

    fn find(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let rest = &self.buffer[self.done..];
        let Some(line) = rest.iter().take(DIGITS_MAX + 1).position(|byte| *byte == b'\n') else {
            return match rest.iter().take(DIGITS_MAX + 1).all(u8::is_ascii_digit) && rest.len() <= DIGITS_MAX {
                true => Ok(None),
                false => Err(Error::Record("a record's length is no number")),
            };
        };
        let digits = &rest[..line];
        let length = std::str::from_utf8(digits)
            .ok()
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|text| text.parse::<usize>().ok())
            .ok_or(Error::Record("a record's length is no number"))?;
        if length > self.record_bytes_max {
            return Err(Error::Record("a record is too long"));
        }
        let start = line + 1;
        let Some(record) = rest.get(start..start + length) else { return Ok(None) };
        let record = record.to_vec();
        self.done += start + length;
        Ok(Some(record))
    }
}
