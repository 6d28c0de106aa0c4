//! `serviceaccounts/token`: a TokenRequest comes in and goes out with a token.

use std::sync::Arc;

use http::StatusCode;
use kubernel_meta::{ApiError, time};
use kubernel_schema::apply::{self, OneVersion, Write};

use crate::admission::{Operation, Options};
use crate::codec::{self, Expected};
use crate::context::Context;
use crate::resources::Resource;
use crate::respond::Answer;
use crate::{request, reviews};

/// Answers a POST.
pub(super) async fn create(context: &Context, accounts: &Arc<Resource>, body: &[u8]) -> Result<Answer, ApiError> {
    const DEFINITION: &str = "io.k8s.api.authentication.v1.TokenRequest";
    let options = request::write_options(&context.query, "CreateOptions", false)?;
    let expected = Expected::built_in("authentication.k8s.io", "v1", "TokenRequest", DEFINITION)?;
    let mut object = codec::read(context, &expected, body, options.field_validation)?;
    super::place(context, &mut object)?;
    if object.int_at(&["spec", "expirationSeconds"]).is_none() {
        object.set(&["spec", "expirationSeconds"], reviews::TOKEN_SECS_DEFAULT);
    }
    let write = Write {
        manager: &context.field_manager(&options.field_manager),
        api_version: &expected.gvk.api_version(),
        kind: &expected.gvk.kind,
        subresource: "token",
        now: &time::format(context.now),
        reset: &[],
        only: &[],
    };
    apply::track_update(&expected.schema, &OneVersion, None, &mut object, &write).map_err(ApiError::internal)?;
    let (namespace, name) = (&context.info.namespace, &context.info.name);
    let admit = (Operation::Create, Options::Create(&options));
    super::mutate_carried(context, accounts, admit, name, &mut object).await?;
    let request = reviews::TokenRequest::read(&context.server, namespace, name, object, context.now).await?;
    super::validate_carried(context, accounts, admit, name, &request.object).await?;
    let object = request.issue(&context.server, context.now).await?;
    Ok(Answer::Value(StatusCode::CREATED, object.into_value()))
}
