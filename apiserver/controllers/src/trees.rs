//! Objects read as JSON trees, for controllers that look at kinds that they do not know, or at fields that no cache keeps.

use kube::Client;
use kube::api::ListParams;
use kube::core::Request;
use kubernel_meta::Object;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::Error;

/// How many objects are read at a time.
const PAGE: u32 = 500;

#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    #[serde(default)]
    items: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ListMeta {
    #[serde(rename = "continue")]
    next: String,
    remaining_item_count: u64,
}

/// The object under a path; none where there is none.
pub(crate) async fn get(client: &Client, path: &str) -> Result<Option<Object>, Error> {
    let (parent, name) = path.rsplit_once('/').unwrap_or_default();
    let request =
        Request::new(parent).get(name, &kube::api::GetParams::default()).map_err(kube::Error::BuildRequest)?;
    match client.request::<Map<String, Value>>(request).await {
        Ok(object) => Ok(Some(Object::new(object))),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many objects there are under the path of a collection; none where there is no such collection.
pub(crate) async fn count(client: &Client, path: &str) -> Result<u64, Error> {
    let first = page(client, path, &ListParams::default().limit(1)).await?;
    Ok(first.map_or(0, |list| u64::try_from(list.items.len()).unwrap_or(0) + list.metadata.remaining_item_count))
}

/// Shows all objects under the path of a collection, a page at a time.
pub(crate) async fn each(client: &Client, path: &str, mut see: impl FnMut(Object) + Send) -> Result<(), Error> {
    let mut params = ListParams::default().limit(PAGE);
    while let Some(list) = page(client, path, &params).await? {
        list.items.into_iter().map(Object::new).for_each(&mut see);
        if list.metadata.next.is_empty() {
            break;
        }
        params.continue_token = Some(list.metadata.next);
    }
    Ok(())
}

async fn page(client: &Client, path: &str, params: &ListParams) -> Result<Option<List>, Error> {
    let request = Request::new(path).list(params).map_err(kube::Error::BuildRequest)?;
    match client.request(request).await {
        Ok(list) => Ok(Some(list)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error.into()),
    }
}
