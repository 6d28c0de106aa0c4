//! Any object that a schema allows survives every way in and out; any bytes at all do no harm.

use std::sync::Arc;

use kubernel_meta::Object;
use kubernel_schema::apply::{OneVersion, Write, apply};
use kubernel_schema::{Schema, SchemaAlternative, Shape, StructId, builtin, decode, default, protobuf, zero};
use proptest::prelude::{ProptestConfig, any, prop, prop_assert, prop_assert_eq, proptest};
use serde_json::{Map, Value, json};

/// Makes objects of a schema from a seed.
struct Maker {
    state: u64,
}

impl Maker {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn pick<T: Clone>(&mut self, options: &[T]) -> T {
        options[self.next() as usize % options.len()].clone()
    }

    fn fields(&mut self, id: StructId, depth: usize) -> Map<String, Value> {
        let types = builtin();
        let mut out = Map::new();
        for field in types.get(id).fields.iter().filter(|field| !field.proto.is_empty()) {
            let nested = matches!(field.shape, Shape::Struct(_) | Shape::List(_) | Shape::Map(_) | Shape::SchemaOr(..));
            let chance = if !nested { 2 } else { 3 + depth as u64 * 2 };
            if depth < 6 && self.next().is_multiple_of(chance) {
                out.insert(field.name.to_string(), self.value(&field.shape, depth));
            }
        }
        out
    }

    fn value(&mut self, shape: &Shape, depth: usize) -> Value {
        match shape {
            Shape::Bool => json!(self.next().is_multiple_of(2)),
            Shape::Int32 => json!(self.pick(&[0, 1, -1, i32::MAX, i32::MIN])),
            Shape::Int64 => json!(self.pick(&[0, 1, -1, i64::MAX, i64::MIN])),
            Shape::Double => json!(self.pick(&[0.0, 1.5, -3.0, 1e300, 0.1])),
            Shape::Text => json!(self.pick(&["", "a", "é\n\"\\", "😀", "\u{0}", "x y"])),
            Shape::Bytes => json!(self.pick(&["YQ==", "AAEC", "/+8="])),
            Shape::Quantity => json!(self.pick(&["0", "1", "500m", "1.5Gi", "1e3", "-2", "0.1", "1024Ki"])),
            Shape::IntOrString => self.pick(&[json!(0), json!(80), json!("http"), json!("25%"), json!("")]),
            Shape::Time => {
                json!(self.pick(&["2024-01-02T03:04:05Z", "1970-01-01T00:00:01Z", "2024-01-01T02:00:00+02:00"]))
            }
            Shape::MicroTime => json!(self.pick(&["2024-01-02T03:04:05.000006Z", "2024-01-02T03:04:05.000000Z"])),
            Shape::Any => self.pick(&[json!({}), json!({"f:a": {".": {}}, "b": [1, "x", null]}), json!("t"), json!(7)]),
            Shape::Struct(id) => Value::Object(self.fields(*id, depth + 1)),
            Shape::List(list) => {
                let count = 1 + self.next() % 3;
                (0..count).map(|_| self.value(&list.item, depth + 1)).collect()
            }
            Shape::Map(map) => {
                let keys = ["a", "b/c", "é"];
                let count = 1 + self.next() as usize % keys.len();
                let entries = keys[..count].iter().map(|key| ((*key).to_owned(), self.value(&map.value, depth + 1)));
                Value::Object(entries.collect())
            }
            Shape::SchemaOr(alternative, id) => match (alternative, self.next().is_multiple_of(2)) {
                (_, true) => Value::Object(self.fields(*id, depth + 1)),
                (SchemaAlternative::Bool, _) => json!(self.next().is_multiple_of(2)),
                (SchemaAlternative::Schemas, _) => json!([{}, self.fields(*id, depth + 1)]),
                (SchemaAlternative::Texts, _) => json!(["a", "b"]),
            },
        }
    }
}

/// The kinds that have a protobuf form.
fn kinds() -> Vec<Schema> {
    let types = builtin();
    let kinds = types.iter().filter(|item| item.api_version.as_deref().is_some_and(|version| version != "*"));
    kinds
        .filter_map(|item| Some(Schema { types: Arc::clone(types), root: types.find(&item.name)? }))
        .filter(protobuf::has_form)
        .collect()
}

fn made(schema: &Schema, seed: u64) -> Object {
    let mut map = Maker { state: seed }.fields(schema.root, 0);
    let root = schema.root();
    map.insert("apiVersion".to_owned(), json!(root.api_version.as_deref()));
    map.insert("kind".to_owned(), json!(root.kind()));
    Object::new(map)
}

