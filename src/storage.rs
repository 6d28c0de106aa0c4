//! Where the objects are: a folder of this machine's, or an etcd that several servers share.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kubernel_server::pki::{ServingNames, SharedPki};
use kubernel_store::{Embedded, Etcd, EtcdOptions, EtcdTls, Roster, Store};

use crate::options::duration;

/// Under what name etcd has what all servers' `pki/` folders have in common.
const SHARED_PKI: &str = kubernel_server::BACKUP_PKI;

/// Of the store. Without `--etcd-servers` it is a folder below the data's.
#[derive(Args)]
pub(crate) struct StorageOptions {
    /// The members of an etcd cluster, like http://10.0.0.1:2379, separated by commas; servers that share one are one cluster
    #[arg(long, env = "KUBERNEL_ETCD_SERVERS", value_delimiter = ',', value_name = "URLS")]
    pub(crate) etcd_servers: Vec<String>,
    /// What all keys in etcd begin with
    #[arg(long, env = "KUBERNEL_ETCD_PREFIX", default_value = "/kubernel", value_name = "PREFIX")]
    pub(crate) etcd_prefix: String,
    /// The authorities that signed etcd's certificates
    #[arg(long, env = "KUBERNEL_ETCD_CAFILE", value_name = "FILE")]
    pub(crate) etcd_cafile: Option<PathBuf>,
    /// The certificate to show to etcd
    #[arg(long, env = "KUBERNEL_ETCD_CERTFILE", value_name = "FILE", requires = "etcd_keyfile")]
    pub(crate) etcd_certfile: Option<PathBuf>,
    /// Its key
    #[arg(long, env = "KUBERNEL_ETCD_KEYFILE", value_name = "FILE", requires = "etcd_certfile")]
    pub(crate) etcd_keyfile: Option<PathBuf>,
    /// How long etcd keeps the past
    #[arg(long, env = "KUBERNEL_ETCD_COMPACTION_INTERVAL", default_value = "5m", value_name = "TIME", value_parser = duration)]
    pub(crate) etcd_compaction_interval: Duration,
}

impl StorageOptions {
    /// Whether other servers may have the same objects.
    pub(crate) fn is_shared(&self) -> bool {
        !self.etcd_servers.is_empty()
    }

    /// Opens the store; on etcd, also makes this server's `pki/` that of its cluster. With it comes the list of servers,
    /// where there may be others.
    pub(crate) async fn open(
        &self,
        data_dir: &Path,
        names: &ServingNames,
    ) -> Result<(Arc<dyn Store>, Option<Roster>), String> {
        if !self.is_shared() {
            let store = Embedded::open(&data_dir.join("store"), &kubernel_server::reindex);
            return Ok((store.map_err(|error| error.to_string())?, None));
        }
        let etcd = self.etcd().await?;
        self.share_pki(&etcd, data_dir, names).await?;
        let roster = etcd.roster();
        Ok((etcd, Some(roster)))
    }

    /// The store on etcd.
    pub(crate) async fn etcd(&self) -> Result<Arc<Etcd>, String> {
        let options = self.read()?;
        let etcd = Etcd::open(options, Box::new(kubernel_server::reindex)).await;
        etcd.map_err(|error| format!("--etcd-servers {}: {error}", self.etcd_servers.join(",")))
    }

    async fn share_pki(&self, etcd: &Etcd, data_dir: &Path, names: &ServingNames) -> Result<(), String> {
        let agreed = etcd.agreed(SHARED_PKI).await.map_err(|error| error.to_string())?;
        let agreed = match agreed {
            Some(agreed) => agreed,
            None => {
                let proposed = SharedPki::propose(data_dir, names).map_err(|error| error.to_string())?;
                etcd.agree(SHARED_PKI, proposed.render()).await.map_err(|error| error.to_string())?
            }
        };
        let shared = SharedPki::parse(&agreed).and_then(|shared| shared.adopt(data_dir));
        shared.map_err(|error| error.to_string())
    }

    /// Read; the error is a line for whoever started the process.
    pub(crate) fn read(&self) -> Result<EtcdOptions, String> {
        for url in &self.etcd_servers {
            if !url.starts_with("http://") && !url.starts_with("https://") {
                return Err(format!("--etcd-servers {url}: want an URL such as http://10.0.0.1:2379"));
            }
        }
        if !self.etcd_prefix.starts_with('/') || !self.etcd_prefix.is_ascii() {
            return Err(format!("--etcd-prefix {}: want a path such as /kubernel", self.etcd_prefix));
        }
        let file = |flag: &str, path: &PathBuf| {
            std::fs::read(path).map_err(|error| format!("{flag} {}: {error}", path.display()))
        };
        let authorities = self.etcd_cafile.as_ref().map(|path| file("--etcd-cafile", path)).transpose()?;
        let identity = match (&self.etcd_certfile, &self.etcd_keyfile) {
            (Some(certificate), Some(key)) => {
                Some((file("--etcd-certfile", certificate)?, file("--etcd-keyfile", key)?))
            }
            _ => None,
        };
        let tls = authorities.map(|authorities| EtcdTls { authorities, identity });
        let encrypted = self.etcd_servers.iter().any(|url| url.starts_with("https://"));
        if encrypted && tls.is_none() {
            return Err("--etcd-servers with https needs --etcd-cafile".to_owned());
        }
        Ok(EtcdOptions {
            endpoints: self.etcd_servers.clone(),
            prefix: self.etcd_prefix.clone(),
            tls: tls.filter(|_| encrypted),
            compact_every: self.etcd_compaction_interval,
        })
    }
}
