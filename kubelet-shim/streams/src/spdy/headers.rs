//! Header blocks of SPDY/3: names and values, zlib-compressed with the dictionary of the specification.
//!
//! One [`Deflater`] and one [`Inflater`] live as long as their connection: blocks depend on all blocks before them.

use crate::Error;
use bytes::{BufMut, Bytes, BytesMut};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// A block that unpacks to more than this is refused.
const BLOCK_BYTES_MAX: usize = 64 * 1024;
/// The preset dictionary of section 2.6.10.1 (1,423 bytes, Adler-32 e3c6a7c2).
const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// Names (lower case) and values in the order of the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// The value of a header; `name` must be in lower case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn encode(&self) -> BytesMut {
        let mut out = BytesMut::new();
        out.put_u32(self.0.len() as u32);
        for (name, value) in &self.0 {
            for text in [name, value] {
                out.put_u32(text.len() as u32);
                out.put_slice(text.as_bytes());
            }
        }
        out
    }

    fn decode(mut block: &[u8]) -> Result<Self, Error> {
        let mut pairs = Vec::new();
        let count = take_u32(&mut block)?;
        for _ in 0..count {
            let name = take_text(&mut block)?;
            let value = take_text(&mut block)?;
            pairs.push((name.to_ascii_lowercase(), value));
        }
        Ok(Self(pairs))
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Headers {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(name, value)| (name.to_ascii_lowercase(), (*value).to_owned())).collect())
    }
}

fn take_u32(block: &mut &[u8]) -> Result<usize, Error> {
    let (word, rest) = block.split_first_chunk::<4>().ok_or(Error::Protocol("header block cut short"))?;
    *block = rest;
    Ok(u32::from_be_bytes(*word) as usize)
}

fn take_text(block: &mut &[u8]) -> Result<String, Error> {
    let len = take_u32(block)?;
    let (text, rest) = block.split_at_checked(len).ok_or(Error::Protocol("header block cut short"))?;
    *block = rest;
    String::from_utf8(text.to_vec()).map_err(|_| Error::Protocol("header is not UTF-8"))
}

/// Compresses the header blocks of one direction of a connection.
pub(crate) struct Deflater(Compress);

impl Deflater {
    pub(crate) fn new() -> Result<Self, Error> {
        let mut zlib = Compress::new(Compression::default(), true);
        zlib.set_dictionary(DICTIONARY).map_err(|_| Error::Protocol("zlib refused the dictionary"))?;
        Ok(Self(zlib))
    }

    pub(crate) fn block(&mut self, headers: &Headers) -> Result<Bytes, Error> {
        let plain = headers.encode();
        let mut packed = Vec::with_capacity(plain.len() + 64);
        let before = self.0.total_in();
        loop {
            let done = (self.0.total_in() - before) as usize;
            self.0
                .compress_vec(&plain[done..], &mut packed, FlushCompress::Sync)
                .map_err(|_| Error::Protocol("zlib failed to compress"))?;
            let consumed = (self.0.total_in() - before) as usize;
            // Room left over means that zlib has flushed everything.
            if consumed == plain.len() && packed.len() < packed.capacity() {
                return Ok(packed.into());
            }
            packed.reserve(plain.len() + 64);
        }
    }
}

/// Decompresses the header blocks of one direction of a connection.
pub(crate) struct Inflater(Decompress);

impl Inflater {
    pub(crate) fn new() -> Self {
        Self(Decompress::new(true))
    }

    pub(crate) fn headers(&mut self, block: &[u8]) -> Result<Headers, Error> {
        let mut plain = Vec::with_capacity(1024);
        let before = self.0.total_in();
        loop {
            let done = (self.0.total_in() - before) as usize;
            let room = plain.len();
            match self.0.decompress_vec(&block[done..], &mut plain, FlushDecompress::Sync) {
                Err(e) if e.needs_dictionary().is_some() => {
                    self.0.set_dictionary(DICTIONARY).map_err(|_| Error::Protocol("foreign zlib dictionary"))?;
                    continue;
                }
                Err(_) => return Err(Error::Protocol("header block is not zlib")),
                Ok(Status::StreamEnd) => return Headers::decode(&plain),
                Ok(_) => {}
            }
            let consumed = (self.0.total_in() - before) as usize;
            if consumed == block.len() && plain.len() < plain.capacity() {
                return Headers::decode(&plain);
            }
            if plain.len() >= BLOCK_BYTES_MAX {
                return Err(Error::Protocol("header block too large"));
            }
            if plain.len() == plain.capacity() {
                plain.reserve(4096);
            } else if consumed == done && plain.len() == room {
                return Err(Error::Protocol("header block makes no progress"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn blocks_of_one_connection_share_their_compression() {
        let (mut deflater, mut inflater) = (Deflater::new().unwrap(), Inflater::new());
        let mut sizes = Vec::new();
        for kind in ["error", "stdin", "stdout"] {
            let headers = Headers::from([("streamType", kind), ("port", "8080")]);
            let block = deflater.block(&headers).unwrap();
            sizes.push(block.len());
            let back = inflater.headers(&block).unwrap();
            assert_eq!(back.get("streamtype"), Some(kind));
            assert_eq!(back.get("port"), Some("8080"));
        }
        assert!(sizes[2] < sizes[0], "later blocks refer to earlier ones: {sizes:?}");
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = Headers(vec![("a".into(), "x".repeat(10_000_000))]);
        let block = Deflater::new().unwrap().block(&bomb).unwrap();
        assert!(block.len() < 64 * 1024);
        assert!(Inflater::new().headers(&block).is_err());
    }

    proptest! {
        #[test]
        fn any_headers_survive(pairs in prop::collection::vec(("[a-z:-]{0,20}", ".{0,200}"), 0..20)) {
            let headers = Headers(pairs);
            let block = Deflater::new().unwrap().block(&headers).unwrap();
            prop_assert_eq!(Inflater::new().headers(&block).unwrap(), headers);
        }

        #[test]
        fn garbage_fails_cleanly(block in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = Inflater::new().headers(&block);
            let _ = Headers::decode(&block);
        }

        #[test]
        fn damaged_blocks_fail_cleanly(at in 0usize..60, byte: u8) {
            let headers = Headers::from([("streamtype", "error"), ("port", "80"), ("requestid", "1")]);
            let mut block = Deflater::new().unwrap().block(&headers).unwrap().to_vec();
            let at = at % block.len();
            block[at] = byte;
            let _ = Inflater::new().headers(&block);
        }
    }
}
