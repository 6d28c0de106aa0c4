//! Who callers are, what they may do, and which of several masters answers.
//!
//! `credentials.rs` knows secrets, `acls.rs` rights, `leader.rs` the master that leads; `gate.rs` stands before every path.
//! Without credentials nobody is asked for a name; without ACLs everybody may do everything; as in Mesos.

mod acls;
mod credentials;
mod gate;
mod leader;

use std::{path::Path, sync::Arc};

use kubernel_mesos_proto::{Message, v1};
use tokio::sync::watch;

pub use acls::{Acls, Action};
pub use credentials::Credentials;
pub(crate) use gate::{gate, redirect};
pub use leader::Leader;

use crate::limits::Limits;

/// The largest file of credentials, ACLs or limits in bytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The principal of a caller, if it said who it is.
pub type Asker<'a> = Option<&'a str>;

/// Who may come in and do what.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who there is; `None`: nobody is asked.
    pub credentials: Option<Arc<Credentials>>,
    /// Who may do what. To be given to [`crate::Config::authorizer`] as well.
    pub acls: Arc<Acls>,
    /// How many calls frameworks may make; to be given to [`crate::Config::limits`].
    pub limits: Option<Arc<Limits>>,
    /// Which master leads.
    pub leader: watch::Receiver<Leader>,
}

/// Why a file of settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It is larger than any such file.
    #[error("{0} is too large")]
    Large(String),
    /// It does not say what it should.
    #[error("{path}: {why}")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl Default for Access {
    /// Open to all, and this master leads.
    fn default() -> Self {
        let (_, leader) = watch::channel(Leader::Me);
        Self { credentials: None, acls: Arc::new(Acls::default()), limits: None, leader }
    }
}

impl Access {
    /// As files of Mesos' JSON say: `{"credentials": [{"principal", "secret"}]}`, `{"limits": [{"principal", "qps",
    /// "capacity"}], …}` and ACLs.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or is not what it should be.
    pub fn load(credentials: Option<&Path>, acls: Option<&Path>, limits: Option<&Path>) -> Result<Self, AccessError> {
        let mut access = Self::default();
        if let Some(path) = credentials {
            let read: v1::Credentials = load(path)?;
            access.credentials = Some(Arc::new(Credentials::new(&read)));
        }
        if let Some(path) = acls {
            let wrong = |why| AccessError::Content { path: path.display().to_string(), why };
            access.acls = Arc::new(Acls::parse(&bytes(path)?).map_err(wrong)?);
        }
        if let Some(path) = limits {
            let wrong = |why| AccessError::Content { path: path.display().to_string(), why };
            access.limits = Some(Arc::new(Limits::new(&load(path)?).map_err(wrong)?));
        }
        Ok(access)
    }
}

fn load<M: Message>(path: &Path) -> Result<M, AccessError> {
    M::from_json(&bytes(path)?)
        .map_err(|why| AccessError::Content { path: path.display().to_string(), why: why.to_string() })
}

fn bytes(path: &Path) -> Result<Vec<u8>, AccessError> {
    use std::io::Read;
    let name = || path.display().to_string();
    let read = |source| AccessError::Read { path: name(), source };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(read)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(read)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(AccessError::Large(name())) } else { Ok(bytes) }
}
