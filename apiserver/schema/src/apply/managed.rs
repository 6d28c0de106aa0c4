//! `metadata.managedFields`: who owns which fields, decoded, changed and written back.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::reconcile::reconcile;
use super::set::Set;
use super::versions::{Changes, Known};

/// How a manager came to own its fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// Who wrote: entries with equal identity are one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The field manager's name.
    pub manager: String,
    /// How it wrote.
    pub operation: Operation,
    /// The version it wrote in; empty for `Apply`, where a new version takes over the old entry.
    pub api_version: String,
    /// The subresource it wrote through; empty for the object itself.
    pub subresource: String,
}

/// One entry of `managedFields`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Whose it is.
    pub identity: Identity,
    /// The version of the field paths.
    pub api_version: String,
    /// The fields owned.
    pub set: Set,
    /// When the set last changed, as RFC 3339; some entries have none.
    pub time: Option<String>,
}

/// All entries of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManagedFields {
    entries: Vec<Entry>,
    /// What a write does not concern, as it is written; their sets here are empty.
    untouched: Vec<(Entry, Value)>,
}

/// At most so many `Update` entries; the oldest are folded into one per version.
const UPDATE_ENTRIES_MAX: usize = 10;
/// The manager of the folded entries.
const OLD_UPDATES_MANAGER: &str = "ancient-changes";

impl Identity {
    /// The identity of a write.
    pub fn new(manager: &str, operation: Operation, api_version: &str, subresource: &str) -> Self {
        let api_version = if operation == Operation::Apply { "" } else { api_version };
        Self {
            manager: manager.to_owned(),
            operation,
            api_version: api_version.to_owned(),
            subresource: subresource.to_owned(),
        }
    }
}

impl ManagedFields {
    /// Reads `metadata.managedFields`. The error is upstream's text.
    pub fn decode(list: &[Value]) -> Result<Self, String> {
        let mut out = Self::default();
        for (at, value) in list.iter().enumerate() {
            out.put(decode_entry(at, value)?);
        }
        Ok(out)
    }

    /// Reads of an object's own `metadata.managedFields` what a write of these fields by this writer can change, and
    /// keeps the other entries as they are: reading and writing sets is most of the work of an update. `None` where that
    /// takes more: entries in another version, or so many that the oldest may have to be folded.
    pub(super) fn decode_touched(list: &[Value], writer: &Identity, api_version: &str, touched: &Set) -> Option<Self> {
        let mut out = Self::default();
        if list.len() >= UPDATE_ENTRIES_MAX {
            return None;
        }
        for (at, value) in list.iter().enumerate() {
            let entry = decode_head(value).ok().filter(|entry| entry.api_version == api_version)?;
            let fields = value.get("fieldsV1")?;
            let owns_none = fields.as_object().is_none_or(Map::is_empty);
            if owns_none || entry.identity == *writer || touched.may_overlap(fields) {
                out.put(decode_entry(at, value).ok()?);
            } else {
                out.untouched.push((entry, value.clone()));
            }
        }
        Some(out)
    }

    /// Writes `metadata.managedFields`, in upstream's order.
    pub fn encode(self) -> Vec<Value> {
        let mut all: Vec<(Entry, Option<Value>)> =
            self.untouched.into_iter().map(|(entry, value)| (entry, Some(value))).collect();
        all.extend(self.entries.into_iter().map(|entry| (entry, None)));
        all.sort_by(|(left, _), (right, _)| encoded_order(left, right));
        all.into_iter().map(|(entry, value)| value.unwrap_or_else(|| encode_entry(entry))).collect()
    }

