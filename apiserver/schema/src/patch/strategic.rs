//! Strategic merge patch: lists are merged as their type says (merge keys, sets), with directives in the patch.
//!
//! Built-in kinds only; the server answers 415 for others. Directives: `$patch: replace|delete`, `$retainKeys`,
//! `$deleteFromPrimitiveList/f`, `$setElementOrder/f`.

use std::collections::{HashMap, HashSet};

use kubernel_meta::{ApiError, Gvk, Reason, field};
use serde_json::{Map, Value};

use super::body::{mismatch, parse};
use super::element_order::{ItemKey, arrange};
use super::json::rejected;
use super::nulls::drop_nulls;
use super::typed;
use crate::go;
use crate::shape::{ListPatch, Schema, Shape, Struct, Types};

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

/// Lays the patch in `body` over `target`.
pub fn apply(schema: &Schema, target: Map<String, Value>, body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let merger = Merger { types: &schema.types };
    let merged = merger.map(target, read(body)?, Within::Struct(schema.root())).map_err(Failure::answer)?;
    match typed::check(schema, &merged) {
        Ok(()) => Ok(merged),
        Err(text) => {
            let shown = go::print(&Value::Object(read(body)?));
            let error = field::Path::root("patch").invalid(shown, text);
            Err(ApiError::invalid(&Gvk::new("", "", ""), "", &[error]))
        }
    }
}

fn read(body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    match parse(body).map_err(ApiError::bad_request)? {
        Value::Object(patch) => Ok(patch),
        Value::Null => Ok(Map::new()),
        other => Err(ApiError::bad_request(mismatch(&other, "map[string]interface {}"))),
    }
}

/// Why a patch does not apply.
enum Failure {
    /// 400 with this text.
    Malformed(&'static str),
    /// 422 without a text.
    Rejected,
    /// 500 with this text: upstream does not foresee it.
    Unforeseen(String),
}

impl Failure {
    fn answer(self) -> ApiError {
        match self {
            Self::Malformed(text) => ApiError::bad_request(text),
            Self::Rejected => rejected(),
            Self::Unforeseen(text) => ApiError::new(500, Reason::Unknown, text),
        }
    }

    fn no_merge_key(item: &Value, key: &str) -> Self {
        Self::Unforeseen(format!("map: {} does not contain declared merge key: {key}", go::print(item)))
    }

    fn bad_directive(directive: &Value, map: &Map<String, Value>) -> Self {
        let map = go::print(&Value::Object(map.clone()));
        Self::Unforeseen(format!("unknown patch type: {} in map: {map}", go::print(directive)))
    }

    fn bad_type(want: &str, got: &Value) -> Self {
        Self::Unforeseen(format!("expected a {want}, but received a {}", go::type_name(got)))
    }
}

const BAD_RETAIN_KEYS: Failure = Failure::Malformed("invalid patch format of retainKeys");
const BAD_DELETE_LIST: Failure = Failure::Malformed("invalid patch format of primitive list");
const BAD_ORDER_LIST: Failure = Failure::Malformed("invalid patch format of setElementOrder list");

/// What a map being merged is.
#[derive(Clone, Copy)]
enum Within<'a> {
    Struct(&'a Struct),
    Entries(&'a Shape),
    Unknown,
}

struct Merger<'a> {
    types: &'a Types,
}

/// What the schema says of one key.
#[derive(Clone, Copy)]
struct Place<'a> {
    shape: Option<&'a Shape>,
    /// The patch's map takes the place of the old one.
    replaced: bool,
}

