//! One request on its way: what was read of it, who sent it, and what it gathers for the answer.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use jiff::Timestamp;
use kubernel_meta::ApiError;
use parking_lot::Mutex;

use crate::metrics::{Measure, Waited};
use crate::negotiate::{self, Output, Scope};
use crate::request::{Query, RequestInfo};
use crate::resources::Resources;
use crate::versions::Conversions;
use crate::{ApiServer, User};

/// A request that was authenticated.
pub(crate) struct Context {
    /// The server.
    pub(crate) server: ApiServer,
    /// The resources that were served when the request came.
    pub(crate) resources: Arc<Resources>,
    /// What it is about.
    pub(crate) info: RequestInfo,
    /// Its query.
    pub(crate) query: Query,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Who sent it.
    pub(crate) user: User,
    /// When it came.
    pub(crate) now: Timestamp,
    /// How long it waited for others.
    pub(crate) waited: Waited,
    /// What conversion webhooks were asked to work out its owners.
    pub(crate) conversions: Conversions,
    sent: OnceLock<Box<str>>,
    warnings: Mutex<Vec<String>>,
    measure: OnceLock<Measure>,
}

impl Context {
    pub(crate) fn new(server: ApiServer, info: RequestInfo, query: Query, headers: HeaderMap, user: User) -> Self {
        let resources = server.resources();
        Self {
            server,
            resources,
            info,
            query,
            headers,
            user,
            now: Timestamp::now(),
            waited: Waited::default(),
            conversions: Conversions::default(),
            sent: OnceLock::new(),
            warnings: Mutex::default(),
            measure: OnceLock::new(),
        }
    }

    /// Says in which words the request brings content that is kept verbatim.
    pub(crate) fn say(&self, words: &str) {
        self.sent.get_or_init(|| words.into());
    }

    /// The words that were said.
    pub(crate) fn sent(&self) -> Option<&str> {
        self.sent.get().map(|words| &**words)
    }

    /// Says what serves the request, which is where it is counted.
    pub(crate) fn measure_with(&self, measure: impl FnOnce() -> Measure) {
        self.measure.get_or_init(measure);
    }

    /// Where the request is counted; `None` where nothing serves it.
    pub(crate) fn measure(&self) -> Option<&Measure> {
        self.measure.get()
    }

    /// Adds a text for a `Warning` header.
    pub(crate) fn warn(&self, text: impl Into<String>) {
        self.warnings.lock().push(text.into());
    }

    /// The texts for `Warning` headers.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock())
    }

    /// The form of the answer; `binary` says whether what is asked for has a protobuf form.
    pub(crate) fn output(&self, scope: Scope, binary: bool) -> Result<Output, ApiError> {
        negotiate::output(&self.headers, self.query.get("pretty"), scope, binary)
    }

    /// The name under which writes own fields: `fieldManager`, or the User-Agent up to its first slash.
    pub(crate) fn field_manager(&self, option: &str) -> String {
        if !option.is_empty() {
            return option.to_owned();
        }
        let agent =
            self.headers.get(http::header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let prefix = agent.split('/').next().unwrap_or_default();
        prefix.chars().filter(|c| !c.is_control()).take(128).collect()
    }
}
