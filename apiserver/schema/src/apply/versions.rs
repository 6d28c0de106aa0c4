//! The versions of a kind: everybody owns paths in the version in which they wrote, so a change is looked at in each.
//!
//! How an object gets from one version into another, only the server knows (it may ask a webhook); it is told by
//! [`Versions`]. Where all owners wrote in the version of the request, which is the rule, nothing is converted.

use std::collections::BTreeMap;

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::Write;
use super::check::check;
use super::compare::{Difference, compare};
use super::managed::ManagedFields;
use super::set::Set;
use super::types::Type;
use super::violation::describe;
use crate::shape::Schema;

/// A version of a kind, other than the one of the request.
#[derive(Clone, Debug)]
pub struct Version {
    /// The shape of its objects.
    pub schema: Schema,
    /// Fields that a write through the same subresource resets in that version; see [`Write::reset`].
    pub reset: Vec<Vec<&'static str>>,
}

/// The versions of the kind that is written.
pub trait Versions {
    /// The version of this name; `None` where there is no such version, or no longer, and what is owned in it may be
    /// forgotten. An error where it may not.
    fn find(&self, api_version: &str) -> Result<Option<Version>, String>;

    /// The object as that version shows it. The error is what the conversion says.
    fn convert(&self, object: &Object, api_version: &str) -> Result<Object, String>;
}

/// A kind with no version but the one of the request.
#[derive(Debug)]
pub struct OneVersion;

impl Versions for OneVersion {
    fn find(&self, _: &str) -> Result<Option<Version>, String> {
        Ok(None)
    }

    fn convert(&self, _: &Object, api_version: &str) -> Result<Object, String> {
        Err(format!("no conversion to {api_version}"))
    }
}

/// The versions of one write: that of the request, and the others as far as they are met.
pub(super) struct Known<'a> {
    own: Schema,
    write: &'a Write<'a>,
    versions: &'a dyn Versions,
}

/// An object in one version.
pub(super) struct Versioned {
    pub(super) api_version: String,
    pub(super) schema: Schema,
    pub(super) map: Map<String, Value>,
}

impl Versioned {
    pub(super) fn ty(&self) -> Type<'_> {
        Type::root(&self.schema)
    }

    pub(super) fn with(&self, map: Map<String, Value>) -> Self {
        Self { api_version: self.api_version.clone(), schema: self.schema.clone(), map }
    }
}

impl<'a> Known<'a> {
    pub(super) fn new(schema: &Schema, write: &'a Write<'a>, versions: &'a dyn Versions) -> Self {
        Self { own: schema.clone(), write, versions }
    }

    /// The kind is one of the server's own: its schema does not change.
    pub(super) fn built_in(&self) -> bool {
        Type::root(&self.own).builtin()
    }

    /// An object of the request's version.
    pub(super) fn own(&self, map: Map<String, Value>) -> Versioned {
        Versioned { api_version: self.write.api_version.to_owned(), schema: self.own.clone(), map }
    }

    /// Whether there is such a version, or whoever owns fields in it must be kept nevertheless.
    pub(super) fn has(&self, api_version: &str) -> bool {
        api_version == self.write.api_version || !matches!(self.versions.find(api_version), Ok(None))
    }

    /// The object in another version; `None` where there is no such version.
    pub(super) fn convert(&self, object: &Versioned, api_version: &str) -> Result<Option<Versioned>, String> {
        if object.api_version == api_version {
            return Ok(Some(object.with(object.map.clone())));
        }
        let schema = if api_version == self.write.api_version {
            self.own.clone()
        } else {
            let Some(version) = self.versions.find(api_version)? else { return Ok(None) };
            version.schema
        };
        let mut converted = self.versions.convert(&Object::new(object.map.clone()), api_version)?;
        let map = std::mem::take(converted.map_mut());
        let out = Versioned { api_version: api_version.to_owned(), schema, map };
        let violations = check(out.ty(), &out.map);
        if violations.is_empty() { Ok(Some(out)) } else { Err(describe(&violations)) }
    }

    /// A set of that version without what its writes never own.
    fn filter(&self, api_version: &str, set: Set) -> Set {
        if api_version == self.write.api_version {
            return self.write.filter(set);
        }
        let reset = self.versions.find(api_version).ok().flatten().map(|version| version.reset).unwrap_or_default();
        let reset: Vec<&[&str]> = reset.iter().map(Vec::as_slice).collect();
        set.recursive_difference(&Set::of_fields(&reset))
    }
}

/// What a write changes, as each version sees it in which somebody owns fields.
pub(super) struct Changes {
    by_version: BTreeMap<String, Difference>,
}

impl Changes {
    /// Compares two objects of the request's version, in every version in which somebody owns fields. Owners in versions
    /// that are no more lose what they have.
    pub(super) fn of(
        known: &Known<'_>,
        managed: &mut ManagedFields,
        own: Difference,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
    ) -> Result<Self, String> {
        let mut by_version = BTreeMap::from([(known.write.api_version.to_owned(), own)]);
        for api_version in managed.versions() {
            if by_version.contains_key(&api_version) {
                continue;
            }
            let into = |map: &Map<String, Value>, what: &str| {
                let converted = known.convert(&known.own(map.clone()), &api_version);
                converted.map_err(|why| format!("failed to convert {what} object: {why}"))
            };
            let (Some(old), Some(new)) = (into(old, "old")?, into(new, "new")?) else {
                managed.forget_version(&api_version);
                continue;
            };
            let difference = compare(old.ty(), &old.map, &new.map)
                .map_err(|violation| format!("failed to compare objects: {violation}"))?;
            let difference = difference.filter(|set| known.filter(&api_version, set));
            by_version.insert(api_version, difference);
        }
        Ok(Self { by_version })
    }

    /// What changes for who owns fields in this version.
    pub(super) fn seen_in(&self, api_version: &str) -> Option<&Difference> {
        self.by_version.get(api_version)
    }
}
