//! What the cluster adds to or refuses of a write, after it was authorized: plug-ins in upstream's order, one file each.
//!
//! [`mutate`] and [`validate`] are the list. Plug-ins see the write and the store's latest state; they write nothing
//! themselves.

use std::time::Instant;

use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, DeleteOptions, Object, WriteOptions};
use kubernel_store::Change;

use crate::metrics::{Step, Waited};
use crate::{ApiServer, User};

mod admin_access;
mod certificates;
mod escalation;
mod ingress_class;
mod limit_ranger;
pub(crate) mod matching;
mod namespace_lifecycle;
mod node_restriction;
mod node_taint;
mod pod_security;
pub(crate) mod policy;
mod priority;
mod quota;
pub(crate) mod review;
mod runtime_class;
mod service_account;
mod storage;
mod tolerations;
mod view;
mod webhook;

pub use quota::{Turn, Turns};
pub use view::{ParsedObjects, View};
pub(crate) use webhook::Hooks;

/// What kind of write it is (admission.Operation).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of upstream's admission operations")]
pub enum Operation {
    Create,
    Update,
    Delete,
    Connect,
}

/// A write on its way in (admission.Attributes).
#[derive(Debug)]
pub struct Attributes<'a> {
    /// Who writes.
    pub user: &'a User,
    /// What kind of write.
    pub operation: Operation,
    /// The kind of the resource in the path.
    pub kind: &'a Kind,
    /// The subresource, or empty. `object` then is what that subresource carries (a Scale, a Binding, …).
    pub subresource: &'a str,
    /// The namespace, or empty.
    pub namespace: &'a str,
    /// The object's name; empty before a `generateName` is filled in.
    pub name: &'a str,
    /// Nothing will be written.
    pub dry_run: bool,
    /// The request's options.
    pub options: Options<'a>,
    /// How long the request has waited for others.
    pub(crate) waited: &'a Waited,
}

/// The options of the request that a write came with; a patch updates or creates.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names of upstream's options")]
pub enum Options<'a> {
    Create(&'a WriteOptions),
    Update(&'a WriteOptions),
    Delete(&'a DeleteOptions),
    /// Streams and proxies have none.
    None,
}

impl Operation {
    /// `CREATE`, `UPDATE`, `DELETE`, `CONNECT`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Update => "UPDATE",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
        }
    }
}

impl Attributes<'_> {
    /// Whether the write is for this main resource, and for none of its subresources.
    fn is_main(&self, group: &str, plural: &str) -> bool {
        self.subresource.is_empty() && self.is_of(group, plural)
    }

    /// Whether the write is for this resource or one of its subresources.
    fn is_of(&self, group: &str, plural: &str) -> bool {
        self.kind.plural == plural && self.kind.group == group
    }

    /// Counts a step that is over.
    fn took(&self, server: &ApiServer, step: Step, rejected: bool, started: Instant) {
        server.metrics().admission.step(step, self.operation.name(), rejected, started.elapsed());
    }

    /// The 403 that refuses the write.
    fn forbidden(&self, detail: impl std::fmt::Display) -> ApiError {
        ApiError::forbidden(&self.kind.gvr(), self.name, detail)
    }
}

/// Changes a new or changed object, and says what to warn of. Where a policy or a webhook changed it, all see it a second
/// time.
pub async fn mutate(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let started = Instant::now();
    let outcome = mutate_all(server, attributes, object, old).await;
    attributes.took(server, Step::Admit, outcome.is_err(), started);
    outcome
}

async fn mutate_all(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let view = View::new(server);
    let (mut passes, mut rounds) = (policy::Reinvocation::default(), webhook::Rounds::default());
    mutate_in_tree(&view, attributes, object, old).await?;
    policy::mutate(server, &view, attributes, object, old, &mut passes).await?;
    webhook::mutate(server, attributes, Some(object), old, &mut rounds).await?;
    if passes.changed() || rounds.changed() {
        passes.start_again();
        rounds.start_again();
        mutate_in_tree(&view, attributes, object, old).await?;
        policy::mutate(server, &view, attributes, object, old, &mut passes).await?;
        webhook::mutate(server, attributes, Some(object), old, &mut rounds).await?;
    }
    Ok(rounds.warnings)
}

