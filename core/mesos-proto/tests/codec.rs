//! JSON and protobuf of one message, side by side, and every way in which Mesos' JSON is lenient.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_mesos_proto::{Message, v1};

/// Bytes as they are written in hexadecimal, blanks between them as one likes.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// The JSON and the protobuf read as the same message and are what it is written as.
fn same<M: Message>(json: &str, protobuf: &str) {
    let message = M::from_json(json.as_bytes()).unwrap();
    assert_eq!(message, M::decode(&bytes(protobuf)).unwrap(), "{json}");
    assert_eq!(message.to_json(), json);
    assert_eq!(message.encode(), bytes(protobuf), "{json}");
}

#[test]
fn messages_are_the_same_in_both() {
    same::<v1::TaskID>(r#"{"value":"t-1"}"#, "0a 03 742d31");
    same::<v1::Resource>(
        r#"{"name":"cpus","type":"SCALAR","scalar":{"value":1.5}}"#,
        "0a 04 63707573  10 00  1a 09 09 000000000000f83f",
    );
    same::<v1::Resource>(
        r#"{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]},"role":"*"}"#,
        "0a 05 706f727473  10 01  22 0a 0a 08 08 98f201 10 80fa01  32 01 2a",
    );
    same::<v1::ContainerID>(r#"{"value":"b","parent":{"value":"a"}}"#, "0a 01 62  12 03 0a 01 61");
    same::<v1::Label>(r#"{"key":"\u00e4\ud83d\ude00\u007f\n"}"#, "0a 08 c3a4 f09f9880 7f 0a");
    same::<v1::Uuid>(r#"{"value":"AAEC"}"#, "0a 03 000102");
    same::<v1::OfferFilters>(
        r#"{"min_allocatable_resources":{"quantities":[{"quantities":{"cpus":{"value":2.0}}}]}}"#,
        "0a 15 0a 13 0a 11 0a 04 63707573 12 09 09 0000000000000040",
    );
}
