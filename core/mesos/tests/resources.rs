//! Mesos' resources and the kernel's: rows of what is written as what, and there and back again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails, loudly")]

use kubernel_kernel::{Config, Resources};
use kubernel_ledger::Books;
use kubernel_mesos::resources::{Format, check, read_all, show_all, write};
use kubernel_mesos_proto::{Message, v1::Resource};
use serde_json::{Value, json};

fn mesos(all: &Value) -> Vec<Resource> {
    all.as_array().unwrap().iter().map(|one| Resource::from_value(one).unwrap()).collect()
}

/// A scalar, with more of it.
fn scalar(name: &str, value: f64, more: Value) -> Value {
    let mut one = json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}

/// What of these the kernel counts, in its own words.
#[track_caller]
fn counts(all: Value, expected: &str) {
    let mut books = Books::new(Config::default());
    let counted = read_all(&mesos(&all), &mut books).map(|sum| books.state().names().show(&sum));
    assert_eq!(counted.unwrap_or_else(|why| why), expected, "{all}");
}

#[test]
fn amounts_are_counted_in_whole_units() {
    counts(json!([scalar("cpus", 1.5, json!({})), scalar("cpus", 0.25, json!({}))]), "cpu:1750");
    counts(json!([scalar("cpus", 0.0004, json!({}))]), "{}");
    counts(json!([scalar("cpus", 0.0005, json!({}))]), "cpu:1");
    counts(json!([scalar("mem", 1.0, json!({}))]), "memory:1048576");
    counts(json!([scalar("mem", 0.001, json!({}))]), "memory:1048");
    counts(json!([scalar("disk", 2.5, json!({}))]), "ephemeral-storage:2621440");
    counts(json!([scalar("gpus", 2.0, json!({}))]), "nvidia.com/gpu:2");
    counts(json!([scalar("gpus", 0.0, json!({}))]), "{}");
    counts(json!([scalar("licences", 3.0, json!({}))]), "licences:3");
    let words = "Resource 'licences:0.5' comes in whole units";
    counts(json!([scalar("licences", 0.5, json!({}))]), words);
    let ports =
        |begin, end| json!({"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": begin, "end": end}]}});
    counts(json!([ports(2, 3), ports(4, 9)]), "ports:[2-9]");
    counts(json!([{"name": "zones", "type": "SET", "set": {"item": ["b", "a"]}}]), "zones:[0-1]");
}

#[test]
fn kinds_are_kept_apart() {
    counts(json!([scalar("cpus", 1.0, json!({"role": "r"}))]), "cpu(reservations: [(STATIC,r)]):1000");
    let dynamic = json!({"role": "r", "reservation": {"principal": "me"}});
    counts(json!([scalar("cpus", 1.0, dynamic)]), "cpu(reservations: [(DYNAMIC,r,me)]):1000");
    let stack = json!({"reservations": [{"type": "STATIC", "role": "r"}, {"type": "DYNAMIC", "role": "r/s"}]});
    counts(json!([scalar("mem", 1.0, stack)]), "memory(reservations: [(STATIC,r),(DYNAMIC,r/s)]):1048576");
    counts(json!([scalar("cpus", 1.0, json!({"revocable": {}}))]), "cpu{REV}:1000");
    counts(json!([scalar("cpus", 1.0, json!({"allocation_info": {"role": "r"}}))]), "cpu:1000");
    let volume = json!({"role": "r", "shared": {}, "disk": {
        "persistence": {"id": "v"}, "volume": {"mode": "RW", "container_path": "data"}}});
    counts(
        json!([scalar("disk", 1.0, volume)]),
        "ephemeral-storage(reservations: [(STATIC,r)])[v:data]<SHARED>:1048576",
    );
}

/// Both formats say the same to the kernel, and it says the same in both.
#[test]
fn formats_come_back_as_they_were() {
    let old = json!([
        scalar("cpus", 1.5, json!({"role": "*"})),
        scalar("mem", 64.125, json!({"role": "*"})),
        scalar("cpus", 2.0, json!({"role": "r", "reservation": {"principal": "p", "labels": {"labels": [{"key": "k"}]}}})),
        scalar("disk", 3.0, json!({"role": "r", "disk": {"source": {"type": "MOUNT", "mount": {"root": "/d"}, "profile": "fast"}}})),
        {"name": "ports", "type": "RANGES", "role": "*", "ranges": {"range": [{"begin": 1, "end": 2}, {"begin": 5, "end": 5}]}},
        {"name": "zones", "type": "SET", "role": "*", "set": {"item": ["z1", "z2"]}},
    ]);
    let new = json!([
        scalar("cpus", 1.5, json!({})),
        scalar("mem", 64.125, json!({})),
        scalar("cpus", 2.0, json!({"reservations": [{"type": "DYNAMIC", "role": "r", "principal": "p", "labels": {"labels": [{"key": "k"}]}}]})),
        scalar("disk", 3.0, json!({
            "reservations": [{"type": "STATIC", "role": "r"}],
            "disk": {"source": {"type": "MOUNT", "mount": {"root": "/d"}, "profile": "fast"}},
        })),
        {"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 2}, {"begin": 5, "end": 5}]}},
        {"name": "zones", "type": "SET", "set": {"item": ["z1", "z2"]}},
    ]);
    let mut books = Books::new(Config::default());
    let counted: Vec<Resources> = [&old, &new]
        .map(|all| {
            check(&mesos(all)).unwrap();
            read_all(&mesos(all), &mut books).unwrap()
        })
        .to_vec();
    assert_eq!(counted[0], counted[1]);
    let names = books.state().names();
    for (all, refinement) in [(&old, false), (&new, true)] {
        let written = write(&counted[0], names, Format { refinement, allocated_to: None });
        assert_eq!(written, mesos(all), "{}", show_all(&written));
    }
    let told = write(&counted[0], names, Format { refinement: true, allocated_to: Some("r/s") });
    assert!(told.iter().all(|one| one.allocation_info.as_ref().unwrap().role.as_deref() == Some("r/s")));
}

/// What is offered can be taken, in one piece or in several, and never more of it.
#[test]
fn rounding_never_makes_more_than_there_is() {
    let mut books = Books::new(Config::default());
    for bytes in [1, 1_047, 1_048, 1_049, 123_456_789, (4 << 30) - 1] {
        let there = Resources::new(0, bytes, 0, 0);
        let offered = write(&there, books.state().names(), Format::default());
        let value = offered[0].scalar.as_ref().unwrap().value;
        for parts in [1.0, 2.0, 3.0] {
            let part = (value / parts * 1_000.0).floor() / 1_000.0;
            let piece = mesos(&json!([scalar("mem", part, json!({}))]));
            let mut sum = Resources::default();
            for _ in 0..parts as usize {
                sum.add(&read_all(&piece, &mut books).unwrap());
            }
            assert!(there.contains(&sum), "{bytes} in {parts}");
        }
    }
}
