//! What a process of Mesos' gets: a sandbox where Mesos' tools look for it, its files, and the environment that libraries
//! of executors read.

use std::net::SocketAddr;
use std::path::Path;

use futures::future::BoxFuture;
use kubernel_mesos_proto::v1::ExecutorType;
use kubernel_runtime::process::{Facts, Outfit, Outfitter};
use kubernel_runtime::{cri, labels};

use crate::fetch::Fetcher;
use crate::identity::{Identity, Info};
use crate::places::Places;
use crate::token::{Claims, Tokens};
use crate::{Config, Executors};

/// What every outfit needs.
pub(crate) struct Outfits {
    node_name: String,
    endpoint: SocketAddr,
    pub(crate) places: Places,
    fetcher: Fetcher,
}

impl Outfits {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            node_name: config.node_name.clone(),
            endpoint: config.endpoint(),
            places: Places::new(config),
            fetcher: Fetcher::new(config.data_dir.join("fetch")),
        }
    }

    fn outfit(&self, identity: &Identity, container: &str, tokens: &Tokens) -> Outfit {
        let dir = self.places.runs(&identity.framework, &identity.executor).join(container);
        let endpoint = self.endpoint.to_string();
        let place = dir.to_string_lossy().into_owned();
        let mut env = vec![
            ("MESOS_SANDBOX", place.clone()),
            ("MESOS_DIRECTORY", place),
            ("MESOS_FRAMEWORK_ID", identity.framework.clone()),
            ("MESOS_EXECUTOR_ID", identity.executor.clone()),
            ("MESOS_SLAVE_ID", self.node_name.clone()),
            ("MESOS_AGENT_ID", self.node_name.clone()),
        ];
        match &identity.info {
            Info::Task(info) => env.push(("MESOS_TASK_ID", info.task_id.value.clone())),
            Info::Executor(info) => {
                let grace = info.shutdown_grace_period.as_ref().map(|grace| format!("{}ns", grace.nanoseconds));
                env.extend([
                    ("MESOS_SLAVE_PID", format!("slave(1)@{endpoint}")),
                    ("MESOS_AGENT_ENDPOINT", endpoint),
                    // Executors and what they say outlive our restarts, whether a framework asks for that or not.
                    ("MESOS_CHECKPOINT", "1".into()),
                    ("MESOS_RECOVERY_TIMEOUT", "15mins".into()),
                    ("MESOS_SUBSCRIPTION_BACKOFF_MAX", "2secs".into()),
                    ("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", grace.unwrap_or_else(|| "5secs".into())),
                    ("MESOS_HTTP_COMMAND_EXECUTOR", "0".into()),
                    ("LIBPROCESS_PORT", "0".into()),
                ]);
                let Identity { framework, executor, .. } = identity.clone();
                let claims = Claims { fid: framework, eid: executor, cid: container.to_owned() };
                env.extend(tokens.issue(&claims).map(|token| ("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", token)));
            }
        }
        Outfit {
            dir: Some(dir),
            env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            user: identity.command().and_then(|command| command.user.clone()).filter(|user| !user.is_empty()),
        }
    }
}

impl Executors {
    /// Has the book know in which container an executor runs; other containers are left alone.
    pub(crate) fn bind(&self, container: &str, sandbox: &cri::PodSandboxConfig) -> Result<(), String> {
        let Some(identity) = Identity::read(&sandbox.annotations, None)? else { return Ok(()) };
        let Info::Executor(info) = &identity.info else { return Ok(()) };
        if info.r#type == Some(ExecutorType::Default) {
            return Ok(());
        }
        let key = (identity.framework, identity.executor);
        let uid = sandbox.metadata.as_ref().map(|meta| meta.uid.clone());
        let uid = uid.or_else(|| sandbox.labels.get(labels::POD_UID).cloned()).unwrap_or_default();
        self.step(|book| book.bind(key, &uid, container)).map_err(|error| error.to_string())
    }
}

impl Outfitter for Executors {
    fn outfit(&self, facts: Facts<'_>) -> Result<Outfit, String> {
        let Some(identity) = Identity::of(facts)? else { return Ok(Outfit::default()) };
        Ok(self.inner.outfits.outfit(&identity, facts.id, &self.inner.tokens))
    }

    fn fill<'a>(
        &'a self,
        facts: Facts<'a>,
        dir: &'a Path,
        owner: Option<(u32, u32)>,
    ) -> BoxFuture<'a, Result<(), String>> {
        Box::pin(async move {
            let Some(identity) = Identity::of(facts)? else { return Ok(()) };
            // Not before its container is there: one that is not known counts as ended.
            self.bind(facts.id, facts.sandbox)?;
            let Some(command) = identity.command() else { return Ok(()) };
            self.inner.outfits.fetcher.fetch(command, dir, owner).await
        })
    }
}
