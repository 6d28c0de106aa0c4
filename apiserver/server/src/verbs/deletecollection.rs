//! DELETE of a collection: each object that a list would show.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kubernel_meta::{ApiError, DeleteOptions, Reason};
use kubernel_store::Entry;

use crate::context::Context;
use crate::resources::Resource;
use crate::respond::{Answer, Item, List};
use crate::{document, request};

use super::{delete, list};

/// How many deletions run at once: enough to share the store's commits.
const WORKERS: usize = 64;

/// Answers a DELETE of a collection: the list of what was deleted.
pub(crate) async fn deletecollection(
    context: &Context,
    resource: &Arc<Resource>,
    body: &[u8],
) -> Result<Answer, ApiError> {
    let list_options = request::list_options(&context.query, false)?;
    let options = delete::options(context, body)?;
    let page = list::page(context, resource, &list_options).await?;
    let options = &options;
    let entries = page.entries.clone();
    let deletions = entries.into_iter().map(|entry| delete_entry(context, resource, entry, options));
    let items = stream::iter(deletions).buffered(WORKERS).map_ok(Item::Made).try_collect().await?;
    let list = List { items, revision: page.revision, continue_token: page.continue_token, remaining: page.remaining };
    Ok(Answer::List(resource.clone(), list))
}

async fn delete_entry(
    context: &Context,
    resource: &Arc<Resource>,
    entry: Arc<Entry>,
    options: &DeleteOptions,
) -> Result<Bytes, ApiError> {
    let before = document::decode(resource, &entry)?;
    match delete::delete_one(context, resource, before.namespace(), before.name(), options).await {
        Ok(_) => document::to_json(&before),
        Err(error) if error.reason() == Reason::NotFound => document::to_json(&before),
        Err(error) => Err(error),
    }
}
