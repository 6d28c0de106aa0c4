//! What every write has in common: the steps between a decoded object and the store.
//!
//! Create: own fields, mutate, prepare, name, validate, commit. Update: the same against the stored object, again from
//! its newest state when somebody else was faster. A write that changes nothing is not committed.

use std::sync::Arc;

use jiff::Timestamp;
use kubernel_meta::{ApiError, DeleteOptions, Gvr, Object, WriteOptions, field, time, validation};
use kubernel_schema::zero;
use kubernel_store::{At, Change, Entry, Event, Expect, StoreError};
use rand::RngExt as _;
use serde_json::{Map, Value};

use crate::admission::{self, Attributes, Operation, Options};
use crate::context::Context;
use crate::resources::Resource;
use crate::versions::Kin;
use crate::{alloc, codec, crds, document};

use super::{bare, delete, store_error, verbatim};

/// How often an update is tried against a newer state before it is a conflict.
const TRIES_MAX: usize = 5;
/// How often a generated name may be taken before the create fails.
const NAMES_MAX: usize = 8;
/// How often a create is counted anew against a quota that others count against too.
const COUNTS_MAX: usize = 50;
/// The letters of generated names: no vowels, so that no words come out.
const NAME_LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
/// A generated name's prefix is cut to this length, so that prefix and suffix make a DNS label.
const PREFIX_BYTES_MAX: usize = 58;
const SUFFIX_LETTERS: usize = 5;
const OWNERS: [&str; 2] = ["metadata", "managedFields"];

/// What a write is about.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    /// The resource.
    pub(crate) resource: &'a Arc<Resource>,
    /// The namespace, or empty.
    pub(crate) namespace: &'a str,
    /// The name; empty before one is generated.
    pub(crate) name: &'a str,
    /// The subresource that carries the parent's kind (`status`, `resize`, …), or empty.
    pub(crate) subresource: &'a str,
    /// The write's options.
    pub(crate) options: &'a WriteOptions,
    /// Who will own the written fields.
    pub(crate) manager: &'a str,
    /// Another uid than the stored object's is a conflict (PUT), and not a change that cannot be (PATCH).
    pub(crate) strict_uid: bool,
}

/// The outcome of a write.
pub(crate) struct Written {
    /// The object as it is now.
    pub(crate) object: Object,
    /// The same as the store has it; `None` where nothing was written, or what was written is gone.
    pub(crate) entry: Option<Arc<Entry>>,
}

