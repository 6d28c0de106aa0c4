//! Where the contents of a Pod's volumes come from: the API server and the Pod itself.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use kubernel_volumes::{Source, Token, TokenWish};
use serde_json::Value;

use super::downward;
use crate::node::NodeContext;

/// The source of one Pod's volumes.
pub(crate) struct PodSource<'a> {
    pub(crate) node: &'a NodeContext,
    pub(crate) pod: &'a Value,
    pub(crate) ips: &'a [String],
}

impl PodSource<'_> {
    fn namespace(&self) -> &str {
        self.pod["metadata"]["namespace"].as_str().unwrap_or_default()
    }
}

impl Source for PodSource<'_> {
    fn config_map<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<Value>>, String>> {
        self.node.objects.config_map(self.namespace(), name).boxed()
    }

    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Arc<Value>>, String>> {
        self.node.objects.secret(self.namespace(), name).boxed()
    }

    fn token(&self, wish: TokenWish) -> BoxFuture<'_, Result<Token, String>> {
        self.node.objects.token(self.pod, wish).boxed()
    }

    fn field(&self, reference: &Value) -> Result<String, String> {
        downward::field(self.pod, reference, &self.node.facts, self.ips)
    }

    fn resource(&self, reference: &Value) -> Result<String, String> {
        downward::resource(self.pod, reference, None, &self.node.facts)
    }
}
