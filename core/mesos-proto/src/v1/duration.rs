//! `google.protobuf.Duration`, which operators write as a text.

use serde_json::Value as Json;

use crate::{Context, Datum, Error, WireType, label, messages};

messages! {
    /// The fields of a [`Duration`].
    Parts as "google.protobuf.Duration" { seconds: default i64 = 1 [0], nanos: default i32 = 2 [0] }
}

/// A span of time. In JSON `"600s"`, as protobuf says, or `"10mins"`, as Mesos' documents have it, or an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Duration {
    parts: Parts,
}

impl Duration {
    /// A span of so many nanoseconds.
    pub fn from_nanos(nanos: i64) -> Self {
        let part = i32::try_from(nanos % NANOS).unwrap_or(0);
        Self { parts: Parts { seconds: nanos / NANOS, nanos: part } }
    }

    /// How many nanoseconds it is; the largest number if it is more.
    pub fn as_nanos(&self) -> i64 {
        self.parts.seconds.saturating_mul(NANOS).saturating_add(i64::from(self.parts.nanos))
    }

    /// Reads a number with a unit, as Mesos writes durations: `10mins`, `1.5secs`, `600s`.
    pub fn parse(text: &str) -> Option<Self> {
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(unit_at);
        let factor = UNITS.iter().find(|(name, _)| *name == unit)?.1;
        let nanos = number.trim().parse::<f64>().ok()? * factor;
        #[expect(clippy::cast_possible_truncation, reason = "what is too long is the longest")]
        nanos.is_finite().then(|| Self::from_nanos(nanos as i64))
    }
}

const NANOS: i64 = 1_000_000_000;

const UNITS: [(&str, f64); 10] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("secs", 1e9),
    ("mins", 60e9),
    ("hrs", 3600e9),
    ("days", 86_400e9),
    ("weeks", 604_800e9),
    ("sec", 1e9),
];

impl Datum for Duration {
    const WIRE: WireType = WireType::Delimited;

    fn put(&self, out: &mut Vec<u8>) {
        self.parts.put(out);
    }

    fn take(&mut self, from: &mut crate::Reader<'_, '_>, merge: bool) -> Result<bool, Error> {
        self.parts.take(from, merge)
    }

    fn write(&self, out: &mut String) {
        let seconds = format!("{}.{:09}", self.parts.seconds, self.parts.nanos.unsigned_abs());
        label::write_text(&format!("{}s", seconds.trim_end_matches('0').trim_end_matches('.')), out);
    }

    fn read(&mut self, json: &Json, context: &mut Context, required: bool) -> Result<bool, Error> {
        let Some(text) = json.as_str() else { return self.parts.read(json, context, required) };
        let unread = || Error::Unexpected { found: "string", field: context.field() };
        *self = Self::parse(text).ok_or_else(unread)?;
        Ok(true)
    }
}
