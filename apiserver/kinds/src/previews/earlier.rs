//! A stable kind under an earlier version: the descriptor is the stable one's with other names, the strategy the stable
//! one's over the object in its stored form, so that defaults, validation and its field paths are the same (upstream
//! validates its internal form, whatever version a client speaks).

use std::borrow::Cow;

use jiff::Timestamp;
use kubernel_meta::{Object, field};
use serde_json::Value;

use crate::{Kind, StoredAs, Strategy, StrategyHandle, Subresource};

/// An earlier version of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Version {
    /// `v1beta1`.
    pub(super) name: &'static str,
    /// Turns an object into the stored form (`apiVersion` included).
    pub(super) to_stored: fn(&mut Object),
    /// The other way.
    pub(super) from_stored: fn(&mut Object),
}

/// The strategy of [`earlier`] kinds.
#[derive(Debug)]
struct Translated {
    stable: &'static Kind,
    version: Version,
}

/// The descriptor of a kind in an earlier version. It is never freed: there is one of each for as long as the process
/// lives.
pub(super) fn earlier(stable: &'static Kind, version: Version) -> &'static Kind {
    let stored_as = StoredAs {
        group: &stable.group,
        version: &stable.version,
        plural: &stable.plural,
        to_stored: version.to_stored,
        from_stored: version.from_stored,
    };
    let own = |definition: &str| definition.replace(&format!(".{}.", stable.version), &format!(".{}.", version.name));
    Box::leak(Box::new(Kind {
        group: stable.group.clone(),
        version: version.name.into(),
        kind: stable.kind.clone(),
        list_kind: stable.list_kind.clone(),
        plural: stable.plural.clone(),
        singular: stable.singular.clone(),
        short_names: stable.short_names.clone(),
        categories: stable.categories.clone(),
        namespaced: stable.namespaced,
        verbs: stable.verbs.clone(),
        subresources: stable.subresources.iter().map(|sub| subresource(stable, version.name, sub)).collect(),
        storage_version_hash: stable.storage_version_hash.clone(),
        definition: own(&stable.definition).into(),
        columns: stable.columns.clone(),
        source: stable.source,
        stored_as: Some(Box::leak(Box::new(stored_as))),
        strategy: StrategyHandle::BuiltIn(Box::leak(Box::new(Translated { stable, version }))),
    }))
}

fn subresource(stable: &Kind, version: &'static str, sub: &Subresource) -> Subresource {
    let kind = sub.kind.clone().map(|(group, of, kind)| match group == stable.group && of == stable.version {
        true => (group, version.into(), kind),
        false => (group, of, kind),
    });
    Subresource { name: sub.name.clone(), kind, verbs: sub.verbs.clone() }
}

impl Translated {
    fn stored<'a>(&self, object: &'a Object) -> Cow<'a, Object> {
        let mut copy = object.clone();
        (self.version.to_stored)(&mut copy);
        Cow::Owned(copy)
    }

    /// Lets the stable strategy change the object.
    fn change(&self, object: &mut Object, change: impl FnOnce(&dyn Strategy, &mut Object)) {
        (self.version.to_stored)(object);
        change(&*self.stable.strategy, object);
        (self.version.from_stored)(object);
    }
}

impl Strategy for Translated {
    fn default(&self, _kind: &Kind, object: &mut Object) {
        self.change(object, |strategy, object| strategy.default(self.stable, object));
    }

    fn counts_generation(&self) -> bool {
        self.stable.strategy.counts_generation()
    }

    fn prepare_create(&self, _kind: &Kind, object: &mut Object) {
        self.change(object, |strategy, object| strategy.prepare_create(self.stable, object));
    }

    fn prepare_update(&self, _kind: &Kind, new: &mut Object, old: &Object) {
        let old = self.stored(old);
        self.change(new, |strategy, new| strategy.prepare_update(self.stable, new, &old));
    }

    fn prepare_subresource_update(&self, _kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        let old = self.stored(old);
        self.change(new, |strategy, new| strategy.prepare_subresource_update(self.stable, subresource, new, &old));
    }

    fn stamp(&self, subresource: &str, new: &mut Object, old: &Object, now: Timestamp) {
        let old = self.stored(old);
        self.change(new, |strategy, new| strategy.stamp(subresource, new, &old, now));
    }

    fn validate(&self, _kind: &Kind, object: &Object) -> Vec<field::Error> {
        self.stable.strategy.validate(self.stable, &self.stored(object))
    }

    fn validate_update(&self, _kind: &Kind, new: &Object, old: &Object) -> Vec<field::Error> {
        self.stable.strategy.validate_update(self.stable, &self.stored(new), &self.stored(old))
    }

    fn validate_subresource_update(
        &self,
        _kind: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> Vec<field::Error> {
        let strategy = &self.stable.strategy;
        strategy.validate_subresource_update(self.stable, subresource, &self.stored(new), &self.stored(old))
    }

    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        self.stable.strategy.validate_name(name, prefix)
    }

    fn warnings(&self, _kind: &Kind, object: &Object, old: Option<&Object>) -> Vec<String> {
        let old = old.map(|old| self.stored(old));
        self.stable.strategy.warnings(self.stable, &self.stored(object), old.as_deref())
    }

    fn deprecated(&self) -> Option<&str> {
        self.stable.strategy.deprecated()
    }

    fn cells(&self, _kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        self.stable.strategy.cells(self.stable, &self.stored(object), now)
    }

    fn row_conditions(&self, object: &Object) -> Vec<Value> {
        self.stable.strategy.row_conditions(&self.stored(object))
    }

    fn selectable_fields(&self) -> Vec<&str> {
        self.stable.strategy.selectable_fields()
    }

    fn field_values(&self, object: &Object) -> Vec<String> {
        self.stable.strategy.field_values(&self.stored(object))
    }

    fn allow_unconditional_update(&self) -> bool {
        self.stable.strategy.allow_unconditional_update()
    }

    fn allow_create_on_update(&self) -> bool {
        self.stable.strategy.allow_create_on_update()
    }

    fn reset_fields(&self, _kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        self.stable.strategy.reset_fields(self.stable, subresource)
    }
}