/// Writes a new object. `owned` says that `managedFields` are already right (an apply).
pub(crate) async fn create(
    context: &Context,
    target: Target<'_>,
    object: Object,
    owned: bool,
) -> Result<Written, ApiError> {
    let Target { resource, options, .. } = target;
    let strategy = &resource.kind.strategy;
    // What is no version, or zero, counts as none.
    let versioned = object.resource_version().parse::<u64>().is_ok_and(|version| version > 0);
    let generated = object.name().is_empty() && !object.str_at(&["metadata", "generateName"]).is_empty();
    for tries in 1.. {
        let mut new = object.clone();
        start_metadata(&mut new, owned, context.now);
        if generated {
            let prefix = object.str_at(&["metadata", "generateName"]);
            new.set(&["metadata", "name"], generate_name(prefix));
        }
        if !owned {
            let kin = Kin { resource, subresource: "", conversions: &context.conversions };
            codec::own(&kin, None, &mut new, target.manager, context.now);
        }
        let attributes = attributes(context, target, Operation::Create, new.name().to_owned());
        let warnings = admission::mutate(&context.server, &attributes.of(context), &mut new, None).await?;
        warnings.into_iter().for_each(|warning| context.warn(warning));
        let mut allocation = alloc::allocate(context, resource, &mut new, None, options.dry_run).await?;
        strategy.prepare_create(&resource.kind, &mut new);
        fill_zeros(resource, &mut new);
        let mut wrong = validation::object_meta(&new, resource.kind.namespaced, |name, prefix| {
            strategy.validate_name(name, prefix)
        });
        if knows_finalizers(resource) {
            wrong.extend(validation::standard_finalizers(&new));
        }
        wrong.extend(strategy.validate(&resource.kind, &new));
        refuse(resource, &new, &wrong)?;
        let admitted = admission::validate(&context.server, &attributes.of(context), Some(&new), None).await?;
        admitted.warnings.into_iter().for_each(|warning| context.warn(warning));
        for warning in strategy.warnings(&resource.kind, &new, None) {
            context.warn(warning);
        }
        if options.dry_run {
            if let Some(taken) = snapshot_of(context, resource, target.namespace, new.name()).await? {
                return Err(already_exists(resource, &new, Some(&taken)));
            }
            if versioned {
                new.set(&["metadata", "resourceVersion"], object.resource_version());
            }
            return Ok(Written { object: new, entry: None });
        }
        if versioned {
            return Err(bare("resourceVersion should not be set on objects to be created"));
        }
        let key = resource.key(target.namespace, new.name());
        let words = verbatim::words(context, resource, &new, None)?;
        let document = document::encode(&context.server, resource, &new, words.as_deref()).await?;
        let mut changes = admitted.changes;
        changes.extend(allocation.changes());
        changes.push(Change::Put { key: key.clone(), expect: Expect::Absent, document });
        match context.server.store().commit(changes).await {
            Ok(events) => {
                return Ok(written(resource, new, events));
            }
            Err(StoreError::Conflict { .. }) if generated && tries < NAMES_MAX => {}
            // Another write was counted against the same quota in between, perhaps by another server.
            Err(StoreError::Conflict { key: other, .. }) if other != key && tries < COUNTS_MAX => {
                context.server.store().snapshot(&other, At::Latest).await.map_err(store_error)?;
            }
            Err(StoreError::Conflict { key: other, .. }) if other != key => {
                return Err(ApiError::modified(&Gvr::new("", "v1", "resourcequotas"), last_of(&other)));
            }
            Err(StoreError::Conflict { .. }) => {
                let taken = snapshot_of(context, resource, target.namespace, new.name()).await?;
                let error = already_exists(resource, &new, taken.as_deref());
                return Err(if generated { exhausted(resource, &object) } else { error });
            }
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(exhausted(resource, &object))
}

/// What a commit made of the object; its own change is the last one.
fn written(resource: &Resource, mut object: Object, events: Vec<Arc<Event>>) -> Written {
    let Some(event) = events.into_iter().last() else { return Written { object, entry: None } };
    object.set(&["metadata", "resourceVersion"], event.revision.to_string());
    // What is stored in another version is not what is answered.
    let as_stored = resource.custom.as_ref().is_none_or(|custom| custom.is_stored);
    let entry = (!event.deleted && as_stored).then(|| event.entry.clone());
    Written { object, entry }
}

/// The last word of a key: the object's name.
fn last_of(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

/// 409 for a name that is taken, by an object that may be on its way out.
fn already_exists(resource: &Resource, object: &Object, taken: Option<&Entry>) -> ApiError {
    let error = ApiError::already_exists(&resource.gvr, object.name());
    let taken = taken.and_then(|entry| document::decode(resource, entry).ok());
    if taken.is_some_and(|taken| taken.deletion_timestamp().is_some()) {
        return error.with_message_prefix("object is being deleted: ");
    }
    error
}

fn exhausted(resource: &Resource, object: &Object) -> ApiError {
    let name = object.str_at(&["metadata", "generateName"]);
    let taken = ApiError::already_exists(&resource.gvr, name);
    let message = format!("{}, the server was not able to generate a unique name for the object", taken.message());
    ApiError::new(409, kubernel_meta::Reason::AlreadyExists, message).with_retry_after(1)
}

/// Changes a stored object. `change` makes the new object from the stored one, and is asked again when another write
/// came first; it may fill in `managedFields` itself and says so by `true`.
pub(crate) async fn update<F>(context: &Context, target: Target<'_>, mut change: F) -> Result<Written, ApiError>
where
    F: FnMut(&Object) -> Result<(Object, bool), ApiError> + Send,
{
    let Target { resource, namespace, name, options, .. } = target;
    for tries in 1.. {
        let entry = super::get::entry(context, resource, namespace, name, At::Latest).await?;
        let old = document::decode(resource, &entry)?;
        let mut changed = change(&old);
        while changed.is_err() && context.conversions.settle(&context.server, resource).await {
            changed = change(&old);
        }
        let (new, owned) = changed?;
        let wanted = match new.resource_version() {
            "" => 0,
            text => {
                text.parse::<u64>().map_err(|_| bare(format!("strconv.ParseUint: parsing {text:?}: invalid syntax")))?
            }
        };
        let locked = wanted > 0 && wanted != entry.revision;
        if locked {
            return Err(ApiError::modified(&resource.gvr, name));
        }
        let step = prepare(context, target, new, &old, owned).await?;
        let Prepared { object: new, allocation: _allocation, mut changes, turn: _turn } = step;
        let words = verbatim::words(context, resource, &new, Some(&entry))?;
        if same(&new, &old) && !crds::is_outdated(&context.server, resource, &entry).await? {
            return Ok(Written { object: old, entry: Some(entry) });
        }
        if options.dry_run {
            return Ok(Written { object: new, entry: None });
        }
        let revision = entry.revision;
        let gone = delete::finished(resource, &new, &old);
        let document = document::encode(&context.server, resource, &new, words.as_deref()).await?;
        let key = entry.key.clone();
        if gone {
            changes.extend(alloc::before_deletion(context, resource, &old).await?);
        }
        changes.push(match gone {
            true => Change::Delete { key, revision },
            false => Change::Put { key, expect: Expect::Revision(revision), document },
        });
        match context.server.store().commit(changes).await {
            Ok(events) => {
                return Ok(written(resource, new, events));
            }
            Err(StoreError::Conflict { key: other, .. }) if tries < TRIES_MAX => {
                context.server.store().snapshot(&other, At::Latest).await.map_err(store_error)?;
            }
            Err(StoreError::Conflict { .. }) => return Err(ApiError::modified(&resource.gvr, name)),
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(ApiError::modified(&resource.gvr, name))
}

/// 409 for a uid that is not the stored object's, with what upstream's storage says of it.
pub(crate) fn wrong_uid(resource: &Resource, namespace: &str, name: &str, wanted: &str, found: &str) -> ApiError {
    let place = [resource.gvr.resource.as_str(), namespace, name];
    let place: Vec<&str> = place.into_iter().filter(|word| !word.is_empty()).collect();
    let detail = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
         failed: UID in precondition: {wanted}, UID in object meta: {found}",
        place.join("/")
    );
    ApiError::conflict(&resource.gvr, name, detail)
}

/// Changes a stored object without validation, admission or owners: what upstream's subresources do to the parent
/// object behind the client's back (bindings, evictions).
pub(crate) async fn raw<F>(
    context: &Context,
    resource: &Arc<Resource>,
    namespace: &str,
    name: &str,
    dry_run: bool,
    mut change: F,
) -> Result<Object, ApiError>
where
    F: FnMut(&mut Object) -> Result<(), ApiError> + Send,
{
    for _ in 0..TRIES_MAX {
        let entry = super::get::entry(context, resource, namespace, name, At::Latest).await?;
        let old = document::decode(resource, &entry)?;
        let mut new = old.clone();
        change(&mut new)?;
        if dry_run || new == old {
            return Ok(new);
        }
        let document = document::encode(&context.server, resource, &new, None).await?;
        let change = Change::Put { key: entry.key.clone(), expect: Expect::Revision(entry.revision), document };
        match context.server.store().commit(vec![change]).await {
            Ok(events) => {
                let revision = events.first().map_or(0, |event| event.revision);
                new.set(&["metadata", "resourceVersion"], revision.to_string());
                return Ok(new);
            }
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(store_error(error)),
        }
    }
    Err(ApiError::modified(&resource.gvr, name))
}

struct Prepared {
    object: Object,
    allocation: alloc::Allocation,
    /// What is written in the same transaction.
    changes: Vec<Change>,
    /// Held until then.
    turn: Option<admission::Turn>,
}

async fn prepare(
    context: &Context,
    target: Target<'_>,
    mut new: Object,
    old: &Object,
    owned: bool,
) -> Result<Prepared, ApiError> {
    let Target { resource, subresource, .. } = target;
    let (kind, strategy) = (&resource.kind, &resource.kind.strategy);
    if new.uid().is_empty() {
        new.set(&["metadata", "uid"], old.uid());
    } else if target.strict_uid && new.uid() != old.uid() {
        let (namespace, name) = (target.namespace, target.name);
        return Err(wrong_uid(resource, namespace, name, new.uid(), old.uid()));
    }
    if !owned {
        own(context, target, old, &mut new).await;
    }
    let attributes = attributes(context, target, Operation::Update, target.name.to_owned());
    let warnings = admission::mutate(&context.server, &attributes.of(context), &mut new, Some(old)).await?;
    warnings.into_iter().for_each(|warning| context.warn(warning));
    keep_metadata(&mut new, old);
    let mut allocation = alloc::allocate(context, resource, &mut new, Some(old), target.options.dry_run).await?;
    // A Scale is a view of the whole object, and so is a write to it.
    let whole = matches!(subresource, "" | "scale");
    if whole {
        strategy.prepare_update(kind, &mut new, old);
    } else {
        strategy.prepare_subresource_update(kind, subresource, &mut new, old);
    }
    strategy.stamp(if whole { "" } else { subresource }, &mut new, old, context.now);
    fill_zeros(resource, &mut new);
    let mut wrong = meta_errors(resource, &new, old);
    let (errors, let_through) = strategy.judge_update(kind, if whole { "" } else { subresource }, &new, old);
    wrong.extend(errors);
    let_through.into_iter().for_each(|warning| context.warn(warning));
    refuse(resource, &new, &wrong)?;
    let admitted = admission::validate(&context.server, &attributes.of(context), Some(&new), Some(old)).await?;
    admitted.warnings.into_iter().for_each(|warning| context.warn(warning));
    for warning in strategy.warnings(kind, &new, Some(old)) {
        context.warn(warning);
    }
    let mut changes = admitted.changes;
    changes.extend(allocation.changes());
    Ok(Prepared { object: new, allocation, changes, turn: admitted.turn })
}

/// Makes the writer the owner of what it changes, with the conversions that this needs.
async fn own(context: &Context, target: Target<'_>, old: &Object, new: &mut Object) {
    let Target { resource, subresource, manager, .. } = target;
    let kin = Kin { resource, subresource, conversions: &context.conversions };
    let sent = new.at(&OWNERS).cloned();
    while !codec::own(&kin, Some(old), new, manager, context.now)
        && context.conversions.settle(&context.server, resource).await
    {
        match &sent {
            Some(sent) => new.set(&OWNERS, sent.clone()),
            None => drop(new.remove(&OWNERS)),
        }
    }
}

/// What is wrong with changed metadata. Upstream looks at it twice, in its generic store and in the kind's own strategy,
/// and each finding is a cause of its own.
fn meta_errors(resource: &Resource, new: &Object, old: &Object) -> Vec<field::Error> {
    let names = |name: &str, prefix: bool| resource.kind.strategy.validate_name(name, prefix);
    let meta = validation::object_meta(new, resource.kind.namespaced, names);
    let update = validation::object_meta_update(new, old);
    if !resource.kind.is_built_in() {
        return [meta, update.clone(), update].concat();
    }
    let finalizers = if knows_finalizers(resource) { validation::standard_finalizers(new) } else { Vec::new() };
    if meta.is_empty() && update.is_empty() && finalizers.is_empty() {
        return Vec::new();
    }
    [meta.clone(), update.clone(), update, finalizers.clone(), meta, finalizers].concat()
}

/// Whether a finalizer needs a domain or has to be a standard one: the groups of upstream's extension and aggregation
/// servers, and custom resources, take any.
fn knows_finalizers(resource: &Resource) -> bool {
    resource.kind.is_built_in() && !is_of_extensions(resource)
}

/// The groups of upstream's extension and aggregation servers.
fn is_of_extensions(resource: &Resource) -> bool {
    matches!(resource.gvr.group.as_str(), "apiextensions.k8s.io" | "apiregistration.k8s.io")
}

/// What upstream's storage adds. The extension servers store JSON, which keeps empty lists.
fn fill_zeros(resource: &Resource, object: &mut Object) {
    zero::fill(&resource.schema, object);
    if !is_of_extensions(resource) {
        zero::settle(&resource.schema, object);
    }
}

/// What no update changes: see upstream's rest.BeforeUpdate.
fn keep_metadata(new: &mut Object, old: &Object) {
    let keep = |new: &mut Object, field: &str, even_if_set: bool| {
        let path = ["metadata", field];
        match old.at(&path) {
            Some(value) if even_if_set || new.at(&path).is_none() => new.set(&path, value.clone()),
            Some(_) => {}
            None if even_if_set && field != "deletionTimestamp" => drop(new.remove(&path)),
            None => {}
        }
    };
    keep(new, "creationTimestamp", true);
    keep(new, "generation", true);
    keep(new, "deletionTimestamp", true);
    keep(new, "deletionGracePeriodSeconds", false);
    keep(new, "resourceVersion", true);
    new.remove(&["metadata", "selfLink"]);
}

/// Whether a write would change nothing: the times in `managedFields` alone do not count.
fn same(new: &Object, old: &Object) -> bool {
    let entries = |object: &Object| object.map().len();
    let equal_but = |a: &Map<String, Value>, b: &Map<String, Value>, but: &str| {
        let rest = |map: &Map<String, Value>| map.len() - usize::from(map.contains_key(but));
        rest(a) == rest(b) && a.iter().all(|(key, value)| key == but || b.get(key) == Some(value))
    };
    if entries(new) != entries(old) || !equal_but(new.map(), old.map(), "metadata") {
        return false;
    }
    let (Some(meta), Some(old_meta)) = (new.map_at(&["metadata"]), old.map_at(&["metadata"])) else { return true };
    if !equal_but(meta, old_meta, "managedFields") {
        return false;
    }
    let (owners, old_owners) =
        (new.list_at(&["metadata", "managedFields"]), old.list_at(&["metadata", "managedFields"]));
    owners.len() == old_owners.len()
        && owners.iter().zip(old_owners).all(|(a, b)| match (a.as_object(), b.as_object()) {
            (Some(a), Some(b)) => equal_but(a, b, "time"),
            _ => a == b,
        })
}

/// A new object's own metadata: whatever the client said of it does not count (rest.FillObjectMetaSystemFields). What
/// an apply creates is not told apart from an update there, and keeps the marks of a deletion.
fn start_metadata(object: &mut Object, applied: bool, now: Timestamp) {
    let marks: &[&str] = if applied { &[] } else { &["deletionTimestamp", "deletionGracePeriodSeconds"] };
    for field in marks.iter().chain(&["resourceVersion", "selfLink"]) {
        object.remove(&["metadata", field]);
    }
    object.set(&["metadata", "creationTimestamp"], time::format(now));
    object.set(&["metadata", "uid"], uuid::Uuid::new_v4().to_string());
}

fn generate_name(prefix: &str) -> String {
    let mut end = prefix.len().min(PREFIX_BYTES_MAX);
    while !prefix.is_char_boundary(end) {
        end -= 1;
    }
    let mut rng = rand::rng();
    let suffix = (0..SUFFIX_LETTERS).map(|_| char::from(NAME_LETTERS[rng.random_range(0..NAME_LETTERS.len())]));
    prefix[..end].chars().chain(suffix).collect()
}

/// 422 where anything is wrong.
pub(crate) fn refuse(resource: &Resource, object: &Object, wrong: &[field::Error]) -> Result<(), ApiError> {
    if wrong.is_empty() { Ok(()) } else { Err(ApiError::invalid(&resource.kind.error_gvk(), object.name(), wrong)) }
}

/// The parts of admission attributes that outlive a call.
pub(crate) struct Admit<'a> {
    target: Target<'a>,
    operation: Operation,
    name: String,
    delete: Option<&'a DeleteOptions>,
}

pub(crate) fn attributes<'a>(_: &Context, target: Target<'a>, operation: Operation, name: String) -> Admit<'a> {
    Admit { target, operation, name, delete: None }
}

/// The same of a deletion.
pub(crate) fn delete_attributes<'a>(target: Target<'a>, options: &'a DeleteOptions) -> Admit<'a> {
    Admit { target, operation: Operation::Delete, name: target.name.to_owned(), delete: Some(options) }
}

impl Admit<'_> {
    pub(crate) fn of<'b>(&'b self, context: &'b Context) -> Attributes<'b> {
        Attributes {
            user: &context.user,
            operation: self.operation,
            kind: &self.target.resource.kind,
            subresource: self.target.subresource,
            namespace: self.target.namespace,
            name: &self.name,
            dry_run: self.target.options.dry_run,
            options: match (self.operation, self.delete) {
                (Operation::Delete, Some(options)) => Options::Delete(options),
                (Operation::Create, _) => Options::Create(self.target.options),
                (Operation::Update, _) => Options::Update(self.target.options),
                (Operation::Delete | Operation::Connect, _) => Options::None,
            },
            waited: &context.waited,
        }
    }
}

async fn snapshot_of(
    context: &Context,
    resource: &Resource,
    namespace: &str,
    name: &str,
) -> Result<Option<Arc<Entry>>, ApiError> {
    let key = resource.key(namespace, name);
    let snapshot = context.server.store().snapshot(&key, At::Latest).await.map_err(store_error)?;
    Ok(snapshot.get(&key))
}
