//! JSON and protobuf of one message, side by side, every way in which Mesos' JSON is lenient, and what no decoder may do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_mesos_proto::{Error, Message, executor, master, scheduler, v1};
use proptest::prelude::*;

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
    same::<v1::Filters>(r#"{"refuse_seconds":5.0}"#, "09 0000000000001440");
    same::<v1::TimeInfo>(r#"{"nanoseconds":-1}"#, "08 ffffffffffffffffff01");
    same::<scheduler::Call>(
        r#"{"framework_id":{"value":"f"},"type":"ACKNOWLEDGE_OPERATION_STATUS"}"#,
        "0a 03 0a 01 66  10 0f",
    );
    same::<scheduler::Event>(r#"{"type":"HEARTBEAT"}"#, "08 08");
    same::<executor::Call>(
        r#"{"executor_id":{"value":"e"},"framework_id":{"value":"f"},"type":"HEARTBEAT"}"#,
        "0a 03 0a 01 65  12 03 0a 01 66  18 04",
    );
    same::<master::Call>(
        r#"{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"a"},"max_grace_period":"90s","mark_gone":false}}"#,
        "08 25  aa01 0d 0a 03 0a 01 61  12 04 08 5a 10 00  18 00",
    );
}

/// What is read as what: each row is read as the JSON that is written then.
#[test]
fn json_is_read_as_leniently_as_mesos_does() {
    let rows: [(&str, &str); 18] = [
        (r#"{"value":"t","more":{"deep":[1,null]}}"#, r#"{"value":"t"}"#),
        (r#"{"key":"k","value":null}"#, r#"{"key":"k"}"#),
        (r#"{"labels":{"key":"k"}}"#, r#"{"labels":[{"key":"k"}]}"#),
        (r#"{"labels":[null,{"key":"k"}]}"#, r#"{"labels":[{"key":"k"}]}"#),
        (r#"{"nanoseconds":"12"}"#, r#"{"nanoseconds":12}"#),
        (r#"{"nanoseconds":12.9}"#, r#"{"nanoseconds":12}"#),
        (r#"{"nanoseconds":-12.9}"#, r#"{"nanoseconds":-12}"#),
        (r#"{"nanoseconds":1e300}"#, r#"{"nanoseconds":9223372036854775807}"#),
        (r#"{"nanoseconds":18446744073709551615}"#, r#"{"nanoseconds":9223372036854775807}"#),
        (r#"{"refuse_seconds":"1.5"}"#, r#"{"refuse_seconds":1.5}"#),
        (r#"{"refuse_seconds":"Infinity"}"#, r#"{"refuse_seconds":"Infinity"}"#),
        (r#"{"refuse_seconds":"-Infinity"}"#, r#"{"refuse_seconds":"-Infinity"}"#),
        (r#"{"refuse_seconds":3}"#, r#"{"refuse_seconds":3.0}"#),
        (r#"{"shell":"false"}"#, r#"{"shell":false}"#),
        (r#"{"shell":"true","arguments":"one"}"#, r#"{"shell":true,"arguments":["one"]}"#),
        (r#"{"type":"NO_SUCH_TYPE"}"#, "{}"),
        (r#"{"type":"REVIVE","revive":{"roles":"r"}}"#, r#"{"type":"REVIVE","revive":{"roles":["r"]}}"#),
        (r#"{"grace_period":{"nanoseconds":"3000000000"}}"#, r#"{"grace_period":{"nanoseconds":3000000000}}"#),
    ];
    for (json, read) in rows {
        let (bytes, field) = (json.as_bytes(), json.split('"').nth(1).unwrap());
        let written = match field {
            "value" => v1::TaskID::from_json(bytes).map(|message| message.to_json()),
            "key" => v1::Label::from_json(bytes).map(|message| message.to_json()),
            "labels" => v1::Labels::from_json(bytes).map(|message| message.to_json()),
            "nanoseconds" => v1::TimeInfo::from_json(bytes).map(|message| message.to_json()),
            "refuse_seconds" => v1::Filters::from_json(bytes).map(|message| message.to_json()),
            "shell" => v1::CommandInfo::from_json(bytes).map(|message| message.to_json()),
            "grace_period" => v1::KillPolicy::from_json(bytes).map(|message| message.to_json()),
            _ => scheduler::Call::from_json(bytes).map(|message| message.to_json()),
        };
        assert_eq!(written.as_deref(), Ok(read), "{json}");
    }
}

#[test]
fn what_is_no_message_is_refused_in_words() {
    let rows = [
        ("[]", "Expecting a JSON object"),
        ("{\"task_id\":{}}", "Missing required fields: state, task_id.value"),
        ("{\"state\":\"TASK_X\",\"task_id\":{\"value\":\"t\"}}", "Failed to find enum for 'TASK_X'"),
        ("{\"task_id\":\"t\",\"state\":\"TASK_LOST\"}", "Not expecting a JSON string for field 'task_id'"),
        ("{\"task_id\":{\"value\":true}}", "Not expecting a JSON boolean for field 'value'"),
        ("{\"task_id\":{\"value\":[\"t\"]}}", "Not expecting a JSON array for field 'value'"),
        ("{\"healthy\":\"yes\"}", "Not expecting a JSON string for field 'healthy'"),
        ("{\"healthy\":1}", "Not expecting a JSON number for field 'healthy'"),
        ("{\"timestamp\":\"soon\"}", "Not expecting a JSON string for field 'timestamp'"),
        ("{\"labels\":{\"labels\":[[]]}}", "Not expecting a JSON array for field 'labels'"),
        ("{\"uuid\":\"%%\"}", "Failed to base64 decode bytes field 'uuid': Invalid symbol 37, offset 0."),
    ];
    for (json, words) in rows {
        assert_eq!(v1::TaskStatus::from_json(json.as_bytes()).unwrap_err().to_string(), words, "{json}");
    }
    let missing = scheduler::Call::from_json(br#"{"accept":{"operations":[{},{"launch":{"task_infos":[{}]}}]}}"#);
    let fields =
        ["name", "task_id", "agent_id"].map(|field| format!("accept.operations[1].launch.task_infos[0].{field}"));
    assert_eq!(missing, Err(Error::Missing(fields.to_vec())));
}

#[test]
fn protobuf_is_read_as_proto2_does() {
    let decode = |hex: &str| v1::TaskID::decode(&bytes(hex)).map(|id| id.value);
    assert_eq!(decode("0a 01 61  0a 01 62"), Ok("b".to_owned()), "the last one counts");
    assert_eq!(decode("10 05  1d 00000000  21 0000000000000000  2a 01 00  0a 01 61"), Ok("a".to_owned()), "unknown");
    assert_eq!(decode("08 05  0a 01 61"), Ok("a".to_owned()), "another type is unknown");
    assert_eq!(decode(""), Err(Error::Missing(vec!["value".to_owned()])));
    for hex in ["0a", "0a 02 61", "0a ffffffffffffffffff01", "1d 0000", "21 00", "80"] {
        assert_eq!(decode(hex), Err(Error::Truncated), "{hex}");
    }
    assert_eq!(decode("80808080808080808080 01"), Err(Error::Overlong));
    for hex in ["0b 0c", "00 00", "0e", "0f"] {
        assert_eq!(decode(hex), Err(Error::Key), "{hex}");
    }
    let check = v1::HttpHealthCheck::decode(&bytes("08 50  22 03 c801 05  20 07")).unwrap();
    assert_eq!(check.statuses, [200, 5, 7], "packed and not");
    let state = v1::TaskStatus::decode(&bytes("0a 03 0a 01 74  10 63"));
    assert_eq!(state, Err(Error::Missing(vec!["state".to_owned()])), "an unknown value of a required enum");
    let merged = scheduler::Call::decode(&bytes("7a 03 0a 01 61  7a 03 0a 01 62")).unwrap();
    assert_eq!(merged.revive.unwrap().roles, ["a", "b"], "a message that comes twice is one");
    let deep = (0..200).fold(bytes("0a 01 61"), |inner, _| {
        let mut outer = bytes("0a 01 61 12");
        outer.extend(v1::Uuid { value: inner }.encode().split_off(1));
        outer
    });
    assert_eq!(v1::ContainerID::decode(&deep), Err(Error::Deep));
    let json = format!("{}{}", r#"{"value":"a","parent":"#.repeat(120), "1");
    assert!(v1::ContainerID::from_json(json.as_bytes()).is_err());
}

#[test]
fn durations_are_read_in_every_way() {
    let rows = [("90s", 90_000), ("1.5secs", 1_500), ("10mins", 600_000), ("2hrs", 7_200_000), ("250ms", 250)];
    for (text, ms) in rows {
        assert_eq!(v1::Duration::parse(text).map(|duration| duration.as_nanos() / 1_000_000), Some(ms), "{text}");
    }
    for text in ["", "5", "s", "5 parsecs", "infs"] {
        assert_eq!(v1::Duration::parse(text), None, "{text}");
    }
}

/// Numbers as people write them: three decimals, as Mesos' scalars have.
fn decimal() -> impl Strategy<Value = f64> {
    (-1_000_000_000_000_i64..1_000_000_000_000).prop_map(|milli| milli as f64 / 1_000.0)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", any::<String>()]
}

prop_compose! {
    fn resource()(name in text(), value in decimal(), role in prop::option::of(text()), begin: u64, end: u64, which: bool)
        -> v1::Resource {
        let bare = v1::Resource { name, role, ..v1::Resource::default() };
        if which {
            v1::Resource { scalar: Some(v1::Scalar { value }), ..bare }
        } else {
            let ranges = Some(v1::Ranges { range: vec![v1::Range { begin, end }] });
            v1::Resource { r#type: v1::ValueType::Ranges, ranges, ..bare }
        }
    }
}

prop_compose! {
    fn call()(id in text(), resources in prop::collection::vec(resource(), 0..3), data: Vec<u8>, shell: bool,
              nanoseconds: i64, refuse in decimal(), limit in text()) -> scheduler::Call {
        let value = |value: &str| v1::TaskID { value: value.to_owned() };
        let task = v1::TaskInfo {
            name: id.clone(),
            task_id: value(&id),
            agent_id: v1::AgentID { value: id.clone() },
            resources,
            command: Some(Box::new(v1::CommandInfo { shell, value: Some(id.clone()), ..v1::CommandInfo::default() })),
            kill_policy: Some(v1::KillPolicy { grace_period: Some(v1::DurationInfo { nanoseconds }) }),
            data: Some(data),
            limits: [(limit, v1::Scalar { value: refuse })].into_iter().collect(),
            ..v1::TaskInfo::default()
        };
        let operation = v1::OfferOperation {
            r#type: Some(v1::OfferOperationType::Launch),
            launch: Some(v1::Launch { task_infos: vec![task.clone(), task] }),
            ..v1::OfferOperation::default()
        };
        scheduler::Call {
            framework_id: Some(v1::FrameworkID { value: id.clone() }),
            r#type: Some(scheduler::call::Type::Accept),
            accept: Some(scheduler::call::Accept {
                offer_ids: vec![v1::OfferID { value: id }],
                operations: vec![operation],
                filters: Some(v1::Filters { refuse_seconds: refuse }),
            }),
            ..scheduler::Call::default()
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(call in call()) {
        prop_assert_eq!(&scheduler::Call::decode(&call.encode()).unwrap(), &call);
        let json = call.to_json();
        prop_assert!(json.is_ascii() && !json.contains('\n'));
        prop_assert_eq!(scheduler::Call::from_json(json.as_bytes()).unwrap(), call);
    }

    #[test]
    fn no_bytes_break_the_decoders(bytes: Vec<u8>) {
        let _ = scheduler::Call::decode(&bytes);
        let _ = master::Response::decode(&bytes);
        let _ = executor::Event::decode(&bytes);
    }

    #[test]
    fn no_change_of_a_message_breaks_the_decoders(call in call(), at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
        let mut bytes = call.encode();
        let length = bytes.len();
        bytes[at.index(length)] = byte;
        bytes.truncate(cut.index(length) + 1);
        let _ = scheduler::Call::decode(&bytes);
        let mut json = call.to_json().into_bytes();
        let length = json.len();
        json[at.index(length)] = byte;
        let _ = scheduler::Call::from_json(&json);
    }
}
