//! What the cluster adds to or refuses of a write, after it was authorized: plug-ins in upstream's order, one file each.
//!
//! [`mutate`] and [`validate`] are the way of a write; `in_tree` is the list of plug-ins, [`Plugins`] says which of them
//! are switched on; policies, webhooks and quotas come after them. Plug-ins see the write and the store's latest state; they write nothing
//! themselves.

use std::time::Instant;

use kubernel_kinds::Kind;
use kubernel_meta::{ApiError, DeleteOptions, Object, WriteOptions};
use kubernel_store::Change;

use crate::metrics::{Step, Waited};
use crate::{ApiServer, User};

mod admin_access;
mod certificates;
mod claim_resize;
mod escalation;
mod in_tree;
mod ingress_class;
mod laps;
mod limit_ranger;
pub(crate) mod matching;
mod metadata;
mod namespace_lifecycle;
mod node_restriction;
mod node_taint;
mod optional;
mod owner_references;
mod plugins;
mod pod_certificates;
mod pod_security;
pub(crate) mod policy;
mod priority;
mod quota;
pub(crate) mod review;
mod runtime_class;
mod service_account;
mod storage;
mod tolerations;
mod topology_labels;
mod view;
mod webhook;

use laps::Laps;
pub(crate) use metadata::name_owners_once;
pub use plugins::{Plugin, PluginError, Plugins};
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

impl Operation {
    /// All of them, in the order of their declaration.
    pub(crate) const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Delete, Self::Connect];
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
    let others = Others::find(server, attributes).await?;
    let managed = others.may_change().then(|| metadata::managed_fields(object));
    let (mut passes, mut rounds) = (policy::Reinvocation::default(), webhook::Rounds::default());
    let mut laps = Laps::start(server, Step::Admit, attributes.operation);
    loop {
        in_tree::mutate(server, &view, attributes, &mut laps, object, old).await?;
        if others.policies {
            let outcome = policy::mutate(server, &view, attributes, object, old, &mut passes).await;
            laps.over(Plugin::MutatingAdmissionPolicy, outcome)?;
        }
        if others.webhooks {
            let outcome = webhook::mutate(server, attributes, Some(object), old, &mut rounds).await;
            laps.over(Plugin::MutatingAdmissionWebhook, outcome)?;
        }
        let changed = passes.changed() || rounds.changed();
        if changed && !rounds.is_second() {
            passes.start_again();
            rounds.start_again();
            continue;
        }
        let mut warnings = rounds.warnings;
        if let Some(managed) = managed.filter(|_| changed) {
            warnings.extend(metadata::mend(object, managed));
        }
        return Ok(warnings);
    }
}

/// Who may change a write besides the server's own plug-ins: nobody, mostly.
#[derive(Clone, Copy)]
struct Others {
    policies: bool,
    webhooks: bool,
}

impl Others {
    async fn find(server: &ApiServer, attributes: &Attributes<'_>) -> Result<Self, ApiError> {
        let plugins = server.plugins();
        // Policies look at creations and updates only.
        let changes = matches!(attributes.operation, Operation::Create | Operation::Update);
        Ok(Self {
            policies: changes
                && plugins.run(Plugin::MutatingAdmissionPolicy)
                && server.policies().any_mutating(&**server.store()).await?,
            webhooks: plugins.run(Plugin::MutatingAdmissionWebhook) && webhook::any_mutating(server).await?,
        })
    }

    fn may_change(self) -> bool {
        self.policies || self.webhooks
    }
}

/// The same for what is no object of the resource: a deletion (no object at all), or what a subresource carries (a
/// Binding, an Eviction, a TokenRequest, the options of a stream).
pub async fn mutate_carried(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    mut object: Option<&mut Object>,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let view = View::new(server);
    let others = Others::find(server, attributes).await?;
    let (mut passes, mut rounds) = (policy::Reinvocation::default(), webhook::Rounds::default());
    let mut laps = Laps::start(server, Step::Admit, attributes.operation);
    loop {
        in_tree::mutate_carried(server, &view, attributes, &mut laps, object.as_deref_mut(), old).await?;
        if let Some(object) = object.as_deref_mut().filter(|_| others.policies) {
            let outcome = policy::mutate(server, &view, attributes, object, old, &mut passes).await;
            laps.over(Plugin::MutatingAdmissionPolicy, outcome)?;
        }
        if others.webhooks {
            let outcome = webhook::mutate(server, attributes, object.as_deref_mut(), old, &mut rounds).await;
            laps.over(Plugin::MutatingAdmissionWebhook, outcome)?;
        }
        if rounds.is_second() || !(passes.changed() || rounds.changed()) {
            return Ok(rounds.warnings);
        }
        passes.start_again();
        rounds.start_again();
    }
}

/// Accepts or refuses what a subresource carries; says what to warn of.
pub async fn validate_carried(
    server: &ApiServer,
    attributes: &Attributes<'_>,
    object: &Object,
) -> Result<Vec<String>, ApiError> {
    let mut laps = Laps::start(server, Step::Validate, attributes.operation);
    ask(server, &View::new(server), attributes, &mut laps, Some(object), None).await
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
    let mut laps = Laps::start(server, Step::Validate, attributes.operation);
    let mut warnings = match object {
        Some(object) => in_tree::validate(server, &view, attributes, &mut laps, object, old).await?,
        None => {
            // Upstream's plug-ins look at deletions in the first half.
            let mut laps = Laps::start(server, Step::Admit, attributes.operation);
            in_tree::check_delete(server, attributes, &mut laps).map(|()| Vec::new())?
        }
    };
    warnings.extend(ask(server, &view, attributes, &mut laps, object, old).await?);
    let mut admitted = Admitted { warnings, ..Admitted::default() };
    let counted = object.filter(|_| server.plugins().run(Plugin::ResourceQuota));
    if let Some(object) = counted {
        let outcome = quota::count(server, &view, attributes, object, old).await;
        (admitted.changes, admitted.turn) = laps.over(Plugin::ResourceQuota, outcome)?;
    }
    if server.plugins().run(Plugin::AlwaysDeny) {
        return Err(attributes.forbidden("admission control is denying all modifications"));
    }
    Ok(admitted)
}

/// What policies and webhooks say; their warnings.
async fn ask(
    server: &ApiServer,
    view: &View<'_>,
    attributes: &Attributes<'_>,
    laps: &mut Laps<'_>,
    object: Option<&Object>,
    old: Option<&Object>,
) -> Result<Vec<String>, ApiError> {
    let plugins = server.plugins();
    let mut warnings = Vec::new();
    if plugins.run(Plugin::ValidatingAdmissionPolicy) {
        let outcome = policy::validate(server, view, attributes, object, old).await;
        warnings = laps.over(Plugin::ValidatingAdmissionPolicy, outcome)?;
    }
    if plugins.run(Plugin::ValidatingAdmissionWebhook) {
        let outcome = webhook::validate(server, attributes, object, old).await;
        warnings.extend(laps.over(Plugin::ValidatingAdmissionWebhook, outcome)?);
    }
    Ok(warnings)
}