    /// Nobody owns anything.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.untouched.is_empty()
    }

    /// The entries that were read, in no order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this identity.
    pub fn get(&self, identity: &Identity) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.identity == *identity)
    }

    /// Takes the entry of this identity out.
    pub fn take(&mut self, identity: &Identity) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.identity == *identity)?;
        Some(self.entries.remove(at))
    }

    /// Adds an entry, or puts it in the place of the one with its identity. An empty set adds none.
    pub fn put(&mut self, entry: Entry) {
        self.take(&entry.identity);
        if !entry.set.is_empty() {
            self.entries.push(entry);
        }
    }

    /// The versions in which somebody owns fields.
    pub(super) fn versions(&self) -> BTreeSet<String> {
        self.entries.iter().map(|entry| entry.api_version.clone()).collect()
    }

    /// Takes away what is owned in this version.
    pub(super) fn forget_version(&mut self, api_version: &str) {
        self.entries.retain(|entry| entry.api_version != api_version);
    }

    /// Brings the sets into the form that the schemas of today give them, which only those of custom resources do, and
    /// forgets owners in versions that are no more.
    pub(super) fn reconciled(mut self, known: &Known<'_>, live: &Map<String, Value>) -> Result<Self, String> {
        let live = (!known.built_in()).then(|| known.own(live.clone()));
        for api_version in self.versions() {
            if !known.has(&api_version) {
                self.forget_version(&api_version);
            } else if let Some(live) = &live
                && let Some(live) = known.convert(live, &api_version)?
            {
                for entry in self.entries.iter_mut().filter(|entry| entry.api_version == api_version) {
                    entry.set = reconcile(live.ty(), std::mem::take(&mut entry.set));
                }
            }
        }
        Ok(self)
    }

    /// Takes changed and removed fields away from everybody.
    pub(super) fn disown(&mut self, changes: &Changes) {
        self.entries.retain_mut(|entry| {
            if let Some(difference) = changes.seen_in(&entry.api_version) {
                let set = std::mem::take(&mut entry.set);
                entry.set =
                    set.difference(&difference.modified).difference(&difference.added).difference(&difference.removed);
            }
            !entry.set.is_empty()
        });
    }

    /// Folds the oldest `Update` entries together until there are few enough.
    pub(super) fn cap(&mut self) {
        let mut updates: Vec<(i64, Identity)> = self
            .entries
            .iter()
            .filter(|entry| entry.identity.operation == Operation::Update)
            .map(|entry| (unix_secs(entry.time.as_deref()), entry.identity.clone()))
            .collect();
        if updates.len() <= UPDATE_ENTRIES_MAX {
            return;
        }
        updates.sort();
        let mut left = updates.len();
        let mut first_of_version: Vec<(String, Identity)> = Vec::new();
        for (_, identity) in updates {
            if left <= UPDATE_ENTRIES_MAX {
                break;
            }
            let version = self.get(&identity).map(|entry| entry.api_version.clone()).unwrap_or_default();
            let bucket = Identity::new(OLD_UPDATES_MANAGER, Operation::Update, &version, "");
            let Some((_, first)) = first_of_version.iter().find(|(of, _)| *of == version) else {
                first_of_version.push((version, identity));
                continue;
            };
            if self.get(&bucket).is_none()
                && let Some(entry) = self.take(first)
            {
                self.put(Entry { identity: bucket.clone(), ..entry });
            }
            if let (Some(old), Some(into)) = (self.take(&identity), self.take(&bucket)) {
                self.put(Entry { set: into.set.union(old.set), time: old.time, ..into });
            }
            left -= 1;
        }
    }
}

fn decode_entry(at: usize, value: &Value) -> Result<Entry, String> {
    let mut entry = decode_head(value)?;
    match value.get("fieldsType").and_then(Value::as_str).unwrap_or_default() {
        "FieldsV1" => {}
        "" => return Err(format!("missing fieldsType in managed fields entry {at}")),
        other => return Err(format!("invalid fieldsType {other:?} in managed fields entry {at}")),
    }
    entry.set = Set::from_fields_v1(value.get("fieldsV1").unwrap_or(&Value::Null))
        .map_err(|error| format!("error decoding versioned set from {}: {error}", crate::go::print(value)))?;
    Ok(entry)
}

