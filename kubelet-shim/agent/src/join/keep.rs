//! What a node keeps of its membership: `ca.crt`, and `NAME.pem` with a key and its certificate in one file, so that
//! they never part. Written whole or not at all, readable by the owner alone.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use x509_parser::prelude::{Pem, X509Certificate};

use super::Pair;
use crate::{AgentError, Result};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The folder `<data dir>/pki` of a node.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|source| AgentError::File { path: path.to_owned(), source })?;
        Ok(Self(path.to_owned()))
    }

    pub(super) fn ca(&self) -> Result<Option<String>> {
        self.read("ca.crt")
    }

    pub(super) fn keep_ca(&self, pem: &str) -> Result<()> {
        self.write("ca.crt", pem)
    }

    /// A pair, and whether the first half of its life is not over yet.
    pub(super) fn pair(&self, name: &str) -> Result<Option<(Pair, bool)>> {
        let Some(text) = self.read(&format!("{name}.pem"))? else { return Ok(None) };
        let Some(at) = text.find(CERTIFICATE) else { return Ok(None) };
        let pair = Pair { key_pem: text[..at].to_owned(), certificate_pem: text[at..].to_owned() };
        Ok(life(&pair.certificate_pem).map(|(from, to)| (pair, now_secs() < from.midpoint(to))))
    }

    pub(super) fn keep(&self, name: &str, pair: &Pair) -> Result<()> {
        self.write(&format!("{name}.pem"), &format!("{}{}", pair.key_pem, pair.certificate_pem))
    }

    fn read(&self, file: &str) -> Result<Option<String>> {
        let path = self.0.join(file);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(AgentError::File { path, source }),
        }
    }

    fn write(&self, file: &str, text: &str) -> Result<()> {
        let (path, partial) = (self.0.join(file), self.0.join(format!("{file}.partial")));
        let write = || {
            let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&partial, &path)
        };
        write().map_err(|source| AgentError::File { path: path.clone(), source })
    }
}

/// Whether a certificate's life has ended, or cannot be told.
pub(super) fn is_over(certificate_pem: &str) -> bool {
    life(certificate_pem).is_none_or(|(_, to)| now_secs() >= to)
}

/// From when to when a certificate is good, in seconds since 1970.
fn life(certificate_pem: &str) -> Option<(i64, i64)> {
    read(certificate_pem, |certificate| {
        let validity = certificate.validity();
        (validity.not_before.timestamp(), validity.not_after.timestamp())
    })
}

/// Looks at the first certificate of a text.
pub(super) fn read<T>(certificate_pem: &str, look: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
    let pem = Pem::iter_from_buffer(certificate_pem.as_bytes()).next()?.ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(look(&certificate))
}

fn now_secs() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