impl<'a> Merger<'a> {
    fn place(&self, within: Within<'a>, key: &str) -> Place<'a> {
        match within {
            Within::Struct(fields) => {
                let field = fields.field(key);
                Place { shape: field.map(|field| &field.shape), replaced: field.is_some_and(|field| field.replaced) }
            }
            Within::Entries(shape) => Place { shape: Some(shape), replaced: false },
            Within::Unknown => Place { shape: None, replaced: false },
        }
    }

    fn within(&self, shape: Option<&'a Shape>) -> Within<'a> {
        match shape {
            Some(Shape::Struct(id)) => Within::Struct(self.types.get(*id)),
            Some(Shape::Map(map)) => Within::Entries(&map.value),
            _ => Within::Unknown,
        }
    }

    fn map(
        &self,
        mut target: Map<String, Value>,
        mut patch: Map<String, Value>,
        within: Within<'a>,
    ) -> Result<Map<String, Value>, Failure> {
        if let Some(directive) = patch.get(DIRECTIVE) {
            match directive.as_str() {
                Some("replace") => {
                    patch.remove(DIRECTIVE);
                    return Ok(patch);
                }
                Some("delete") => return Ok(Map::new()),
                _ => return Err(Failure::bad_directive(directive, &patch)),
            }
        }
        retain_keys(&mut target, &mut patch)?;
        self.ordered_lists(&mut target, &mut patch, within)?;
        for (key, value) in patch {
            let (key, delete_list) = match key.strip_prefix(DELETE_FROM) {
                Some(rest) => (rest.strip_prefix('/').ok_or(BAD_DELETE_LIST)?.to_owned(), true),
                None => (key, false),
            };
            self.entry(&mut target, key, value, delete_list, within)?;
        }
        Ok(target)
    }

    fn entry(
        &self,
        target: &mut Map<String, Value>,
        key: String,
        mut value: Value,
        delete_list: bool,
        within: Within<'a>,
    ) -> Result<(), Failure> {
        if value.is_null() {
            target.remove(&key);
            return Ok(());
        }
        let Some(before) = target.get_mut(&key) else {
            if !delete_list {
                drop_nulls(&mut value);
                target.insert(key, value);
            }
            return Ok(());
        };
        let place = self.place(within, &key);
        let merged = match (before.take(), value) {
            (Value::Object(before), Value::Object(patch)) => {
                if place.replaced {
                    Value::Object(patch)
                } else {
                    Value::Object(self.map(before, patch, self.within(place.shape))?)
                }
            }
            (Value::Array(before), Value::Array(patch)) => {
                Value::Array(self.list(before, patch, place.shape, delete_list)?)
            }
            (before, _) if delete_list => before,
            (_, mut patch) => {
                drop_nulls(&mut patch);
                patch
            }
        };
        target.insert(key, merged);
        Ok(())
    }

    fn list(
        &self,
        before: Vec<Value>,
        patch: Vec<Value>,
        shape: Option<&'a Shape>,
        delete_list: bool,
    ) -> Result<Vec<Value>, Failure> {
        let Some(Shape::List(list)) = shape else { return Ok(patch) };
        let key = match &list.patch {
            ListPatch::Replace => return Ok(patch),
            ListPatch::Merge => None,
            ListPatch::MergeByKey(key) => Some(&**key),
        };
        if before.is_empty() && patch.is_empty() {
            return Ok(before);
        }
        if !same_type(&[&before, &patch])? {
            return self.scalars(before, patch, delete_list);
        }
        let Some(key) = key else {
            return Err(Failure::Unforeseen("cannot merge lists without merge key for type struct".to_owned()));
        };
        let (before, patch) = special_items(before, patch, key)?;
        let merged = self.items(before.clone(), patch.clone(), key, &list.item)?;
        order(merged, &patch, &before, ItemKey(Some(key)))
    }

    fn scalars(&self, before: Vec<Value>, patch: Vec<Value>, delete_list: bool) -> Result<Vec<Value>, Failure> {
        if delete_list {
            let deleted: HashSet<&Value> = patch.iter().collect();
            return Ok(before.into_iter().filter(|item| !deleted.contains(item)).collect());
        }
        let mut seen = HashSet::with_capacity(before.len() + patch.len());
        let merged = before.iter().chain(&patch).filter(|item| seen.insert(*item)).cloned().collect();
        order(merged, &patch, &before, ItemKey(None))
    }

    fn items(
        &self,
        mut before: Vec<Value>,
        patch: Vec<Value>,
        key: &str,
        shape: &'a Shape,
    ) -> Result<Vec<Value>, Failure> {
        let mut places: HashMap<Value, usize> = HashMap::with_capacity(before.len() + patch.len());
        for (at, item) in before.iter().enumerate() {
            if let Some(id) = item.get(key) {
                places.entry(id.clone()).or_insert(at);
            }
        }
        for item in patch {
            let Some(id) = item.get(key) else { return Err(Failure::no_merge_key(&item, key)) };
            match places.get(id).copied() {
                Some(at) => {
                    if let (Value::Object(old), Value::Object(new)) = (before[at].take(), item) {
                        before[at] = Value::Object(self.map(old, new, self.within(Some(shape)))?);
                    }
                }
                None => {
                    places.insert(id.clone(), before.len());
                    before.push(item);
                }
            }
        }
        Ok(before)
    }

    /// Merges the lists for which the patch carries an order, and takes them out of the patch.
    fn ordered_lists(
        &self,
        target: &mut Map<String, Value>,
        patch: &mut Map<String, Value>,
        within: Within<'a>,
    ) -> Result<(), Failure> {
        let directives: Vec<String> = patch.keys().filter(|key| key.starts_with(SET_ORDER)).cloned().collect();
        for directive in directives {
            let wanted = match patch.remove(&directive) {
                Some(Value::Array(wanted)) => wanted,
                other => return Err(Failure::bad_type("[]interface {}", &other.unwrap_or(Value::Null))),
            };
            let name = directive.strip_prefix(SET_ORDER).and_then(|rest| rest.strip_prefix('/'));
            let name = name.ok_or(BAD_ORDER_LIST)?;
            let place = self.place(within, name);
            let key = match place.shape {
                Some(Shape::List(list)) => match &list.patch {
                    ListPatch::MergeByKey(key) => Some(&**key),
                    _ => None,
                },
                Some(_) => None,
                None => return Err(Failure::Unforeseen(unknown_field(within, name))),
            };
            let listed = |value: Option<Value>| match value {
                None => Ok(None),
                Some(Value::Array(list)) => Ok(Some(list)),
                Some(other) => Err(Failure::bad_type("[]interface {}", &other)),
            };
            let new = listed(patch.remove(name))?;
            check_order(new.as_deref().unwrap_or_default(), &wanted, ItemKey(key))?;
            let old = listed(target.get(name).cloned())?;
            let server_order = old.clone().unwrap_or_default();
            let merged = match (old, new) {
                (Some(old), None) => old,
                (None, Some(new)) => new,
                (Some(old), Some(new)) => self.list(old, new, place.shape, false)?,
                (None, None) => continue,
            };
            target.insert(name.to_owned(), Value::Array(order(merged, &wanted, &server_order, ItemKey(key))?));
        }
        Ok(())
    }
}

fn unknown_field(within: Within<'_>, name: &str) -> String {
    let owner = match within {
        Within::Struct(fields) => fields.name.rsplit('.').next().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    format!("unable to find api field in struct {owner} for the json field {name:?}")
}

/// Keeps only what `$retainKeys` names; whatever else the patch sets must be among them.
fn retain_keys(target: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(keep) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let Value::Array(keep) = keep else { return Err(BAD_RETAIN_KEYS) };
    let keep: HashSet<&str> = keep.iter().filter_map(Value::as_str).collect();
    let kept = |key: &str| keep.contains(key);
    let directive = |key: &str| key.starts_with(DELETE_FROM) || key.starts_with(SET_ORDER);
    if patch.iter().any(|(key, value)| !value.is_null() && !directive(key) && !kept(key)) {
        return Err(BAD_RETAIN_KEYS);
    }
    target.retain(|key, _| kept(key));
    Ok(())
}

/// Deletes what items with `$patch: delete` name; after `$patch: replace` the list starts empty.
fn special_items(before: Vec<Value>, patch: Vec<Value>, key: &str) -> Result<(Vec<Value>, Vec<Value>), Failure> {
    let mut before = before;
    let mut deleted = HashSet::new();
    let mut rest = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let Value::Object(map) = &item else { continue };
        let Some(directive) = map.get(DIRECTIVE) else {
            rest.push(item);
            continue;
        };
        match directive.as_str() {
            Some("delete") => {
                let Some(id) = map.get(key) else { return Err(Failure::no_merge_key(&item, key)) };
                deleted.insert(id.clone());
            }
            Some("replace") => replace = true,
            Some("merge") => {
                return Err(Failure::Unforeseen("merging lists cannot yet be specified in the patch".to_owned()));
            }
            _ => return Err(Failure::bad_directive(directive, map)),
        }
    }
    if !deleted.is_empty() {
        before.retain(|old| old.get(key).is_none_or(|id| !deleted.contains(id)));
    }
    Ok(if replace { (rest, Vec::new()) } else { (before, rest) })
}

fn order(merged: Vec<Value>, wanted: &[Value], server: &[Value], key: ItemKey<'_>) -> Result<Vec<Value>, Failure> {
    if let Some(name) = key.0 {
        for item in merged.iter().chain(wanted) {
            if !item.is_object() {
                return Err(Failure::bad_type("map[string]interface {}", item));
            }
            if item.get(name).is_none() {
                return Err(Failure::no_merge_key(item, name));
            }
        }
    }
    let places = key.positions(wanted);
    let wanted_item = |item: &Value| places.contains_key(&key.of(item));
    let (patch_items, server_items) = merged.into_iter().partition(wanted_item);
    Ok(arrange(patch_items, server_items, wanted, server, key))
}

/// The patch's items must come in the wanted order.
fn check_order(patch: &[Value], wanted: &[Value], key: ItemKey<'_>) -> Result<(), Failure> {
    let mut order = wanted.iter();
    let kept: Vec<&Value> = patch.iter().filter(|item| item.get(DIRECTIVE).is_none()).collect();
    if kept.iter().all(|item| order.any(|other| key.of(other) == key.of(item))) {
        return Ok(());
    }
    let shown: Vec<Value> = kept.into_iter().cloned().collect();
    Err(Failure::Unforeseen(format!(
        "The order in patch list:\n{}\n doesn't match {SET_ORDER} list:\n{}\n",
        go::print(&Value::Array(shown)),
        go::print(&Value::Array(wanted.to_vec()))
    )))
}

/// Whether the lists hold maps; they must all hold the same type.
fn same_type(lists: &[&[Value]]) -> Result<bool, Failure> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    let Some(first) = all.next() else {
        return Err(Failure::Unforeseen("no elements in any of the given slices".to_owned()));
    };
    if first.is_array() {
        return Err(Failure::Rejected);
    }
    if all.any(|item| go::type_name(item) != go::type_name(first)) {
        let shown: Vec<String> = lists.iter().map(|list| go::print(&Value::Array(list.to_vec()))).collect();
        return Err(Failure::Unforeseen(format!("list element types are not identical: [{}]", shown.join(" "))));
    }
    Ok(first.is_object())
}
