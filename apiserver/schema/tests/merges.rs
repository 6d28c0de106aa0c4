//! Apply, row by row: values inside values, lists and sets that several write, duplicates, free content, nulls.
//!
//! The situations are those of structured-merge-diff's own tables (`merge/*_test.go`).

#![allow(clippy::expect_used, reason = "a test")]

#[path = "support/steps.rs"]
mod steps;
mod support;

use kubernel_schema::Schema;
use serde_json::json;
use steps::{Row, rows};

const ROWS: &[Row] = rows! {
    // Lists in items of lists.
    "an inner set changes": ["a" r#"{"ll":[{"k":"i","v":["b","c"]}]}"#, "a" r#"{"ll":[{"k":"i","v":["a","c"]}]}"#] =>
        r#"{"ll":[{"k":"i","v":["a","c"]}]}"#,
        r#"a:.spec.ll[k="i"],.spec.ll[k="i"].k,.spec.ll[k="i"].v[="a"],.spec.ll[k="i"].v[="c"]"#;
    "an inner set under another key": ["a" r#"{"ll":[{"k":"i","v":["b","c"]}]}"#, "a" r#"{"ll":[{"k":"j","v":["a","c"]}]}"#] =>
        r#"{"ll":[{"k":"j","v":["a","c"]}]}"#,
        r#"a:.spec.ll[k="j"],.spec.ll[k="j"].k,.spec.ll[k="j"].v[="a"],.spec.ll[k="j"].v[="c"]"#;
    "two write an inner set": ["a" r#"{"ll":[{"k":"i","v":["b"]}]}"#, "b" r#"{"ll":[{"k":"i","v":["c"]}]}"#, "a" r#"{"ll":[{"k":"i"}]}"#] =>
        r#"{"ll":[{"k":"i","v":["c"]}]}"#,
        r#"a:.spec.ll[k="i"],.spec.ll[k="i"].k b:.spec.ll[k="i"],.spec.ll[k="i"].k,.spec.ll[k="i"].v[="c"]"#;
    "an inner set goes whole": ["a" r#"{"ll":[{"k":"i","v":["b"]}]}"#, "a" r#"{"ll":[{"k":"i"}]}"#] =>
        r#"{"ll":[{"k":"i"}]}"#, r#"a:.spec.ll[k="i"],.spec.ll[k="i"].k"#;
    "an inner set is emptied": ["a" r#"{"ll":[{"k":"i","v":["b"]}]}"#, "a" r#"{"ll":[{"k":"i","v":[]}]}"#] =>
        r#"{"ll":[{"k":"i"}]}"#, r#"a:.spec.ll[k="i"],.spec.ll[k="i"].k"#;
    // Maps in items of lists.
    "an inner map changes": ["a" r#"{"lm":[{"k":"i","v":{"b":"x","c":"y"}}]}"#, "a" r#"{"lm":[{"k":"i","v":{"a":"x","c":"z"}}]}"#] =>
        r#"{"lm":[{"k":"i","v":{"a":"x","c":"z"}}]}"#,
        r#"a:.spec.lm[k="i"],.spec.lm[k="i"].k,.spec.lm[k="i"].v.a,.spec.lm[k="i"].v.c"#;
    "an inner map under another key": ["a" r#"{"lm":[{"k":"i","v":{"b":"x"}}]}"#, "a" r#"{"lm":[{"k":"j","v":{"b":"x"}}]}"#] =>
        r#"{"lm":[{"k":"j","v":{"b":"x"}}]}"#, r#"a:.spec.lm[k="j"],.spec.lm[k="j"].k,.spec.lm[k="j"].v.b"#;
    "two write an inner map": ["a" r#"{"lm":[{"k":"i","v":{"b":"x"}}]}"#, "b" r#"{"lm":[{"k":"i","v":{"c":"y"}}]}"#] =>
        r#"{"lm":[{"k":"i","v":{"b":"x","c":"y"}}]}"#,
        r#"a:.spec.lm[k="i"],.spec.lm[k="i"].k,.spec.lm[k="i"].v.b b:.spec.lm[k="i"],.spec.lm[k="i"].k,.spec.lm[k="i"].v.c"#;
    "an inner map in conflict": ["a" r#"{"lm":[{"k":"i","v":{"b":"x"}}]}"#, "b" r#"{"lm":[{"k":"i","v":{"b":"y"}}]}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.lm[k=\"i\"].v.b",
        r#"a:.spec.lm[k="i"],.spec.lm[k="i"].k,.spec.lm[k="i"].v.b"#;
    // Sets in maps.
    "a set in a map changes": ["a" r#"{"ml":{"p":["b","c"]}}"#, "a" r#"{"ml":{"p":["a","c"]}}"#] =>
        r#"{"ml":{"p":["a","c"]}}"#, r#"a:.spec.ml.p,.spec.ml.p[="a"],.spec.ml.p[="c"]"#;
    "a set in a map under another key": ["a" r#"{"ml":{"p":["b"]}}"#, "a" r#"{"ml":{"q":["b"]}}"#] =>
        r#"{"ml":{"q":["b"]}}"#, r#"a:.spec.ml.q,.spec.ml.q[="b"]"#;
    "two write a set in a map": ["a" r#"{"ml":{"p":["b"]}}"#, "b" r#"{"ml":{"p":["c"]}}"#, "a" r#"{"ml":{}}"#] =>
        r#"{"ml":{"p":["c"]}}"#, r#"a:.spec.ml b:.spec.ml.p,.spec.ml.p[="c"]"#;
    // Maps in maps.
    "a map in a map changes": ["a" r#"{"mm":{"p":{"b":"x","c":"y"}}}"#, "a" r#"{"mm":{"p":{"a":"x","c":"z"}}}"#] =>
        r#"{"mm":{"p":{"a":"x","c":"z"}}}"#, "a:.spec.mm.p,.spec.mm.p.a,.spec.mm.p.c";
    "a map in a map under another key": ["a" r#"{"mm":{"p":{"b":"x"}}}"#, "a" r#"{"mm":{"q":{"b":"x"}}}"#] =>
        r#"{"mm":{"q":{"b":"x"}}}"#, "a:.spec.mm.q,.spec.mm.q.b";
    "a map in a map is emptied": ["a" r#"{"mm":{"p":{"b":"x"}}}"#, "a" r#"{"mm":{"p":{}}}"#] =>
        r#"{"mm":{"p":{}}}"#, "a:.spec.mm.p";
    "a map in a map becomes null": ["a" r#"{"mm":{"p":{"b":"x"}}}"#, "a" r#"{"mm":{"p":null}}"#] =>
        r#"{"mm":{"p":{}}}"#, "a:.spec.mm.p";
    "two write a map in a map, one goes": ["a" r#"{"mm":{"p":{"b":"x"}}}"#, "b" r#"{"mm":{"p":{"c":"y"}}}"#, "a" r#"{}"#] =>
        r#"{"mm":{"p":{"c":"y"}}}"#, "a:.spec b:.spec.mm.p,.spec.mm.p.c";
    "both go": ["a" r#"{"mm":{"p":{"b":"x"}}}"#, "b" r#"{"mm":{"p":{"c":"y"}}}"#, "a" r#"{}"#, "b" r#"{}"#] => r#"{}"#,
        "a:.spec b:.spec";
    // Structs.
    "a struct and all its fields go": ["a" r#"{"o":{"x":1,"y":1}}"#, "a" r#"{}"#] => r#"{}"#, "a:.spec";
    "a struct becomes null": ["a" r#"{"o":{"x":1}}"#, "a" r#"{"o":null}"#] => r#"{"o":{}}"#, "a:.spec.o";
    "a struct becomes empty": ["a" r#"{"o":{"x":1}}"#, "a" r#"{"o":{}}"#] => r#"{"o":{}}"#, "a:.spec.o";
    "an updater's field outlives the applier's struct": ["a" r#"{"o":{"x":1}}"#, "=u" r#"{"o":{"x":1,"y":2}}"#, "a" r#"{}"#] =>
        r#"{"o":{"y":2}}"#, "a:.spec u:.spec.o.y";
    "and an empty one": ["a" r#"{"o":{"x":1}}"#, "=u" r#"{"o":{"x":1,"y":2}}"#, "a" r#"{"o":{}}"#] =>
        r#"{"o":{"y":2}}"#, "a:.spec.o u:.spec.o.y";
    "and a null": ["a" r#"{"o":{"x":1}}"#, "=u" r#"{"o":{"x":1,"y":2}}"#, "a" r#"{"o":null}"#] =>
        r#"{"o":{"y":2}}"#, "a:.spec.o u:.spec.o.y";
    "what an updater took stays": ["a" r#"{"o":{"x":1}}"#, "=u" r#"{"o":{"x":2,"y":2}}"#, "a" r#"{"o":null}"#] =>
        r#"{"o":{"x":2,"y":2}}"#, "a:.spec.o u:.spec.o.x,.spec.o.y";
    "a null struct at first": ["a" r#"{"o":null}"#] => r#"{"o":null}"#, "a:.spec.o";
    "a field in a null struct": ["a" r#"{"o":null}"#, "b" r#"{"o":{"x":1}}"#] => r#"{"o":{"x":1}}"#,
        "a:.spec.o b:.spec.o.x";
    // Several appliers.
    "three in one map, the middle goes": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":{"y":"1"}}"#, "c" r#"{"m":{"z":"1"}}"#, "b" r#"{"m":{}}"#] =>
        r#"{"m":{"x":"1","z":"1"}}"#, "a:.spec.m.x b:.spec.m c:.spec.m.z";
    "one takes all by force": ["a" r#"{"m":{"x":"1"}}"#, "b" r#"{"m":{"y":"1"}}"#, "!c" r#"{"m":{"x":"2","y":"2"}}"#] =>
        r#"{"m":{"x":"2","y":"2"}}"#, "c:.spec.m.x,.spec.m.y";
    "force spares what is equal": ["a" r#"{"m":{"x":"1","y":"1"}}"#, "!b" r#"{"m":{"x":"2","y":"1"}}"#] =>
        r#"{"m":{"x":"2","y":"1"}}"#, "a:.spec.m.y b:.spec.m.x,.spec.m.y";
    "after force the loser's drop changes nothing": ["a" r#"{"n":1}"#, "!b" r#"{"n":2}"#, "a" r#"{}"#] =>
        r#"{"n":2}"#, "a:.spec b:.spec.n";
    "one manager under two names keeps both": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "a" r#"{}"#, "b" r#"{}"#] => r#"{}"#,
        "a:.spec b:.spec";
    "an applier gives up what another shares, then that one": ["a" r#"{"set":["x"]}"#, "b" r#"{"set":["x"]}"#, "a" r#"{}"#, "b" r#"{}"#] =>
        r#"{}"#, "a:.spec b:.spec";
    "a shared item loses one owner": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "b" r#"{"l":[{"k":"i","x":1}]}"#, "a" r#"{"l":[]}"#] =>
        r#"{"l":[{"k":"i","x":1}]}"#, r#"b:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x"#;
    "a shared item loses one owner's field": ["a" r#"{"l":[{"k":"i","x":1,"y":1}]}"#, "b" r#"{"l":[{"k":"i","x":1}]}"#, "a" r#"{"l":[]}"#] =>
        r#"{"l":[{"k":"i","x":1}]}"#, r#"b:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x"#;
    "an applier and an updater of one item": ["a" r#"{"l":[{"k":"i","x":1}]}"#, "=u" r#"{"l":[{"k":"i","x":1},{"k":"j","x":1}]}"#, "a" r#"{"l":[]}"#] =>
        r#"{"l":[{"k":"j","x":1}]}"#, r#"u:.spec.l[k="j"],.spec.l[k="j"].k,.spec.l[k="j"].x"#;
    "two conflicts in two lists": ["a" r#"{"l":[{"k":"i","x":1}],"set":["p"]}"#, "b" r#"{"l":[{"k":"i","x":2}],"set":["p","q"]}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.l[k=\"i\"].x",
        r#"a:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x,.spec.set[="p"]"#;
    "two owners of one conflict": ["a" r#"{"n":1}"#, "b" r#"{"n":1}"#, "c" r#"{"n":2}"#] =>
        "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.n\nconflicts with \"b\":\n- .spec.n",
        "a:.spec.n b:.spec.n";
    "an applier and an updater share a conflict": ["=u" r#"{"n":1}"#, "a" r#"{"n":1}"#, "b" r#"{"n":2}"#] =>
        "Apply failed with 2 conflicts: conflicts with \"a\":\n- .spec.n\nconflicts with \"u\" using t/v1:\n- .spec.n",
        "a:.spec.n u:.spec,.spec.n";
    // Order.
    "the whole set turned round": ["a" r#"{"set":["1","2","3"]}"#, "a" r#"{"set":["3","2","1"]}"#] =>
        r#"{"set":["3","2","1"]}"#, r#"a:.spec.set[="1"],.spec.set[="2"],.spec.set[="3"]"#;
    "a new item between two": ["a" r#"{"set":["1","3"]}"#, "a" r#"{"set":["1","2","3"]}"#] =>
        r#"{"set":["1","2","3"]}"#, r#"a:.spec.set[="1"],.spec.set[="2"],.spec.set[="3"]"#;
    "a new item in front": ["a" r#"{"set":["2"]}"#, "b" r#"{"set":["1","2"]}"#] => r#"{"set":["1","2"]}"#,
        r#"a:.spec.set[="2"] b:.spec.set[="1"],.spec.set[="2"]"#;
    "others' items keep their place": ["a" r#"{"set":["1","2","3","4"]}"#, "b" r#"{"set":["5","1"]}"#] =>
        r#"{"set":["5","1","2","3","4"]}"#,
        r#"a:.spec.set[="1"],.spec.set[="2"],.spec.set[="3"],.spec.set[="4"] b:.spec.set[="1"],.spec.set[="5"]"#;
    "two shared items change places": ["a" r#"{"l":[{"k":"1"},{"k":"2"},{"k":"3"}]}"#, "b" r#"{"l":[{"k":"3"},{"k":"1"}]}"#] =>
        r#"{"l":[{"k":"2"},{"k":"3"},{"k":"1"}]}"#,
        r#"a:.spec.l[k="1"],.spec.l[k="1"].k,.spec.l[k="2"],.spec.l[k="2"].k,.spec.l[k="3"],.spec.l[k="3"].k b:.spec.l[k="1"],.spec.l[k="1"].k,.spec.l[k="3"],.spec.l[k="3"].k"#;
    "an updater's items are no bar": ["=u" r#"{"l":[{"k":"1"},{"k":"2"}]}"#, "a" r#"{"l":[{"k":"3"},{"k":"2"}]}"#] =>
        r#"{"l":[{"k":"1"},{"k":"3"},{"k":"2"}]}"#,
        r#"a:.spec.l[k="2"],.spec.l[k="2"].k,.spec.l[k="3"],.spec.l[k="3"].k u:.spec,.spec.l,.spec.l[k="1"],.spec.l[k="1"].k,.spec.l[k="2"],.spec.l[k="2"].k"#;
    // Defaults of keys.
    "a key without default is missing": ["a" r#"{"ports":[{"proto":"TCP","x":1}]}"#] =>
        r#"{"ports":[{"proto":"TCP","x":1}]}"#,
        r#"a:.spec.ports[proto="TCP"],.spec.ports[proto="TCP"].proto,.spec.ports[proto="TCP"].x"#;
    "two items are one by default": ["a" r#"{"ports":[{"port":1},{"port":1,"proto":"TCP"}]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.ports: duplicate entries for key [port=1,proto=\"TCP\"]",
        "";
    "the default is made explicit": ["a" r#"{"ports":[{"port":1}]}"#, "a" r#"{"ports":[{"port":1,"proto":"TCP"}]}"#] =>
        r#"{"ports":[{"port":1,"proto":"TCP"}]}"#,
        r#"a:.spec.ports[port=1,proto="TCP"],.spec.ports[port=1,proto="TCP"].port,.spec.ports[port=1,proto="TCP"].proto"#;
    "an item by default goes": ["a" r#"{"ports":[{"port":1},{"port":2}]}"#, "a" r#"{"ports":[{"port":2,"proto":"TCP"}]}"#] =>
        r#"{"ports":[{"port":2,"proto":"TCP"}]}"#,
        r#"a:.spec.ports[port=2,proto="TCP"],.spec.ports[port=2,proto="TCP"].port,.spec.ports[port=2,proto="TCP"].proto"#;
    // Duplicates that only updates can make.
    "an update makes a set's item double": ["=u" r#"{"set":["x","x"]}"#] => r#"{"set":["x","x"]}"#,
        r#"u:.spec,.spec.set,.spec.set[="x"]"#;
    "apply keeps doubles that are not its own": ["=u" r#"{"set":["x","x"]}"#, "a" r#"{"set":["y"]}"#] =>
        r#"{"set":["x","x","y"]}"#, r#"a:.spec.set[="y"] u:.spec,.spec.set,.spec.set[="x"]"#;
    "apply makes doubles one": ["=u" r#"{"set":["x","x"]}"#, "!a" r#"{"set":["x"]}"#] => r#"{"set":["x"]}"#,
        r#"a:.spec.set[="x"] u:.spec,.spec.set"#;
    "an update doubles what was applied": ["a" r#"{"set":["x"]}"#, "=u" r#"{"set":["x","x"]}"#] => r#"{"set":["x","x"]}"#,
        r#"u:.spec.set[="x"]"#;
    "an update makes doubles one": ["=u" r#"{"set":["x","x"]}"#, "=v" r#"{"set":["x"]}"#] => r#"{"set":["x"]}"#,
        r#"u:.spec,.spec.set v:.spec.set[="x"]"#;
    "doubled items of a map list change": ["=u" r#"{"l":[{"k":"i","x":1},{"k":"i","x":2}]}"#, "=v" r#"{"l":[{"k":"i","x":1},{"k":"i","x":3}]}"#] =>
        r#"{"l":[{"k":"i","x":1},{"k":"i","x":3}]}"#, r#"u:.spec,.spec.l v:.spec.l[k="i"]"#;
    "doubled items of a map list become one": ["=u" r#"{"l":[{"k":"i","x":1},{"k":"i","x":2}]}"#, "=v" r#"{"l":[{"k":"i","x":1}]}"#] =>
        r#"{"l":[{"k":"i","x":1}]}"#, r#"u:.spec,.spec.l v:.spec.l[k="i"],.spec.l[k="i"].k,.spec.l[k="i"].x"#;
    // Free content.
    "free content of one": ["a" r#"{"free":{"s":"x","n":1,"b":true,"l":[1,{"k":1}]}}"#] =>
        r#"{"free":{"b":true,"l":[1,{"k":1}],"n":1,"s":"x"}}"#,
        "a:.spec.free.b,.spec.free.l,.spec.free.n,.spec.free.s";
    "a key of free content goes": ["a" r#"{"free":{"x":1,"y":1}}"#, "a" r#"{"free":{"y":1}}"#] => r#"{"free":{"y":1}}"#,
        "a:.spec.free.y";
    "free content is emptied": ["a" r#"{"free":{"x":1}}"#, "a" r#"{"free":{}}"#] => r#"{"free":{}}"#, "a:.spec.free";
    "deep free content goes": ["a" r#"{"free":{"x":{"y":{"z":1}}}}"#, "a" r#"{"free":{"x":{}}}"#] => r#"{"free":{"x":{}}}"#,
        "a:.spec.free.x";
    "a list in free content is taken by force": ["a" r#"{"free":{"x":[1]}}"#, "!b" r#"{"free":{"x":[2]}}"#] =>
        r#"{"free":{"x":[2]}}"#, "b:.spec.free.x";
    "a list in free content becomes a map": ["a" r#"{"free":{"x":[1]}}"#, "!b" r#"{"free":{"x":{"y":1}}}"#] =>
        r#"{"free":{"x":{"y":1}}}"#, "b:.spec.free.x,.spec.free.x.y";
    "an update replaces free content": ["a" r#"{"free":{"x":{"y":1}}}"#, "=u" r#"{"free":{"x":{"z":1}}}"#] =>
        r#"{"free":{"x":{"z":1}}}"#, "a:.spec.free.x u:.spec.free.x.z";
    // Numbers and quantities of equal value.
    "an equal number of another form": ["a" r#"{"d":1}"#, "b" r#"{"d":1.0}"#] => r#"{"d":1}"#, "a:.spec.d b:.spec.d";
    "a number and a string": ["a" r#"{"is":1}"#, "b" r#"{"is":"1"}"#] =>
        "Apply failed with 1 conflict: conflict with \"a\": .spec.is", "a:.spec.is";
    // Values of the wrong kind.
    "a scalar for a struct": ["a" r#"{"o":"x"}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.o: expected map, got &{x}", "";
    "a map for a set": ["a" r#"{"set":{"x":1}}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set: expected list, got &{map[x:1]}", "";
    "a null in a set": ["a" r#"{"set":[null]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set: element 0: associative list without keys has an element that's an explicit null",
        "";
    "a list in a set": ["a" r#"{"set":[["x"]]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set: element 0: not supported: associative list with lists as elements",
        "";
    "a number in a set of texts": ["a" r#"{"set":[1]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.set[=1]: expected string, got &value.valueUnstructured{Value:1}",
        "";
    "an unknown field of an item": ["a" r#"{"l":[{"k":"i","zz":1}]}"#] =>
        "failed to create typed patch object (/o; t/v1, Kind=T): .spec.l[k=\"i\"].zz: field not declared in schema", "";
};

#[test]
fn merge_table() {
    steps::check(&schema(), ROWS);
}

fn schema() -> Schema {
    let text = json!({"type": "string"});
    let int = json!({"type": "integer"});
    let set = json!({"type": "array", "items": text, "x-kubernetes-list-type": "set"});
    let map = json!({"type": "object", "additionalProperties": text});
    let list = |properties: serde_json::Value| {
        json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"],
            "items": {"type": "object", "properties": properties}})
    };
    support::custom_schema(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "n": int, "d": {"type": "number"}, "is": {"x-kubernetes-int-or-string": true},
        "m": map, "set": set,
        "o": {"type": "object", "properties": {"x": int, "y": int}},
        "l": list(json!({"k": text, "x": int, "y": int})),
        "ll": list(json!({"k": text, "v": set})),
        "lm": list(json!({"k": text, "v": map})),
        "ml": {"type": "object", "additionalProperties": set},
        "mm": {"type": "object", "additionalProperties": map},
        "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "proto"],
            "items": {"type": "object", "properties": {
                "port": int, "proto": {"type": "string", "default": "TCP"}, "x": int}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
    }}}}))
}