/// An entry without its set.
fn decode_head(value: &Value) -> Result<Entry, String> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let operation = match text("operation") {
        "Apply" => Operation::Apply,
        "Update" => Operation::Update,
        _ => return Err("operation must be `Apply` or `Update`".to_owned()),
    };
    if text("apiVersion").is_empty() {
        return Err("apiVersion must not be empty".to_owned());
    }
    Ok(Entry {
        identity: Identity::new(text("manager"), operation, text("apiVersion"), text("subresource")),
        api_version: text("apiVersion").to_owned(),
        set: Set::default(),
        time: value.get("time").and_then(Value::as_str).map(str::to_owned),
    })
}

fn encode_entry(entry: Entry) -> Value {
    let operation = match entry.identity.operation {
        Operation::Apply => "Apply",
        Operation::Update => "Update",
    };
    let mut out = Map::new();
    out.insert("apiVersion".to_owned(), json!(entry.api_version));
    out.insert("fieldsType".to_owned(), json!("FieldsV1"));
    out.insert("fieldsV1".to_owned(), entry.set.to_fields_v1());
    out.insert("operation".to_owned(), json!(operation));
    for (key, value) in [("manager", entry.identity.manager), ("subresource", entry.identity.subresource)] {
        if !value.is_empty() {
            out.insert(key.to_owned(), json!(value));
        }
    }
    if let Some(time) = entry.time {
        out.insert("time".to_owned(), json!(time));
    }
    Value::Object(out)
}

fn encoded_order(left: &Entry, right: &Entry) -> Ordering {
    let (l, r) = (&left.identity, &right.identity);
    l.operation
        .cmp(&r.operation)
        .then_with(|| unix_secs(left.time.as_deref()).cmp(&unix_secs(right.time.as_deref())))
        .then_with(|| l.manager.cmp(&r.manager))
        .then_with(|| left.api_version.cmp(&right.api_version))
        .then_with(|| l.subresource.cmp(&r.subresource))
}

fn unix_secs(time: Option<&str>) -> i64 {
    time.and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(0, jiff::Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WRITER: &str = "m0";

    /// Trees of fields that often have paths in common.
    fn fields() -> impl Strategy<Value = Value> {
        let step = prop_oneof![Just("f:a"), Just("f:b"), Just("k:{\"n\":1}"), Just("k:{\"n\":2}"), Just("v:3")];
        let leaf = Just(json!({}));
        leaf.prop_recursive(3, 12, 3, move |below| {
            (proptest::collection::btree_map(step.clone(), below, 1..4), any::<bool>()).prop_map(|(map, member)| {
                let dot = member.then(|| (".".to_owned(), json!({})));
                Value::Object(map.into_iter().map(|(key, value)| (key.to_owned(), value)).chain(dot).collect())
            })
        })
    }

    fn entry(number: usize, fields: Value) -> Value {
        json!({
            "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": fields, "manager": format!("m{number}"),
            "operation": if number.is_multiple_of(2) { "Update" } else { "Apply" }, "time": format!("2026-01-0{}T00:00:00Z", 1 + number % 3),
        })
    }

    proptest! {
        /// What is left unread is what would have stayed as it is.
        #[test]
        fn leaves_unread_what_no_change_concerns(trees in proptest::collection::vec(fields(), 0..5), touched in fields()) {
            let rooted = trees.into_iter().map(|mut tree| {
                tree.as_object_mut().map(|root| root.remove("."));
                tree
            });
            let list: Vec<Value> = rooted.enumerate().map(|(at, tree)| entry(at, tree)).collect();
            let touched = Set::from_fields_v1(&touched).unwrap();
            let writer = Identity::new(WRITER, Operation::Update, "v1", "");
            let change = |mut managed: ManagedFields| {
                managed.entries.retain_mut(|entry| {
                    entry.set = std::mem::take(&mut entry.set).difference(&touched);
                    !entry.set.is_empty()
                });
                let own = managed.take(&writer).map_or_else(Set::default, |entry| entry.set).union(touched.clone());
                managed.put(Entry { identity: writer.clone(), api_version: "v1".to_owned(), set: own, time: None });
                managed.encode()
            };
            let few = ManagedFields::decode_touched(&list, &writer, "v1", &touched).unwrap();
            prop_assert_eq!(change(few), change(ManagedFields::decode(&list).unwrap()));
        }
    }
}