/// An object with its zero values but without its metadata.
fn without_metadata(schema: &Schema, object: &Object) -> Value {
    let mut object = object.clone();
    object.set(&["metadata"], json!({}));
    zero::fill(schema, &mut object);
    object.into()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_and_protobuf_hold_the_same(seed in any::<u64>(), index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let text = Value::from(made(&schema, seed)).to_string();
        let decoded = decode::json(&schema, text.as_bytes()).unwrap();
        prop_assert_eq!(&decoded.strict, &Vec::<String>::new());
        let again = decode::value(&schema, decoded.object.clone().into()).unwrap();
        prop_assert_eq!(&again.object, &decoded.object);

        let bytes = protobuf::encode(&schema, &decoded.object);
        let mut back = protobuf::decode(builtin(), &bytes).unwrap();
        let mut object = decoded.object;
        // Structs that are held by value come back though nobody set them, as from any client.
        zero::fill(&schema, &mut object);
        zero::fill(&schema, &mut back);
        prop_assert_eq!(Value::from(back), Value::from(object));
    }

    #[test]
    fn yaml_and_json_hold_the_same(seed in any::<u64>(), index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let object = decode::value(&schema, made(&schema, seed).into()).unwrap().object;
        let text = serde_yaml::to_string(&Value::from(object.clone())).unwrap();
        let read = decode::yaml(&schema, text.as_bytes()).unwrap();
        prop_assert_eq!(&read.strict, &Vec::<String>::new());
        prop_assert_eq!(Value::from(read.object), Value::from(object));
    }

    #[test]
    fn who_applies_an_object_owns_all_of_it(seed in any::<u64>(), index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let mut object = decode::value(&schema, made(&schema, seed).into()).unwrap().object;
        let root = schema.root();
        let (api_version, kind) = (root.api_version.as_deref().unwrap(), root.kind());
        object.set(&["metadata"], json!({"name": "n"}));
        let write = Write { manager: "m", api_version, kind, subresource: "", now: "2026-01-01T00:00:00Z", reset: &[], only: &[] };
        let applied = |live: Option<&Object>, config: &Object| {
            let mut done = apply(&schema, &OneVersion, live, config, &write, false)?;
            done.set(&["metadata", "uid"], "u");
            Ok::<Object, kubernel_meta::ApiError>(done)
        };
        // Lists whose items have the same key cannot be applied.
        if let Ok(first) = applied(None, &object) {
            prop_assert_eq!(without_metadata(&schema, &first), without_metadata(&schema, &object));
            prop_assert_eq!(&applied(Some(&first), &object).unwrap(), &first);
            let nothing = json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": "n"}});
            let nothing = Object::from_value(nothing).unwrap();
            let left = applied(Some(&first), &nothing).unwrap();
            prop_assert_eq!(without_metadata(&schema, &left), without_metadata(&schema, &nothing));
        }
    }

    #[test]
    fn filling_in_is_idempotent(seed in any::<u64>(), index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let mut once = decode::value(&schema, made(&schema, seed).into()).unwrap().object;
        default::apply(&schema, &mut once);
        zero::fill(&schema, &mut once);
        let mut twice = once.clone();
        default::apply(&schema, &mut twice);
        zero::fill(&schema, &mut twice);
        prop_assert_eq!(Value::from(twice), Value::from(once));
    }

    #[test]
    fn any_text_does_no_harm(text in "[\\[\\]{}:,\"a-c0-9.eE+\\-\\\\ \\n\u{e9}]{0,60}", index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let ours = decode::json(&schema, text.as_bytes());
        let reference = serde_json::from_str::<Value>(&text);
        // What a strict reader takes we take, or we say why its type is wrong.
        if let (Ok(value), Err(error)) = (&reference, &ours) {
            prop_assert!(!matches!(error, kubernel_schema::Error::Syntax(_)), "{text:?} is {value}: {error}");
        }
        if reference.is_err() {
            prop_assert!(ours.is_err() || text.contains('e') || text.contains('E'), "{text:?}");
        }
        let _ = decode::yaml(&schema, text.as_bytes());
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200), index in any::<prop::sample::Index>()) {
        let schema = index.get(&kinds()).clone();
        let _ = decode::json(&schema, &bytes);
        let _ = decode::yaml(&schema, &bytes);
        let mut enveloped = protobuf::encode(&schema, &made(&schema, 7));
        for (at, byte) in bytes.iter().enumerate() {
            let place = (at * 31 + usize::from(*byte)) % enveloped.len();
            enveloped[place] ^= byte;
        }
        let _ = protobuf::decode(builtin(), &enveloped);
    }
}
