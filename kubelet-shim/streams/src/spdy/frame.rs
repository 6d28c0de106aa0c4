//! The frames of SPDY/3.1: parsing of headers and control payloads, and encoding.
//!
//! Pure: bytes in, values out. Compression of header blocks is in `headers`; a block stays opaque here.
//! Source: draft-mbelshe-httpbis-spdy-00, section 2.2 and 2.6.

use crate::Error;
use bytes::{BufMut, Bytes, BytesMut};

/// Every frame starts with this many bytes.
pub(crate) const FRAME_HEADER_BYTES: usize = 8;
/// Control frames over this size are refused; data frames may use the whole 24 bits of the format.
pub(crate) const CONTROL_FRAME_BYTES_MAX: usize = 64 * 1024;

pub(crate) const FLAG_FIN: u8 = 1;
pub(crate) const FLAG_UNIDIRECTIONAL: u8 = 2;

pub(crate) const RST_PROTOCOL_ERROR: u32 = 1;
pub(crate) const RST_REFUSED_STREAM: u32 = 3;
pub(crate) const RST_CANCEL: u32 = 5;

const VERSION: u16 = 3;
const STREAM_ID_MASK: u32 = 0x7fff_ffff;
const LENGTH_MAX: usize = 0x00ff_ffff;

/// The first eight bytes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FrameHeader {
    Data { stream: u32, flags: u8, len: usize },
    Control { kind: u16, flags: u8, len: usize },
}

impl FrameHeader {
    /// Refuses other versions of the protocol and control frames over the limit.
    pub(crate) fn parse(bytes: [u8; FRAME_HEADER_BYTES]) -> Result<Self, Error> {
        let [a, b, c, d, flags, e, f, g] = bytes;
        let len = u32::from_be_bytes([0, e, f, g]) as usize;
        let first = u32::from_be_bytes([a, b, c, d]);
        if first & !STREAM_ID_MASK == 0 {
            return Ok(Self::Data { stream: first, flags, len });
        }
        let version = u16::from_be_bytes([a & 0x7f, b]);
        if version != VERSION {
            return Err(Error::Protocol("unknown version of SPDY"));
        }
        if len > CONTROL_FRAME_BYTES_MAX {
            return Err(Error::Protocol("control frame too large"));
        }
        Ok(Self::Control { kind: u16::from_be_bytes([c, d]), flags, len })
    }
}

/// A control frame; `block` is a compressed header block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ControlFrame {
    SynStream {
        stream: u32,
        flags: u8,
        block: Bytes,
    },
    SynReply {
        stream: u32,
        flags: u8,
        block: Bytes,
    },
    RstStream {
        stream: u32,
        status: u32,
    },
    Ping {
        id: u32,
    },
    GoAway {
        last_good: u32,
        status: u32,
    },
    Headers {
        stream: u32,
        flags: u8,
        block: Bytes,
    },
    /// SETTINGS, WINDOW_UPDATE, CREDENTIAL and unknown types: nothing to do.
    Ignored,
}

impl ControlFrame {
    pub(crate) fn parse(kind: u16, flags: u8, payload: Bytes) -> Result<Self, Error> {
        let word = |at: usize| -> Result<u32, Error> {
            let bytes = payload.get(at..at + 4).ok_or(Error::Protocol("control frame too short"))?;
            Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
        };
        let stream = || word(0).map(|w| w & STREAM_ID_MASK);
        Ok(match kind {
            1 if payload.len() >= 10 => Self::SynStream { stream: stream()?, flags, block: payload.slice(10..) },
            1 => return Err(Error::Protocol("control frame too short")),
            2 => Self::SynReply { stream: stream()?, flags, block: payload.slice(4..) },
            3 => Self::RstStream { stream: stream()?, status: word(4)? },
            6 => Self::Ping { id: word(0)? },
            7 => Self::GoAway { last_good: stream()?, status: word(4)? },
            8 => Self::Headers { stream: stream()?, flags, block: payload.slice(4..) },
            _ => Self::Ignored,
        })
    }

