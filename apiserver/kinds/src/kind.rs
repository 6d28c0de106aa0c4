//! What a kind is: one descriptor, the same for built-in kinds and for custom resources made at run time.

use std::borrow::Cow;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use kubernel_meta::{Gvk, Gvr, Object, field};
use serde_json::Value;

use crate::custom::ScalePaths;

/// Text that is part of the binary for built-in kinds and owned for custom resources.
pub type Text = Cow<'static, str>;

/// A kind with everything the one pipeline needs to serve it.
#[derive(Clone, Debug)]
pub struct Kind {
    /// The API group; empty for the core group.
    pub group: Text,
    /// The version.
    pub version: Text,
    /// The kind, for example `Pod`.
    pub kind: Text,
    /// The kind of lists; empty is the kind with `List` behind it.
    pub list_kind: Text,
    /// The plural resource name, for example `pods`.
    pub plural: Text,
    /// The singular name, for example `pod`.
    pub singular: Text,
    /// What kubectl accepts for short, for example `po`.
    pub short_names: Cow<'static, [Text]>,
    /// The categories, for example `all`.
    pub categories: Cow<'static, [Text]>,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
    /// The verbs of the main resource, in upstream's (alphabetical) order.
    pub verbs: Cow<'static, [Text]>,
    /// The subresources.
    pub subresources: Cow<'static, [Subresource]>,
    /// The version in which objects are stored, as discovery's `storageVersionHash`; empty where nothing is stored.
    pub storage_version_hash: Text,
    /// The OpenAPI definition's name, for example `io.k8s.api.core.v1.Pod`: the root in the schema tables.
    pub definition: Text,
    /// The Table columns.
    pub columns: Cow<'static, [Column]>,
    /// Where objects come from.
    pub source: Source,
    /// Whose stored objects these are, where two kinds are two views of the same objects; `None`: its own.
    pub stored_as: Option<&'static StoredAs>,
    /// What only this kind knows.
    pub strategy: StrategyHandle,
}

/// A strategy: part of the binary for built-in kinds, made at run time for custom resources.
#[derive(Clone, Debug)]
pub enum StrategyHandle {
    /// A built-in kind's.
    BuiltIn(&'static dyn Strategy),
    /// A custom resource's.
    Custom(Arc<dyn Strategy>),
}

impl Deref for StrategyHandle {
    type Target = dyn Strategy;

    fn deref(&self) -> &(dyn Strategy + 'static) {
        match self {
            Self::BuiltIn(strategy) => *strategy,
            Self::Custom(strategy) => &**strategy,
        }
    }
}

/// Where the objects of a kind come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The store.
    Store,
    /// Somebody's memory; get, list and watch only (the kernel's offers and agents).
    Live,
    /// Nowhere: a question that is answered at once (reviews).
    Review,
}

/// Two kinds over the same stored objects: `events.k8s.io` Events are core Events, autoscaling/v1 autoscalers are v2's.
/// The pipeline runs in the request's own kind; the conversion happens where an object goes to or comes from the store.
#[derive(Debug)]
pub struct StoredAs {
    /// The group in the store's key.
    pub group: &'static str,
    /// The version of the stored form.
    pub version: &'static str,
    /// The plural in the store's key.
    pub plural: &'static str,
    /// Turns an object of this kind into the stored form (`apiVersion` included).
    pub to_stored: fn(&mut Object),
    /// Turns a stored object into this kind.
    pub from_stored: fn(&mut Object),
}

/// A subresource of a kind.
#[derive(Clone, Debug)]
pub struct Subresource {
    /// The name after the slash, for example `status`; two words for `serviceaccounts/token` is not needed: `token`.
    pub name: Text,
    /// The kind that its requests and answers carry, where that is another kind than the parent's.
    pub kind: Option<(Text, Text, Text)>,
    /// The verbs in upstream's order.
    pub verbs: Cow<'static, [Text]>,
}

/// A column of the server-side Table.
#[derive(Clone, Debug)]
pub struct Column {
    /// The heading.
    pub name: Text,
    /// OpenAPI type: `string`, `integer`, `number`, `boolean`, `date`.
    pub type_: Text,
    /// OpenAPI format, `name` for the column that names the object.
    pub format: Text,
    /// What it shows; empty where the heading says it.
    pub description: Text,
    /// 0 is always shown, 1 with `-o wide`.
    pub priority: i32,
}

/// What only a kind knows: defaults, preparation, validation, how a row of its Table reads (upstream's registry
/// strategies and printers). Every method is a pure function of its arguments.
pub trait Strategy: Send + Sync + std::fmt::Debug {
    /// Fills in defaults that the schema's own do not say. Idempotent. Go's zero values (`status: {}`) are
    /// the schema's business (`kubernel_schema::zero`), after this and again after the preparation.
    fn default(&self, _kind: &Kind, _object: &mut Object) {}

    /// Whether `metadata.generation` starts at 1 and counts the changes of everything but metadata and status.
    fn counts_generation(&self) -> bool {
        false
    }

    /// Drops what a client may not set on creation (status, generation). The server has filled in the name (where it
    /// is generated), uid and creationTimestamp by then.
    fn prepare_create(&self, kind: &Kind, object: &mut Object) {
        crate::strategy::prepare_create(kind, object);
    }

    /// Takes over from the old object what a write to the main resource may not change (status), and counts
    /// `metadata.generation` up where the desired state changed.
    fn prepare_update(&self, kind: &Kind, new: &mut Object, old: &Object) {
        crate::strategy::prepare_update(kind, new, old);
    }

    /// Whether a write to `status` leaves labels, annotations, finalizers and owners as they are, where it does not
    /// have to (upstream's ResetObjectMetaForStatus).
    fn status_keeps_metadata(&self) -> bool {
        false
    }

