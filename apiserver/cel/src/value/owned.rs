//! Values that outlive the trees they were taken from.

use std::sync::Arc;

use super::{Entries, Key, List, ListKind, Map, Text, Value};

impl Value<'_> {
    /// The same value, holding on to nothing: what it borrowed is copied.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(value),
            Value::Int(value) => Value::Int(value),
            Value::Uint(value) => Value::Uint(value),
            Value::Double(value) => Value::Double(value),
            Value::String(text) => Value::String(text.into_owned()),
            Value::Bytes(bytes) => Value::Bytes(bytes),
            Value::Timestamp(time) => Value::Timestamp(time),
            Value::Duration(span) => Value::Duration(span),
            Value::List(list) => Value::List(list.into_owned()),
            Value::Map(map) => Value::Map(Map::Values(Arc::new(entries(&map)))),
            Value::Type(ty) => Value::Type(ty),
            Value::Optional(inner) => Value::Optional(inner.map(|inner| Arc::new((*inner).clone().into_owned()))),
            Value::Opaque(opaque) => Value::Opaque(opaque),
        }
    }
}

impl Text<'_> {
    /// The same text, holding on to nothing.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        match self {
            Text::Borrowed(text) => Text::Owned(text.into()),
            Text::Owned(text) => Text::Owned(text),
        }
    }
}

impl List<'_> {
    /// The same items; how the list is compared stays, save for the keys of maps, which it borrowed.
    fn into_owned(self) -> List<'static> {
        let kind = match self.kind() {
            ListKind::Set => ListKind::Set,
            ListKind::Atomic | ListKind::Map(_) => ListKind::Atomic,
        };
        List::Values { items: self.iter().map(Value::into_owned).collect(), kind }
    }
}

fn entries(map: &Map<'_>) -> Entries<'static> {
    let mut entries = Entries::default();
    for key in map.keys() {
        // What fails to be worked out is left out, as a key that is not there.
        let Some(Ok(value)) = map.get(&key) else { continue };
        let key = match Key::of(&key) {
            Some(Key::String(text)) => Key::String(text.into_owned()),
            Some(Key::Bool(value)) => Key::Bool(value),
            Some(Key::Int(value)) => Key::Int(value),
            Some(Key::Uint(value)) => Key::Uint(value),
            None => continue,
        };
        entries.insert(key, value.into_owned());
    }
    entries
}
