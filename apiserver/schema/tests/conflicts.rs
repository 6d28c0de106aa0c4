//! Apply, row by row: who applied what before, what is applied now, and what comes of it.

#![allow(clippy::expect_used, reason = "a test")]

#[path = "support/steps.rs"]
mod steps;
mod support;

use kubernel_meta::Object;
use kubernel_schema::Schema;
use serde_json::{Value, json};
use steps::{Row, rows, write};

const ROWS: &[Row] = rows! {
    // Scalars.
    "a first apply owns": ["a" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "the same again": ["a" r#"{"n":1}"#, "a" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "its own change": ["a" r#"{"n":1}"#, "a" r#"{"n":2}"#] => r#"{"n":2}"#, "a:.spec.n";
    "another's value": ["a" r#"{"n":1}"#, "b" r#"{"n":2}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.n", "a:.spec.n";
    "another's value by force": ["a" r#"{"n":1}"#, "!b" r#"{"n":2}"#] => r#"{"n":2}"#, "b:.spec.n";
    "an equal value is shared": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n b:.spec.n";
    "a shared value changed": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "a" r#"{"n":2}"#] =>
        "Apply failed with 1 conflict: conflict with \"b\": .spec.n", "a:.spec.n b:.spec.n";
    "a shared value forced": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "!a" r#"{"n":2}"#] => r#"{"n":2}"#, "a:.spec.n";
    "two conflicts of two": ["a" r#"{"n":1}"#, "b" r#"{"s":"x"}"#, "c" r#"{"n":2,"s":"y"}"#] =>
        "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.n\nconflicts with \"b\":\n- .spec.s",
        "a:.spec.n b:.spec.s";
    "two conflicts of one": ["a" r#"{"n":1,"s":"x"}"#, "b" r#"{"n":2,"s":"y"}"#] =>
        "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.n\n- .spec.s", "a:.spec.n,.spec.s";
    "dropping takes away": ["a" r#"{"n":1,"s":"x"}"#, "a" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "dropping a shared value keeps it": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "a" r#"{}"#] => r#"{"n":1}"#,
        "b:.spec.n a:.spec";
    "dropping all": ["a" r#"{"n":1}"#, "a" r#"{}"#] => r#"{}"#, "a:.spec";
    "an update takes over": ["a" r#"{"n":1}"#, "=b" r#"{"n":2}"#] => r#"{"n":2}"#, "b:.spec.n";
    "an update of nothing": ["a" r#"{"n":1}"#, "=b" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "an update removes": ["a" r#"{"n":1,"s":"x"}"#, "=b" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "apply over an update": ["=a" r#"{"n":1}"#, "b" r#"{"n":2}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\" using t/v1: .spec.n", "a:.spec,.spec.n";
    "apply over an update by force": ["=a" r#"{"n":1}"#, "!b" r#"{"n":2}"#] => r#"{"n":2}"#, "a:.spec b:.spec.n";
    "apply over one's own update": ["=a" r#"{"n":1}"#, "a" r#"{"n":2}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\" using t/v1: .spec.n", "a:.spec,.spec.n";
    "what an update owns stays": ["=u" r#"{"n":1}"#, "a" r#"{"n":1}"#, "a" r#"{}"#] => r#"{"n":1}"#,
        "a:.spec u:.spec,.spec.n";
    "a null is owned": ["a" r#"{"n":null}"#] => r#"{"n":null}"#, "a:.spec.n";
    "three share": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "c" r#"{"n":1}"#] => r#"{"n":1}"#,
        "a:.spec.n b:.spec.n c:.spec.n";
    "three share, one forces": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "!c" r#"{"n":2}"#] => r#"{"n":2}"#, "c:.spec.n";
    // Maps.
    "different keys": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":{"y":"1"}}"#] => r#"{"m":{"x":"1","y":"1"}}"#,
        "a:.spec.m.x b:.spec.m.y";
    "the same key": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":{"x":"2"}}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.m.x", "a:.spec.m.x";
    "a key dropped": ["a" r#"{"m":{"x":"1","y":"1"}}"#, "a" r#"{"m":{"x":"1"}}"#] => r#"{"m":{"x":"1"}}"#,
        "a:.spec.m.x";
    "a map dropped, other keys stay": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":{"y":"1"}}"#, "a" r#"{}"#] =>
        r#"{"m":{"y":"1"}}"#, "b:.spec.m.y a:.spec";
    "an empty map is owned": ["a" r#"{"m":{}}"#] => r#"{"m":{}}"#, "a:.spec.m";
    "keys beside an empty map": ["a" r#"{"m":{}}"#, "b" r#"{"m":{"x":"1"}}"#] => r#"{"m":{"x":"1"}}"#,
        "a:.spec.m b:.spec.m.x";
    "an update owns the map it makes": ["=a" r#"{"m":{"x":"1"}}"#] => r#"{"m":{"x":"1"}}"#,
        "a:.spec,.spec.m,.spec.m.x";
    "an update deletes another's key": ["a" r#"{"m":{"x":"1","y":"1"}}"#, "=b" r#"{"m":{"x":"1"}}"#] =>
        r#"{"m":{"x":"1"}}"#, "a:.spec.m.x";
    "a null map keeps": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":null}"#] => r#"{"m":{"x":"1"}}"#,
        "a:.spec.m.x b:.spec.m";
    // Atomic maps and structs.
    "an atomic map": ["a" r#"{"am":{"x":"1"}}"#] => r#"{"am":{"x":"1"}}"#, "a:.spec.am";
    "an atomic map, another key": ["a" r#"{"am":{"x":"1"}}"#, "b" r#"{"am":{"y":"1"}}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.am", "a:.spec.am";
    "an atomic map by force": ["a" r#"{"am":{"x":"1"}}"#, "!b" r#"{"am":{"y":"1"}}"#] => r#"{"am":{"y":"1"}}"#,
        "b:.spec.am";
    "an atomic map shared": ["a" r#"{"am":{"x":"1"}}"#, "b" r#"{"am":{"x":"1"}}"#] => r#"{"am":{"x":"1"}}"#,
        "a:.spec.am b:.spec.am";
    "an atomic map dropped": ["a" r#"{"am":{"x":"1"},"n":1}"#, "a" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    "an atomic struct": ["a" r#"{"as":{"x":1}}"#, "b" r#"{"as":{"y":1}}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.as", "a:.spec.as";
    "an atomic struct updated": ["a" r#"{"as":{"x":1}}"#, "=b" r#"{"as":{"x":1,"y":2}}"#] =>
        r#"{"as":{"x":1,"y":2}}"#, "b:.spec.as";
    // Structs.
    "fields of a struct": ["a" r#"{"o":{"x":1}}"#, "b" r#"{"o":{"y":1}}"#] => r#"{"o":{"x":1,"y":1}}"#,
        "a:.spec.o.x b:.spec.o.y";
    "a struct dropped with its last field": ["a" r#"{"o":{"x":1},"n":1}"#, "a" r#"{"n":1}"#] => r#"{"n":1}"#,
        "a:.spec.n";
    "a struct dropped while shared": ["a" r#"{"o":{"x":1}}"#, "b" r#"{"o":{"y":1}}"#, "a" r#"{}"#] =>
        r#"{"o":{"y":1}}"#, "b:.spec.o.y a:.spec";
    // Atomic lists.
    "an atomic list": ["a" r#"{"al":["x"]}"#, "b" r#"{"al":["x","y"]}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.al", "a:.spec.al";
    "an atomic list shared": ["a" r#"{"al":["x"]}"#, "b" r#"{"al":["x"]}"#] => r#"{"al":["x"]}"#,
        "a:.spec.al b:.spec.al";
    "an atomic list by force": ["a" r#"{"al":["x"]}"#, "!b" r#"{"al":["y"]}"#] => r#"{"al":["y"]}"#, "b:.spec.al";
    "an atomic list dropped": ["a" r#"{"al":["x"],"n":1}"#, "a" r#"{"n":1}"#] => r#"{"n":1}"#, "a:.spec.n";
    // Sets.
    "items of a set": ["a" r#"{"set":["x"]}"#, "b" r#"{"set":["y"]}"#] => r#"{"set":["x","y"]}"#,
        r#"a:.spec.set[="x"] b:.spec.set[="y"]"#;
    "an item shared": ["a" r#"{"set":["x"]}"#, "b" r#"{"set":["x","y"]}"#, "a" r#"{"set":[]}"#] =>
        r#"{"set":["x","y"]}"#, r#"b:.spec.set[="x"],.spec.set[="y"]"#;
    "an item dropped": ["a" r#"{"set":["x","y"]}"#, "a" r#"{"set":["y"]}"#] => r#"{"set":["y"]}"#,
        r#"a:.spec.set[="y"]"#;
    "the applier's order": ["a" r#"{"set":["x","y","z"]}"#, "a" r#"{"set":["z","x","y"]}"#] =>
        r#"{"set":["z","x","y"]}"#, r#"a:.spec.set[="x"],.spec.set[="y"],.spec.set[="z"]"#;
    "live items stay in their place": ["a" r#"{"set":["x","y","z"]}"#, "b" r#"{"set":["z","w"]}"#] =>
        r#"{"set":["x","y","z","w"]}"#,
        r#"a:.spec.set[="x"],.spec.set[="y"],.spec.set[="z"] b:.spec.set[="w"],.spec.set[="z"]"#;
    "a duplicate": ["a" r#"{"set":["x","x"]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set: duplicate entries for key [=\"x\"]", "";
    "a map in a set": ["a" r#"{"set":[{}]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set: element 0: associative list without keys has an element that's a map type",
        "";
    // Map lists, with a defaulted key.
    "items of a map list": ["a" r#"{"ports":[{"port":1,"proto":"TCP","x":1}]}"#, "b" r#"{"ports":[{"port":2,"proto":"TCP"}]}"#] =>
        r#"{"ports":[{"port":1,"proto":"TCP","x":1},{"port":2,"proto":"TCP"}]}"#,
        r#"a:.spec.ports[port=1,proto="TCP"],.spec.ports[port=1,proto="TCP"].port,.spec.ports[port=1,proto="TCP"].proto,.spec.ports[port=1,proto="TCP"].x b:.spec.ports[port=2,proto="TCP"],.spec.ports[port=2,proto="TCP"].port,.spec.ports[port=2,proto="TCP"].proto"#;
    "a key by default": ["a" r#"{"ports":[{"port":1}]}"#] => r#"{"ports":[{"port":1}]}"#,
        r#"a:.spec.ports[port=1,proto="TCP"],.spec.ports[port=1,proto="TCP"].port"#;
    "the default and the value are one item": ["a" r#"{"ports":[{"port":1,"x":1}]}"#, "b" r#"{"ports":[{"port":1,"proto":"TCP","x":2}]}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.ports[port=1,proto=\"TCP\"].x",
        r#"a:.spec.ports[port=1,proto="TCP"],.spec.ports[port=1,proto="TCP"].port,.spec.ports[port=1,proto="TCP"].x"#;
    "another protocol is another item": ["a" r#"{"ports":[{"port":1}]}"#, "b" r#"{"ports":[{"port":1,"proto":"UDP"}]}"#] =>
        r#"{"ports":[{"port":1},{"port":1,"proto":"UDP"}]}"#,
        r#"a:.spec.ports[port=1,proto="TCP"],.spec.ports[port=1,proto="TCP"].port b:.spec.ports[port=1,proto="UDP"],.spec.ports[port=1,proto="UDP"].port,.spec.ports[port=1,proto="UDP"].proto"#;
    "an item's field by another": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "b" r#"{"l":[{"k":"i","y":1}]}"#] =>
        r#"{"l":[{"k":"i","x":1,"y":1}]}"#,
        r#"a:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x b:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].y"#;
    "an item's field in conflict": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "b" r#"{"l":[{"k":"i","x":2}]}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.l[k=\"i\"].x",
        r#"a:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x"#;
    "an item dropped by one of two": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "b" r#"{"l":[{"k":"i","y":1}]}"#, "a" r#"{"l":[]}"#] =>
        r#"{"l":[{"k":"i","y":1}]}"#, r#"b:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].y"#;
    "an item dropped by its owner": ["a" r#"{"l":[{"k":"i"},{"k":"j"}]}"#, "a" r#"{"l":[{"k":"j"}]}"#] =>
        r#"{"l":[{"k":"j"}]}"#, r#"a:.spec.l[k="j"],.spec.l[k="j"].k"#;
    "a dropped item takes what nobody owns with it": ["a" r#"{"l":[{"k":"i"},{"k":"j"}],"n":1}"#, "=d" r#"{"l":[{"k":"i"},{"k":"j"}],"n":2}"#, "a" r#"{"l":[{"k":"j"}]}"#] =>
        r#"{"l":[{"k":"j"}],"n":2}"#, r#"a:.spec.l[k="j"],.spec.l[k="j"].k d:.spec.n"#;
    "an item goes with another's field in it": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "=u" r#"{"l":[{"k":"i","x":1,"y":2}]}"#, "a" r#"{"l":[]}"#] =>
        "null", "";
    "an item without its key": ["a" r#"{"l":[{"x":1}]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.l: element 0: associative list with keys has an element that omits all key fields [\"k\"] (and doesn't have default values for any key fields)",
        "";
    "a scalar in a map list": ["a" r#"{"l":["x"]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.l: element 0: associative list with keys may not have non-map elements",
        "";
    "a null in a map list": ["a" r#"{"l":[null]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.l: element 0: associative list with keys may not have a null element",
        "";
    "duplicates made by an update": ["=a" r#"{"l":[{"k":"i","x":1},{"k":"i","x":2}]}"#] =>
        r#"{"l":[{"k":"i","x":1},{"k":"i","x":2}]}"#, r#"a:.spec,.spec.l,.spec.l[k="i"]"#;
    "apply beside duplicates": ["=a" r#"{"l":[{"k":"i","x":1},{"k":"i","x":2}]}"#, "b" r#"{"l":[{"k":"j"}]}"#] =>
        r#"{"l":[{"k":"i","x":1},{"k":"i","x":2},{"k":"j"}]}"#,
        r#"a:.spec,.spec.l,.spec.l[k="i"] b:.spec.l[k="j"],.spec.l[k="j"].k"#;
    // Free content.
    "free content is owned by its parts": ["a" r#"{"free":{"x":{"y":1}}}"#, "b" r#"{"free":{"x":{"z":1}}}"#] =>
        r#"{"free":{"x":{"y":1,"z":1}}}"#,
        "a:.spec.free.x,.spec.free.x.y b:.spec.free.x,.spec.free.x.z";
    "lists in free content are atomic": ["a" r#"{"free":{"x":[1]}}"#, "b" r#"{"free":{"x":[2]}}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.free.x", "a:.spec.free.x";
    "free content changes its kind": ["a" r#"{"free":{"x":1}}"#, "!b" r#"{"free":{"x":{"y":1}}}"#] =>
        r#"{"free":{"x":{"y":1}}}"#, "b:.spec.free.x,.spec.free.x.y";
    // Mistakes.
    "an unknown field": ["a" r#"{"zz":1}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.zz: field not declared in schema", "";
    "a string for a number": ["a" r#"{"n":"x"}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.n: expected numeric (int or float), got string",
        "";
    "a list for a map": ["a" r#"{"m":["x"]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.m: expected map, got &{[x]}", "";
    "two mistakes": ["a" r#"{"al":"x","n":"x"}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): errors:\n  .spec.al: expected list, got &{x}\n  .spec.n: expected numeric (int or float), got string",
        "";
    "a failed apply changes nothing": ["a" r#"{"n":1}"#, "b" r#"{"n":2,"zz":1}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.zz: field not declared in schema", "a:.spec.n";
};

#[test]
fn conflict_table() {
    let schema = schema();
    steps::check(&schema, ROWS);
}

/// A struct that becomes atomic is owned as a whole by whoever owned one of its fields.
#[test]
fn a_schema_changes() {
    let with = |map_type: &str| {
        let text = json!({"type": "string"});
        support::custom_schema(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
            "o": {"type": "object", "properties": {"x": text, "y": text}, "x-kubernetes-map-type": map_type}}}}}))
    };
    let config = |spec: Value| {
        let object = json!({"apiVersion": "t/v1", "kind": "T", "metadata": {"name": "o"}, "spec": spec});
        Object::from_value(object).expect("an object")
    };
    let mut live = write(&with("granular"), None, config(json!({"o": {"x": "1"}})), "a").expect("applied");
    live.set(&["metadata", "uid"], "u");
    let error = write(&with("atomic"), Some(&live), config(json!({"o": {"y": "1"}})), "b").expect_err("a conflict");
    assert_eq!(error, "Apply failed with 1 conflict: conflict with \"a\": .spec.o");
}

fn schema() -> Schema {
    let text = json!({"type": "string"});
    let int = json!({"type": "integer"});
    let two = |atomic: bool| {
        let mut out = json!({"type": "object", "properties": {"x": int, "y": int}});
        if atomic {
            out["x-kubernetes-map-type"] = json!("atomic");
        }
        out
    };
    support::custom_schema(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "n": int, "s": text,
        "m": {"type": "object", "additionalProperties": text},
        "am": {"type": "object", "additionalProperties": text, "x-kubernetes-map-type": "atomic"},
        "o": two(false), "as": two(true),
        "al": {"type": "array", "items": text},
        "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "l": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": {"k": text, "x": int, "y": int}}},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "proto"],
            "items": {"type": "object", "properties": {
                "port": int, "proto": {"type": "string", "default": "TCP"}, "x": int}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}}}))
}
