//! RecordIO in pieces of any size, and what is no RecordIO.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_mesos_proto::recordio::{Decoder, encode};
use proptest::prelude::*;

/// What comes out of a stream that comes in pieces of this size: records, and an error at the end where there is one.
fn read(stream: &[u8], piece: usize, record_bytes_max: usize) -> (Vec<Vec<u8>>, Option<String>) {
    let mut decoder = Decoder::new(record_bytes_max);
    let mut records = Vec::new();
    for piece in stream.chunks(piece.max(1)) {
        decoder.push(piece);
        loop {
            match decoder.record() {
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(error) => return (records, Some(error.to_string())),
            }
        }
    }
    (records, None)
}

#[test]
fn what_is_no_length_breaks_the_stream() {
    let number = Some("a record's length is no number".to_owned());
    let rows: [(&[u8], usize, Option<String>); 9] = [
        (b"5\nhello3\nabc", 2, None),
        (b"5\nhel", 0, None),
        (b"1", 0, None),
        (b"x\n", 0, number.clone()),
        (b"-1\n", 0, number.clone()),
        (b"\n", 0, number.clone()),
        (b"000000000000000000000", 0, number.clone()),
        (b"99999999999999999999\n", 0, number),
        (b"1\na1025\n", 1, Some("a record is too long".to_owned())),
    ];
    for (stream, count, why) in rows {
        for piece in 1..=stream.len() {
            let (records, error) = read(stream, piece, 1024);
            assert_eq!((records.len(), &error), (count, &why), "{} by {piece}", String::from_utf8_lossy(stream));
        }
    }
}

#[test]
fn a_broken_stream_stays_broken() {
    let mut decoder = Decoder::new(10);
    decoder.push(b"x\n1\na");
    assert!(decoder.record().is_err());
    assert!(decoder.record().is_err());
}

proptest! {
    #[test]
    fn records_come_out_as_they_went_in(records in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..8), piece in 1..50_usize) {
        let stream: Vec<u8> = records.iter().flat_map(|record| encode(record)).collect();
        prop_assert_eq!(read(&stream, piece, 1 << 20), (records, None));
    }

    #[test]
    fn no_bytes_break_the_decoder(stream: Vec<u8>, piece in 1..50_usize) {
        read(&stream, piece, 1 << 10);
    }
}
