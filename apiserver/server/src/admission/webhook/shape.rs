//! The objects of a write in the version and kind that a webhook wants, and the way back for what it changed.

use std::sync::Arc;

use kubernel_meta::{ApiError, Object};
use kubernel_schema::decode::Document;
use kubernel_schema::patch::json;
use serde_json::Value;

use crate::admission::Attributes;
use crate::resources::Resource;
use crate::subresources::scale;
use crate::{ApiServer, codec, crds};

/// What a webhook sees.
pub(super) struct Shaped {
    /// The resource, in the version that its rules mean.
    pub(super) matched: Arc<Resource>,
    /// The object, or none for a deletion.
    pub(super) object: Option<Object>,
    /// The object before, or none for a creation.
    pub(super) old: Option<Object>,
}

impl Shaped {
    pub(super) async fn new(
        server: &ApiServer,
        write: &Attributes<'_>,
        matched: Arc<Resource>,
        object: Option<&Object>,
        old: Option<&Object>,
    ) -> Result<Self, ApiError> {
        let object = match object {
            Some(object) => Some(shape(server, write, &matched, object).await?),
            None => None,
        };
        let old = match old {
            Some(old) => Some(shape(server, write, &matched, old).await?),
            None => None,
        };
        Ok(Self { matched, object, old })
    }

    /// Applies a patch to what the webhook saw and brings `object` up to it; says whether anything changed.
    pub(super) async fn patch(
        &self,
        server: &ApiServer,
        write: &Attributes<'_>,
        object: &mut Object,
        patch: &[u8],
    ) -> Result<bool, ApiError> {
        let Some(seen) = &self.object else { return Ok(false) };
        let patched = json::apply(seen.map().clone(), patch).map_err(|error| ApiError::internal(error.message()))?;
        let carried = self.matched.kind.subresource(write.subresource).is_some_and(|sub| sub.kind.is_some());
        if carried {
            let patched = Object::from_value(patched).map_err(|_| ApiError::internal("the patched object is none"))?;
            let changed = patched != *seen;
            if write.subresource == "scale" {
                let own = own(server, write)?;
                scale::set_replicas(&own, object, &patched);
            } else {
                *object = patched;
            }
            return Ok(changed);
        }
        let mut new = revive(&self.matched, patched)?;
        codec::defaults(&self.matched, &mut new);
        let changed = new != *seen;
        let own = own(server, write)?;
        *object = convert(server, &self.matched, &own, new).await?;
        Ok(changed)
    }
}

fn own(server: &ApiServer, write: &Attributes<'_>) -> Result<Arc<Resource>, ApiError> {
    let kind = write.kind;
    server.resources().find(&kind.group, &kind.version, &kind.plural).cloned().ok_or_else(ApiError::unknown_resource)
}

/// An object in the version of `matched`; for `scale` the Scale of it, for what carries a kind of its own that.
async fn shape(
    server: &ApiServer,
    write: &Attributes<'_>,
    matched: &Arc<Resource>,
    object: &Object,
) -> Result<Object, ApiError> {
    let own = own(server, write)?;
    if write.subresource == "scale" {
        return scale::of(&own, object);
    }
    if object.api_version() != own.api_version || object.kind() != own.gvk.kind {
        return Ok(object.clone());
    }
    convert(server, &own, matched, object.clone()).await
}

/// An object of one version of a resource as another version shows it.
async fn convert(server: &ApiServer, from: &Resource, to: &Resource, mut object: Object) -> Result<Object, ApiError> {
    if from.gvk == to.gvk {
        return Ok(object);
    }
    if let Some(custom) = &to.custom {
        let mut converted = crds::convert(server, custom, vec![object], &to.gvk).await?;
        return converted.pop().ok_or_else(|| ApiError::internal("an object got lost in conversion"));
    }
    if let Some(stored) = from.kind.stored_as {
        (stored.to_stored)(&mut object);
    }
    if let Some(stored) = to.kind.stored_as {
        (stored.from_stored)(&mut object);
    }
    object.set(&["apiVersion"], to.api_version.as_str());
    object.set(&["kind"], to.gvk.kind.as_str());
    codec::defaults(to, &mut object);
    Ok(object)
}

/// What a webhook made of an object, read as a body would be; fields that the kind does not have are dropped.
fn revive(resource: &Resource, value: Value) -> Result<Object, ApiError> {
    if let Some(custom) = &resource.custom {
        return crds::revive(resource, custom, value).map(|(object, _)| object).map_err(ApiError::internal);
    }
    let bytes = serde_json::to_vec(&value).map_err(ApiError::internal)?;
    let document = Document::json(&bytes).map_err(ApiError::internal)?;
    let mut object = document.decode(&resource.schema).map_err(ApiError::internal)?.object;
    object.set(&["apiVersion"], resource.api_version.as_str());
    object.set(&["kind"], resource.gvk.kind.as_str());
    Ok(object)
}