    pub(crate) fn encode(&self, out: &mut BytesMut) {
        match self {
            Self::SynStream { stream, flags, block } => {
                put_control(out, 1, *flags, 10 + block.len());
                out.put_u32(*stream);
                out.put_u32(0); // no associated stream
                out.put_u16(0); // highest priority, no credential slot
                out.put_slice(block);
            }
            Self::SynReply { stream, flags, block } => {
                put_control(out, 2, *flags, 4 + block.len());
                out.put_u32(*stream);
                out.put_slice(block);
            }
            Self::RstStream { stream, status } => {
                put_control(out, 3, 0, 8);
                out.put_u32(*stream);
                out.put_u32(*status);
            }
            Self::Ping { id } => {
                put_control(out, 6, 0, 4);
                out.put_u32(*id);
            }
            Self::GoAway { last_good, status } => {
                put_control(out, 7, 0, 8);
                out.put_u32(*last_good);
                out.put_u32(*status);
            }
            Self::Headers { stream, flags, block } => {
                put_control(out, 8, *flags, 4 + block.len());
                out.put_u32(*stream);
                out.put_slice(block);
            }
            Self::Ignored => {}
        }
    }
}

/// Appends a data frame. `data` must fit the 24 bits of the length; callers write far smaller pieces.
pub(crate) fn put_data(out: &mut BytesMut, stream: u32, flags: u8, data: &[u8]) {
    debug_assert!(data.len() <= LENGTH_MAX);
    out.put_u32(stream & STREAM_ID_MASK);
    out.put_u32(u32::from(flags) << 24 | (data.len() & LENGTH_MAX) as u32);
    out.put_slice(data);
}

fn put_control(out: &mut BytesMut, kind: u16, flags: u8, len: usize) {
    out.put_u16(0x8000 | VERSION);
    out.put_u16(kind);
    out.put_u32(u32::from(flags) << 24 | (len & LENGTH_MAX) as u32);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(bytes: &[u8]) -> Result<ControlFrame, Error> {
        let header = FrameHeader::parse(bytes[..8].try_into().unwrap())?;
        let FrameHeader::Control { kind, flags, len } = header else { panic!("not a control frame") };
        assert_eq!(len, bytes.len() - 8);
        ControlFrame::parse(kind, flags, Bytes::copy_from_slice(&bytes[8..]))
    }

    #[test]
    fn control_frames_survive_the_wire() {
        let block = Bytes::from_static(b"block");
        for frame in [
            ControlFrame::SynStream { stream: 1, flags: FLAG_FIN, block: block.clone() },
            ControlFrame::SynReply { stream: 0x7fff_ffff, flags: 0, block: block.clone() },
            ControlFrame::RstStream { stream: 3, status: RST_CANCEL },
            ControlFrame::Ping { id: u32::MAX },
            ControlFrame::GoAway { last_good: 9, status: 1 },
            ControlFrame::Headers { stream: 5, flags: FLAG_FIN, block },
        ] {
            let mut out = BytesMut::new();
            frame.encode(&mut out);
            assert_eq!(parse(&out).unwrap(), frame);
        }
    }

    #[test]
    fn foreign_versions_and_giant_control_frames_are_refused() {
        assert!(FrameHeader::parse([0x80, 2, 0, 1, 0, 0, 0, 10]).is_err());
        assert!(FrameHeader::parse([0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]).is_err());
        assert_eq!(
            FrameHeader::parse([0, 0, 0, 1, FLAG_FIN, 0xff, 0xff, 0xff]).unwrap(),
            FrameHeader::Data { stream: 1, flags: FLAG_FIN, len: 0xff_ffff }
        );
    }

    proptest! {
        #[test]
        fn any_payload_parses_or_fails_cleanly(kind in 0u16..12, flags: u8, payload in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = ControlFrame::parse(kind, flags, payload.into());
        }

        #[test]
        fn data_frames_carry_their_length(stream in 0u32..0x8000_0000, flags: u8, data in prop::collection::vec(any::<u8>(), 0..512)) {
            let mut out = BytesMut::new();
            put_data(&mut out, stream, flags, &data);
            let header = FrameHeader::parse(out[..8].try_into().unwrap()).unwrap();
            prop_assert_eq!(header, FrameHeader::Data { stream, flags, len: data.len() });
            prop_assert_eq!(&out[8..], &data[..]);
        }
    }
}