    /// The same for a write to a subresource that carries the parent's kind (`status`, `resize`, …).
    fn prepare_subresource_update(&self, kind: &Kind, subresource: &str, new: &mut Object, old: &Object) {
        crate::strategy::prepare_subresource_update(kind, subresource, new, old);
    }

    /// Sets the times of what a write changed, once it is prepared; `subresource` is empty for the main resource.
    fn stamp(&self, _subresource: &str, _new: &mut Object, _old: &Object, _now: Timestamp) {}

    /// What is wrong with a new object, beyond its metadata, which the pipeline checks.
    fn validate(&self, _kind: &Kind, _object: &Object) -> Vec<field::Error> {
        Vec::new()
    }

    /// What is wrong with a change. The default checks the new object as if it were created.
    fn validate_update(&self, kind: &Kind, new: &Object, _old: &Object) -> Vec<field::Error> {
        self.validate(kind, new)
    }

    /// What is wrong with a change through a subresource.
    fn validate_subresource_update(
        &self,
        _kind: &Kind,
        _subresource: &str,
        _new: &Object,
        _old: &Object,
    ) -> Vec<field::Error> {
        Vec::new()
    }

    /// What is wrong with a change, through a subresource where one is named, and the warnings of what was as wrong before
    /// and is let through.
    fn judge_update(
        &self,
        kind: &Kind,
        subresource: &str,
        new: &Object,
        old: &Object,
    ) -> (Vec<field::Error>, Vec<String>) {
        let errors = match subresource {
            "" => self.validate_update(kind, new, old),
            _ => self.validate_subresource_update(kind, subresource, new, old),
        };
        (errors, Vec::new())
    }

    /// What is wrong with a name (upstream's ValidateNameFunc); the texts, without a path. The default is a DNS
    /// subdomain.
    fn validate_name(&self, name: &str, prefix: bool) -> Vec<String> {
        crate::strategy::dns_subdomain(name, prefix)
    }

    /// `Warning` headers for a write that is accepted.
    fn warnings(&self, _kind: &Kind, _object: &Object, _old: Option<&Object>) -> Vec<String> {
        Vec::new()
    }

    /// The `Warning` on every request for a kind that is deprecated.
    fn deprecated(&self) -> Option<&str> {
        None
    }

    /// The cells of the object's Table row, one for each column.
    fn cells(&self, kind: &Kind, object: &Object, now: Timestamp) -> Vec<Value> {
        crate::strategy::name_and_age(kind, object, now)
    }

    /// The `conditions` of the object's Table row.
    fn row_conditions(&self, _object: &Object) -> Vec<Value> {
        Vec::new()
    }

    /// The labels of field selectors besides `metadata.name` and `metadata.namespace`.
    fn selectable_fields(&self) -> Vec<&str> {
        Vec::new()
    }

    /// The object's values of [`Strategy::selectable_fields`], in that order.
    fn field_values(&self, _object: &Object) -> Vec<String> {
        Vec::new()
    }

    /// What a field selector is told that names another field than the [`Strategy::selectable_fields`].
    fn unknown_field(&self, field: &str) -> String {
        format!("field label not supported: {field}")
    }

    /// Annotations that stand for fields which only other versions of the kind have. Upstream adds them where it shows
    /// the whole object, so that metadata alone is without them.
    fn annotations_of_versions(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether an update without `metadata.resourceVersion` overwrites whatever is there (most built-in kinds).
    fn allow_unconditional_update(&self) -> bool {
        true
    }

    /// A field of free content that never changes and is kept in the words in which it came (`runtime.RawExtension`).
    fn verbatim(&self) -> Option<&'static str> {
        None
    }

    /// Whether a PUT of a missing object creates it.
    fn allow_create_on_update(&self) -> bool {
        false
    }

    /// The grace period of a deletion in seconds, where the kind is deleted gracefully (Pods, following
    /// podStrategy.CheckGracefulDelete); `None` deletes at once.
    fn grace_secs(&self, _object: &Object, _requested: Option<i64>) -> Option<i64> {
        None
    }

    /// Field paths that a write to the main resource or a subresource never owns in managedFields
    /// (GetResetFields), each as JSON map keys; `subresource` is empty for the main resource.
    fn reset_fields(&self, kind: &Kind, subresource: &str) -> Vec<Vec<&'static str>> {
        crate::strategy::reset_fields(kind, subresource)
    }

    /// Where the scale subresource finds its numbers, where that is not `spec.replicas`, `status.replicas` and
    /// `spec.selector`.
    fn scale_paths(&self) -> Option<&ScalePaths> {
        None
    }
}

impl Kind {
    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::new(&*self.group, &*self.version, &*self.kind)
    }

    /// Group, version and resource.
    pub fn gvr(&self) -> Gvr {
        Gvr::new(&*self.group, &*self.version, &*self.plural)
    }

    /// How messages about invalid objects name the kind: by the group of its stored form (upstream validates that).
    pub fn error_gvk(&self) -> Gvk {
        let (group, _) = self.storage_key();
        Gvk::new(group, &*self.version, &*self.kind)
    }

    /// The group and resource of the store's key: the kind's own, or the one whose objects it shows.
    pub fn storage_key(&self) -> (&str, &str) {
        self.stored_as.map_or((&*self.group, &*self.plural), |stored| (stored.group, stored.plural))
    }

    /// `v1`, `apps/v1`.
    pub fn api_version(&self) -> String {
        self.gvk().api_version()
    }

    /// The kind of a list of these.
    pub fn list_kind(&self) -> String {
        if self.list_kind.is_empty() { format!("{}List", self.kind) } else { self.list_kind.to_string() }
    }

    /// The subresource of this name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }

    /// Whether the main resource has this verb.
    pub fn has_verb(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }
}