/// The same for what is no object of the resource: a deletion (no object at all), or what a subresource carries (a
/// Binding, an Eviction, the options of a stream). Only webhooks have a say.
pub async fn mutate_carried(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    mut object: Option<&mut Object>,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let mut rounds = webhook::Rounds::default();
    webhook::mutate(server, attributes, object.as_deref_mut(), old, &mut rounds).await?;
    if rounds.changed() {
        rounds.start_again();
        webhook::mutate(server, attributes, object, old, &mut rounds).await?;
    }
    Ok(rounds.warnings)
}

/// Accepts or refuses what a subresource carries; says what to warn of.
pub async fn validate_carried(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: &Object,
) -> Result<Vec<String>, ApiError> {
    let mut warnings = policy::validate(server, &View::new(server), attributes, Some(object), None).await?;
    warnings.extend(webhook::validate(server, attributes, Some(object), None).await?);
    Ok(warnings)
}

/// The plug-ins that are part of the server; they may run again on what others have changed.
async fn mutate_in_tree(
    view: &View<'_>,
    attributes: &Attributes<'_>,
    object: &mut Object,
    old: Option<&Object>,
) -> Result<(), ApiError> {
    namespace_lifecycle::admit(view, attributes, object).await?;
    limit_ranger::admit(view, attributes, object).await?;
    service_account::admit(view, attributes, object).await?;
    node_taint::admit(attributes, object);
    priority::admit(view, attributes, object, old).await?;
    tolerations::admit(attributes, object);
    storage::admit(view, attributes, object).await?;
    runtime_class::admit(view, attributes, object).await?;
    certificates::admit(attributes, object);
    ingress_class::admit(view, attributes, object).await
}

/// What comes of a write that is accepted.
#[derive(Debug, Default)]
pub struct Admitted {
    /// Texts for `Warning` headers.
    pub warnings: Vec<String>,
    /// What has to be written in the same transaction: quotas with what they count from then on.
    pub changes: Vec<Change>,
    /// To be held until the transaction is over.
    pub turn: Option<Turn>,
}

/// Accepts or refuses the write. `object` is `None` for deletions.
pub async fn validate(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<Admitted, ApiError> {
    let started = Instant::now();
    let outcome = validate_all(server, attributes, object, old).await;
    attributes.took(server, Step::Validate, outcome.is_err(), started);
    outcome
}

async fn validate_all(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<Admitted, ApiError> {
    let view = View::new(server);
    node_restriction::check(attributes, object, old)?;
    let Some(object) = object else {
        namespace_lifecycle::check_delete(attributes)?;
        priority::check_delete(attributes)?;
        let mut warnings = policy::validate(server, &view, attributes, None, old).await?;
        warnings.extend(webhook::validate(server, attributes, None, old).await?);
        return Ok(Admitted { warnings, ..Admitted::default() });
    };
    limit_ranger::check(&view, attributes, object).await?;
    priority::check(&view, attributes, object).await?;
    admin_access::check(&view, attributes, object, old).await?;
    certificates::check(server, attributes, object, old).await?;
    escalation::check(server.authorizer(), attributes, object, old)?;
    let mut warnings = pod_security::check(&view, attributes, object, old).await?;
    warnings.extend(policy::validate(server, &view, attributes, Some(object), old).await?);
    warnings.extend(webhook::validate(server, attributes, Some(object), old).await?);
    let (changes, turn) = quota::count(server, &view, attributes, object, old).await?;
    Ok(Admitted { warnings, changes, turn })
}

/// The name of the newest class that an annotation marks as default; the first by name where several are as new.
async fn default_class(view: &View<'_>, prefix: &str, annotation: &str) -> Result<Option<String>, ApiError> {
    let classes = view.list(prefix).await?;
    let marked = classes.iter().filter(|class| class.annotations().any(|(k, v)| k == annotation && v == "true"));
    let newest = marked.max_by(|a, b| {
        let created = |class: &Object| class.str_at(&["metadata", "creationTimestamp"]).to_owned();
        created(a).cmp(&created(b)).then_with(|| b.name().cmp(a.name()))
    });
    Ok(newest.map(|class| class.name().to_owned()))
}
