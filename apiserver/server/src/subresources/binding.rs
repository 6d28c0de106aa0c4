//! `pods/binding` and the older `bindings`: a scheduler puts a Pod on a node.

use std::sync::Arc;

use http::StatusCode;
use kubernel_kinds::core::pod::{Binding, assign};
use kubernel_meta::{ApiError, Gvr, Object, WriteOptions};

use crate::admission::{Operation, Options};
use crate::codec::{self, Expected};
use crate::context::Context;
use crate::request;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::verbs::{bare, write};

/// Answers a POST to `pods/NAME/binding`.
pub(super) async fn create(context: &Context, pods: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let (options, mut binding) = read(context, body)?;
    if binding.name() != context.info.name {
        return Err(ApiError::bad_request("name in URL does not match name in Binding object"));
    }
    let admit = (Operation::Create, Options::Create(&options));
    super::admit_carried(context, pods, admit, &context.info.name, &mut binding).await?;
    bind(context, pods, &options, &binding).await
}

/// Answers a POST to `bindings`: the Pod is the one of the binding's name.
pub(crate) async fn bind_by_name(context: &Context, bindings: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    let (options, mut binding) = read(context, body)?;
    // Of what is created as an object of its own, the uid is the server's to give: it names no Pod here.
    binding.remove(&["metadata", "uid"]);
    let (admit, name) = ((Operation::Create, Options::Create(&options)), binding.name().to_owned());
    super::admit_carried(context, bindings, admit, &name, &mut binding).await?;
    let pods = context.resources.find("", "v1", "pods").ok_or_else(ApiError::unknown_resource)?;
    bind(context, pods, &options, &binding).await
}

fn read(context: &Context, body: &[u8]) -> Result<(WriteOptions, Object), ApiError> {
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let expected = Expected::built_in("", "v1", "Binding", "io.k8s.api.core.v1.Binding")?;
    let mut binding = codec::read(context, &expected, body, options.field_validation)?;
    super::place(context, &mut binding)?;
    Ok((options, binding))
}

async fn bind(
    context: &Context,
    pods: &Arc<Resource>,
    options: &WriteOptions,
    object: &Object,
) -> Result<Answer, ApiError> {
    let binding = Binding { object };
    if let Some(wrong) = binding.validate().first() {
        return Err(bare(wrong.to_string()));
    }
    let (namespace, name) = (context.info.namespace.as_str(), object.name());
    write::raw(context, pods, namespace, name, options.dry_run, |pod| {
        if !object.uid().is_empty() && object.uid() != pod.uid() {
            return Err(write::wrong_uid(pods, namespace, name, object.uid(), pod.uid()));
        }
        let conflict = |detail| ApiError::conflict(&Gvr::new("", "v1", "pods/binding"), name, detail);
        assign(pod, binding, context.now).map_err(conflict)
    })
    .await?;
    Ok(Answer::Value(StatusCode::CREATED, super::success()))
}
