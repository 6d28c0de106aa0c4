//! Custom resources: from CustomResourceDefinitions to kinds that are served like any other.
//!
//! `follower` follows the CRDs in the store, whoever writes them, and keeps them in `known`; `status` (pure) says which
//! names they are given and which conditions hold; `register` makes the resources that the table of
//! [`crate::resources`] then has; `cleanup` takes the objects of deleted CRDs away. Objects are stored in one version:
//! `view` shows them in the others, `conversion` brings them there, `decode` reads bodies. Values and schemas are
//! `kubernel-structural`'s business.

mod cleanup;
mod conversion;
mod decode;
mod follower;
mod known;
mod register;
mod status;
mod view;

pub(crate) use cleanup::is_own;
pub(crate) use conversion::convert;
pub(crate) use decode::{read, revive};
pub(crate) use follower::{Crds, start};
pub(crate) use register::Custom;
pub(crate) use status::start_deletion;
pub(crate) use view::{SEEN_ANEW, events, is_outdated, one, seen, to_stored};

use std::sync::atomic::Ordering;

use kubernel_meta::{ApiError, Details, Reason};

use crate::context::Context;
use crate::document;
use crate::resources::Resource;
use crate::respond::Answer;

/// What the keys of CRDs begin with.
const PREFIX: &str = "/registry/apiextensions.k8s.io/customresourcedefinitions/";
/// The API group of CRDs.
const GROUP: &str = "apiextensions.k8s.io";
/// The finalizer that holds a deleted CRD until its objects are gone.
pub(crate) const CLEANUP_FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// 405 for something new of a kind whose CRD is being deleted.
pub(crate) fn refuse_terminating(resource: &Resource) -> Result<(), ApiError> {
    let going = resource.custom.as_ref().is_some_and(|custom| custom.terminating.load(Ordering::Relaxed));
    if !going {
        return Ok(());
    }
    let message = "create not allowed while custom resource definition is terminating";
    let details =
        Details { group: resource.gvr.group.clone(), kind: resource.gvr.resource.clone(), ..Details::default() };
    Err(ApiError::new(405, Reason::MethodNotAllowed, message).with_details(details))
}

/// After a write of a CRD: lets the answer wait until the table shows it, so that a client can go on at once.
pub(crate) async fn settle(context: &Context, resource: &Resource, answer: &Answer) {
    let reads = matches!(context.info.verb.as_str(), "get" | "list");
    if reads || !is_definitions(resource) || is_own(&context.user) {
        return;
    }
    if let Answer::Object(_, _, item) = answer
        && let Ok(crd) = item.json(resource).and_then(|json| document::parse(&json))
    {
        context.server.crds().settled(&context.server, crd.name()).await;
    }
}

/// Whether a resource is that of CRDs themselves.
pub(crate) fn is_definitions(resource: &Resource) -> bool {
    resource.gvr.group == GROUP && resource.gvr.resource == "customresourcedefinitions"
}
